package distpoint

import (
	"fmt"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/internal/report"
)

// patchText writes the guide as PATCH.txt, with the line ends of Windows. Names
// come from packages that nobody has vouched for: a line break in one must not
// make a note of its own.
func patchText(title string, guide []report.Section) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", display.Text(title))
	for _, section := range guide {
		fmt.Fprintf(&b, "\n%s\n\n", display.Text(section.Title))
		for i, item := range section.Items {
			mark := "  - "
			if section.Ordered {
				mark = fmt.Sprintf("%3d. ", i+1)
			}
			fmt.Fprintf(&b, "%s%s\n", mark, display.Text(item.Text))
			if item.Copy != "" {
				fmt.Fprintf(&b, "\n%s\n\n", display.Text(item.Copy))
			}
		}
	}
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}
