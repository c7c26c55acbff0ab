// Package lazyregexp compiles regular expressions when they are first used. Most
// runs of the command use none, and compiling all of them takes longer than
// starting up.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the expression. It panics when the text is not
// one, as regexp.MustCompile does.
func New(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
