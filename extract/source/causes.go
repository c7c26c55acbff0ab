package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A Cause is what one or several errors of a package have in common: a damaged block
// makes all files that need it unreadable.
type Cause struct {
	Package string
	Errors  []error // in the order in which they were found
	Places  []string
}

// Causes groups errors by what caused them, in the order in which the causes were
// found. One that is not an *Error is a cause of its own.
func Causes(errs []error) []*Cause {
	var causes []*Cause
	known := map[[2]string]*Cause{}
	for _, err := range errs {
		var e *Error
		if !errors.As(err, &e) {
			causes = append(causes, &Cause{Errors: []error{err}})
			continue
		}
		key := [2]string{e.Package, causeKey(e)}
		c := known[key]
		if c == nil {
			c = &Cause{Package: e.Package}
			known[key] = c
			causes = append(causes, c)
		}
		c.Errors = append(c.Errors, err)
		if e.Place != "" {
			c.Places = append(c.Places, e.Place)
		}
	}
	return causes
}

// causeKey is equal for errors of one package that have the same cause.
func causeKey(e *Error) string {
	var block *cab.BlockError
	switch {
	case errors.As(e.Err, &block):
		return block.Error()
	case errors.Is(e.Err, ErrMismatch):
		return ErrMismatch.Error()
	}
	return e.Err.Error()
}

// String says in plain words what is wrong, without the package and the files.
func (c *Cause) String() string {
	err := c.Errors[0]
	var block *cab.BlockError
	var missing *MissingError
	var e *Error
	switch {
	case errors.As(err, &block):
		return blockText(block)
	case errors.As(err, &missing):
		return missing.what()
	case errors.Is(err, ErrMismatch):
		return "damaged: the content is not what the package says"
	case errors.Is(err, cfb.ErrTruncated):
		return "the package is cut off"
	case errors.Is(err, cfb.ErrFormat):
		return "damaged: the structure of the package does not hold"
	case errors.As(err, &e):
		return e.Err.Error()
	}
	return err.Error()
}

func blockText(e *cab.BlockError) string {
	what := "damaged"
	if errors.Is(e, cab.ErrTruncated) {
		what = "cut off"
	}
	var place []string
	if e.Cabinet != "" {
		place = append(place, e.Cabinet)
	}
	if e.Folder > 0 {
		place = append(place, fmt.Sprintf("folder %d", e.Folder))
	}
	return fmt.Sprintf("%s: %s", what, strings.Join(append(place, fmt.Sprintf("block %d of %d", e.Block, e.Blocks)), ", "))
}

// Error says what is wrong, where, and what is lost by it: for a damaged block and
// for a cause of several errors in plain words, for others as the error says itself.
func (c *Cause) Error() string {
	var block *cab.BlockError
	switch {
	case len(c.Errors) > 1:
	case errors.As(c.Errors[0], &block) && len(c.Places) == 1:
		return fmt.Sprintf("%s: %s (%v); it is needed for %s", c.Package, blockText(block), block.Err, c.Places[0])
	default:
		return c.Errors[0].Error()
	}
	const shown = 3
	var where strings.Builder
	where.WriteString(strings.Join(c.Places[:min(shown, len(c.Places))], ", "))
	if more := len(c.Places) - shown; more > 0 {
		fmt.Fprintf(&where, " and %d more", more)
	}
	return fmt.Sprintf("%s: %s; %s: %s", c.Package, c.String(), display.Count(len(c.Places), "file cannot be read", "files cannot be read"), &where)
}

// Unwrap returns the first of the errors.
func (c *Cause) Unwrap() error { return c.Errors[0] }
