package safepath_test

import (
	"fmt"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// The same names are refused on every operating system.
func ExampleCheck() {
	for _, name := range []string{"Program Files/Example/a.dll", "../a.dll", "Example/NUL.txt"} {
		fmt.Println(name, safepath.Check(name) == nil)
	}
	// Output:
	// Program Files/Example/a.dll true
	// ../a.dll false
	// Example/NUL.txt false
}
