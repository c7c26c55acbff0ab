package distpoint

import (
	"regexp"
	"sync"
)

// pattern compiles an expression when it is first needed: most commands need none.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
