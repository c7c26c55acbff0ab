package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page",
		Description: "The page covers every command. Read it with `hotfix man | man -l -`, " +
			"or write it to a folder of manual pages.",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("man takes no argument")
			}
			var text strings.Builder
			writeManual(&text, pages(c.App))
			return s.finish(struct {
				Manual string `json:"manual"`
			}{text.String()}, func(w io.Writer) { io.WriteString(w, text.String()) }, nil)
		},
	}
}

// writeManual writes hotfix(1) in the man macros of troff (groff_man(7)).
func writeManual(w io.Writer, all []page) {
	top := all[0]
	fmt.Fprintf(w, ".TH HOTFIX 1 \"\" \"hotfixkit %s\" \"User Commands\"\n", version)
	fmt.Fprintf(w, ".SH NAME\nhotfix \\- %s\n", troff(top.summary))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B hotfix\n%s\n", troff(top.arguments))
	fmt.Fprint(w, ".SH DESCRIPTION\n")
	writeManualText(w, &top)
	for _, p := range all[1:] {
		fmt.Fprintf(w, ".SH \"%s\"\n%s\n", strings.ToUpper(troff(p.path)), troff(p.summary))
		fmt.Fprintf(w, ".PP\n.B %s\n", troff(p.synopsis()))
		writeManualText(w, &p)
	}
	fmt.Fprint(w, ".SH \"EXIT STATUS\"\n")
	for _, c := range exitCodes {
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", c.code, troff(c.meaning))
	}
	fmt.Fprintf(w, ".SH \"SEE ALSO\"\n%s\n", troff(docsAddress))
}

// writeManualText writes description, flags and examples of a command.
func writeManualText(w io.Writer, p *page) {
	for _, paragraph := range p.description {
		if paragraph != "" {
			fmt.Fprint(w, ".PP\n")
			for _, line := range strings.Split(paragraph, "\n") {
				if strings.HasPrefix(line, " ") {
					fmt.Fprint(w, ".br\n")
				}
				fmt.Fprintln(w, troff(strings.TrimSpace(line)))
			}
		}
	}
	for _, f := range p.flags {
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", troff(f.name), troff(f.text))
	}
	if len(p.examples) > 0 {
		fmt.Fprint(w, ".PP\nExamples:\n.PP\n.nf\n")
		for _, example := range p.examples {
			fmt.Fprintf(w, "hotfix %s\n", troff(example))
		}
		fmt.Fprint(w, ".fi\n")
	}
}

// troff escapes a text: hyphens that are typed, backslashes, and the characters
// that start a request.
func troff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
