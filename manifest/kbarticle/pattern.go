package kbarticle

import (
	"regexp"
	"sync"
)

// pattern returns a regular expression that is compiled when it is first used:
// most runs of the command import no article, and compiling all of the patterns
// takes longer than starting up.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
