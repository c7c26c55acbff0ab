// Command hotfix reads Windows Installer packages on any operating system:
// it extracts what an administrative installation would extract, checks files
// against what their publisher printed, and stages distribution-point content.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

func main() {
	paceCollector()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s := newSession(ctx, os.Stdout, os.Stderr)
	finished := context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		time.Sleep(grace)
		s.giveUp(wantsJSON(os.Args[1:]))
	})
	code := s.run(ctx, os.Args[1:])
	finished()
	os.Exit(code)
}

// grace is how long a command that was told to stop may take to tidy up. One that
// takes longer, because a disk is busy or a pipe is full, ends as if it were killed: it
// leaves the old state, or the finished one, and at most one temporary folder, which
// the next run removes.
const grace = 800 * time.Millisecond

// abandoned is what is said of a run that could not tidy up in time.
const abandoned = "interrupted; a temporary folder may be left next to the output, which the next run removes"

// giveUp ends the process.
func (s *session) giveUp(asJSON bool) {
	if s.printing.Swap(printingEnded) == nothingPrinted && asJSON {
		fmt.Fprintf(s.stdout, "{\n  \"error\": {\n    \"message\": %q\n  }\n}\n", abandoned)
	}
	fmt.Fprintln(s.stderr, "hotfix: "+abandoned)
	os.Exit(exitInterrupted)
}

func newSession(ctx context.Context, stdout, stderr io.Writer) *session {
	return &session{stdout: stdout, stderr: stderr, out: newTerminal(stdout, "auto"), messages: newTerminal(stderr, "never"), interrupted: ctx.Done()}
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return newSession(ctx, stdout, stderr).run(ctx, args)
}

func (s *session) run(ctx context.Context, args []string) int {
	err := s.execute(ctx, newApp(s), args)
	// A command line that was not understood set no flag.
	s.json = s.json || wantsJSON(args)
	if ctx.Err() != nil {
		err = errors.Join(err, context.Canceled)
	}
	return s.report(err)
}

// execute takes a command line apart and runs what it asks for.
func (s *session) execute(ctx context.Context, app *cli.App, args []string) error {
	line, err := parseArgs(app, args)
	s.running.command = line.name()
	if err != nil {
		return err
	}
	s.json = wantsJSON(line.flags)
	switch {
	case line.help, line.command == nil && !line.version && len(line.rest) == 0:
		return s.printHelp(app, line.name())
	case line.version:
		line.path = []string{"version"}
	case line.command == nil:
		// hotfix FILE is short for hotfix info FILE.
		line.path, s.next = []string{"info"}, true
	}
	if runtime.GOOS == "windows" {
		if line.rest, err = expandWildcards(line.rest); err != nil {
			return err
		}
	}
	return app.RunContext(ctx, append([]string{app.Name}, line.words()...))
}

// newApp describes the whole command line.
func newApp(s *session) *cli.App {
	app := &cli.App{
		Name:  "hotfix",
		Usage: "read, extract, check and stage Windows Installer packages",
		Description: "A PACKAGE is a file of any kind that hotfix reads, told by its content and not by its name. " +
			"OUTER//INNER is a package inside another one, by its path in it, its File key or its base name: product.rpm//opt/product/setup.msi (docs/addressing.md).\n\n" +
			"Flags may stand before or after arguments. `hotfix FILE` is short for `hotfix info FILE`.",
		HideVersion: true,
		Commands: []*cli.Command{
			infoCommand(s),
			listCommand(s),
			extractCommand(s),
			catCommand(s),
			tablesCommand(s),
			diffCommand(s),
			verifyCommand(s),
			stageCommand(s),
			manifestCommand(s),
			helpCommand(s),
			manCommand(s),
			versionCommand(s),
			completionCommand(s),
		},
		Flags:                     outputFlags(s),
		Writer:                    s.stdout,
		ErrWriter:                 s.stderr,
		DisableSliceFlagSeparator: true,
		HideHelp:                  true,
		HideHelpCommand:           true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
	}
	finishCommands(s, "", app.Commands)
	return app
}

// finishCommands gives every command what all of them share.
func finishCommands(s *session, above string, commands []*cli.Command) {
	for _, c := range commands {
		path := above + c.Name
		c.OnUsageError = onUsageError
		c.HideHelp, c.HideHelpCommand = true, true
		if len(c.Subcommands) > 0 {
			name := c.Name
			c.Action = func(*cli.Context) error {
				return usagef("%s needs a command", name)
			}
			finishCommands(s, path+" ", c.Subcommands)
			continue
		}
		c.Flags = append(c.Flags, outputFlags(s)...)
		action := c.Action
		c.Action = func(c *cli.Context) error {
			s.running = newRunning(path, c)
			return action(c)
		}
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
	}
}

// outputFlags are the flags that every command accepts.
func outputFlags(s *session) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document on standard output", Destination: &s.json},
		&cli.GenericFlag{Name: "color", Usage: "colour verdicts: `WHEN` is auto, always or never", Value: &colorValue{s}, DefaultText: "auto"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only", Destination: &s.quiet},
	}
}

// onUsageError shows flags as they are typed: package flag writes one dash.
func onUsageError(_ *cli.Context, err error, _ bool) error {
	if before, after, found := strings.Cut(err.Error(), " for flag -"); found {
		name, reason, _ := strings.Cut(after, ": ")
		err = fmt.Errorf("%s for the flag %s: %s", before, dashed(strings.TrimLeft(name, "-")), reason)
	}
	return &usageError{err}
}

// A colorValue is the value of --color.
type colorValue struct{ s *session }

func (v *colorValue) Set(when string) error {
	if !slices.Contains(colors, when) {
		return fmt.Errorf("it is auto, always or never, not %q", when)
	}
	v.s.out.color = newTerminal(v.s.stdout, when).color
	return nil
}

func (v *colorValue) String() string { return "" }

// colors are the values of --color.
var colors = []string{"auto", "always", "never"}
