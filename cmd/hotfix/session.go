package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/report"
)

// version is the version of the command, written into reports and evidence. A
// release sets it (go build -ldflags "-X main.version=…").
var version = "0.1.0"

// tool names the command in reports and evidence.
var tool = report.Tool{Name: "hotfixkit", Version: version}

// The exit codes of the command.
const (
	exitOK          = 0
	exitDifference  = 1
	exitUsage       = 2
	exitInput       = 3
	exitOutput      = 4
	exitInterrupted = 130
)

// session is one run of the command: where it prints, and how.
type session struct {
	stdout, stderr io.Writer
	json, quiet    bool
	out, messages  terminal // where text and messages are read
	next           bool     // say what could be done next
	reported       bool     // the JSON document, with the error in it, is on stdout
	running        running  // the command, once it is known

	interrupted <-chan struct{} // closed when the run is told to stop; nil where it cannot be
	printing    atomic.Int32    // one of the states below
}

// What has become of standard output. After an interruption nothing is printed to it
// but the one JSON document, and that only where nothing was printed before.
const (
	nothingPrinted = iota
	somethingPrinted
	printingEnded
)

// errDifference says that a check found a difference, which is already printed.
var errDifference = errors.New("a check found a difference")

// differenceError is a check that failed with something more to say.
type differenceError struct{ err error }

func (e *differenceError) Error() string { return e.err.Error() }
func (e *differenceError) Unwrap() error { return e.err }

// usageError is a command line that asks for something impossible.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// asUsage makes the errors in err that wrap kind wrong usage.
func asUsage(err, kind error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, asUsage(e, kind))
		}
		return errors.Join(all...)
	}
	if errors.Is(err, kind) {
		return &usageError{err}
	}
	return err
}

// exitCode returns the exit code of an error; of several joined errors, the
// worst in the order 130, 4, 3, 2, 1.
func exitCode(err error) int {
	var usage *usageError
	var output *extract.OutputError
	var difference *differenceError
	switch joined, ok := err.(interface{ Unwrap() []error }); {
	case err == nil:
		return exitOK
	case ok:
		worst := exitOK
		for _, e := range joined.Unwrap() {
			worst = max(worst, exitCode(e))
		}
		return worst
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &output):
		return exitOutput
	case errors.As(err, &usage), isChoice(err), errors.Is(err, source.ErrAmbiguous):
		return exitUsage
	case errors.Is(err, errDifference), errors.As(err, &difference):
		return exitDifference
	}
	return exitInput
}

// report prints what a run still has to say and returns its exit code.
func (s *session) report(err error) int {
	code := exitCode(err)
	if len(flatten(err)) == 0 {
		return code
	}
	if s.json && !s.reported {
		if printErr := s.printJSON(outputWriter{s.stdout}, struct{}{}, err); printErr != nil {
			fmt.Fprintf(s.stderr, "hotfix: %v\n", printErr)
		}
	}
	told := false
	for _, cause := range source.Causes(flatten(err)) {
		if errors.Is(cause, context.Canceled) {
			if told {
				continue
			}
			told = true
		}
		s.printError(cause)
	}
	return code
}

// flatten lists the errors that are joined in err, without the marker for
// differences, which are printed where they are found.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil || errors.Is(err, errDifference) {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

func (s *session) printError(err error) {
	detail := s.describe(err)
	s.tell("hotfix: " + oneLine(detail.Message))
	if detail.Hint != "" {
		s.tell("  hint: " + oneLine(detail.Hint))
	}
}

// oneLine writes a message, which may hold names from packages, for a terminal.
func oneLine(message string) string { return display.Text(strings.ReplaceAll(message, "\n", "; ")) }

// errorDetail is the "error" member of a JSON document.
type errorDetail struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Package string `json:"package,omitempty"`
	Place   string `json:"place,omitempty"`
}

// interrupted is what is said of every run that was told to stop.
const interrupted = "interrupted; nothing was left half done"

func (s *session) describe(err error) errorDetail {
	if errors.Is(err, context.Canceled) {
		return errorDetail{Message: interrupted}
	}
	detail := errorDetail{Message: err.Error(), Hint: s.running.hint(err)}
	var input *source.Error
	var output *extract.OutputError
	switch {
	case errors.As(err, &input):
		detail.Package, detail.Place = input.Package, input.Place
	case errors.As(err, &output):
		detail.Place = output.Path
	}
	return detail
}

// warn prints one warning on standard error.
func (s *session) warn(format string, args ...any) {
	text := oneLine(fmt.Sprintf(format, args...))
	if !strings.HasPrefix(text, source.Note) {
		text = "warning: " + text
	}
	if !s.quiet {
		s.tell(text)
	}
}

// note prints something worth knowing that is not a reason for doubt.
func (s *session) note(format string, args ...any) {
	if !s.quiet {
		s.tell(oneLine(fmt.Sprintf(format, args...)))
	}
}

// tell prints a line on standard error.
func (s *session) tell(line string) { io.WriteString(s.stderr, s.messages.fold(line+"\n")) }

// finish ends a command: it prints result as JSON, or calls text to print it
// for people, and passes err on. With an error, result is whatever is known.
func (s *session) finish(result any, text func(io.Writer), err error) error {
	if s.json {
		s.reported = true
		return errors.Join(err, s.print(func() error { return s.printJSON(printedWriter{s, outputWriter{s.stdout}}, result, err) }))
	}
	if text == nil || s.quiet {
		return err
	}
	return errors.Join(err, s.print(func() error {
		page := &screen{terminal: s.out, out: s.output()}
		text(page)
		return page.finish()
	}))
}

// print calls what prints, and does not wait for its end when the run is told to
// stop: a document of many files takes a while, and whoever reads a pipe may never
// go on.
func (s *session) print(printing func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- printing() }()
	select {
	case err := <-ended:
		return err
	case <-s.interrupted:
	}
	if s.printing.CompareAndSwap(nothingPrinted, printingEnded) {
		s.reported = false
		return context.Canceled
	}
	defer s.printing.Store(printingEnded)
	select {
	case err := <-ended: // a document that was begun is closed
		return errors.Join(context.Canceled, err)
	case <-time.After(closingTime):
		return context.Canceled
	}
}

// closingTime is how long a run that is told to stop waits for the end of a document,
// whose reader may be slow, or gone.
const closingTime = 500 * time.Millisecond

// await returns what work returns, or context.Canceled as soon as done is closed. It
// is for work that changes nothing, and needs nothing that is closed afterwards.
func await[T any](done <-chan struct{}, work func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	ended := make(chan outcome, 1)
	go func() {
		value, err := work()
		ended <- outcome{value, err}
	}()
	select {
	case o := <-ended:
		return o.value, o.err
	case <-done:
		var none T
		return none, context.Canceled
	}
}

// line prints one of several documents, on a line of its own, with err as its
// "error" member.
func (s *session) line(result any, err error) error {
	s.reported = true
	if v, ok := pieces(result); ok {
		return s.printDocument(printedWriter{s, outputWriter{s.stdout}}, v, err, false)
	}
	doc, marshalErr := s.marshalWithError(result, err)
	if marshalErr != nil {
		return marshalErr
	}
	_, writeErr := s.output().Write(append(display.JSON(doc), '\n'))
	return writeErr
}

// output is standard output until the run is told to stop; a failure to write there
// is an *extract.OutputError.
func (s *session) output() io.Writer {
	return untilInterrupted{s.interrupted, printedWriter{s, outputWriter{s.stdout}}}
}

// untilInterrupted is a writer that fails when the run is told to stop.
type untilInterrupted struct {
	interrupted <-chan struct{}
	w           io.Writer
}

func (u untilInterrupted) Write(p []byte) (int, error) {
	select {
	case <-u.interrupted:
		return 0, context.Canceled
	default:
		return u.w.Write(p)
	}
}

// printedWriter notes that something is printed.
type printedWriter struct {
	s *session
	w io.Writer
}

func (p printedWriter) Write(b []byte) (int, error) {
	if !p.s.printing.CompareAndSwap(nothingPrinted, somethingPrinted) && p.s.printing.Load() == printingEnded {
		return 0, context.Canceled
	}
	return p.w.Write(b)
}

type outputWriter struct{ w io.Writer }

func (o outputWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = &extract.OutputError{Path: "standard output", Err: err}
	}
	return n, err
}

// printJSON prints result as the one JSON document of the run, with err as its
// "error" member.
func (s *session) printJSON(w io.Writer, result any, err error) error {
	if v, ok := pieces(result); ok {
		return s.printDocument(w, v, err, true)
	}
	doc, marshalErr := s.marshalWithError(result, err)
	if marshalErr != nil {
		return marshalErr
	}
	var b bytes.Buffer
	if indentErr := json.Indent(&b, doc, "", "  "); indentErr != nil {
		return indentErr
	}
	b.WriteByte('\n')
	_, writeErr := w.Write(display.JSON(b.Bytes()))
	return writeErr
}

// marshalWithError encodes result; when there is an error, as an object with
// the members "error", the first of them, and "errors" added. A result that is not an object is left alone: its
// elements carry their errors.
func (s *session) marshalWithError(result any, err error) ([]byte, error) {
	doc, marshalErr := marshal(result)
	failures := flatten(err)
	if marshalErr != nil || len(failures) == 0 || doc[0] != '{' {
		return doc, marshalErr
	}
	doc = bytes.TrimSuffix(doc, []byte("}"))
	for _, m := range s.errorMembers(err) {
		value, marshalErr := marshal(m.value)
		if marshalErr != nil {
			return nil, marshalErr
		}
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		doc = append(append(doc, `"`+m.name+`":`...), value...)
	}
	return append(doc, '}'), nil
}

// errorMembers returns the members that tell of errors, none where there are none.
func (s *session) errorMembers(err error) []member {
	failures := flatten(err)
	if len(failures) == 0 {
		return nil
	}
	all := make([]errorDetail, len(failures))
	for i, failure := range failures {
		all[i] = s.describe(failure)
	}
	return []member{{"error", all[0]}, {"errors", all}}
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
