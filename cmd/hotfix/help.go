package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// docsAddress is where the documentation is.
const docsAddress = "https://github.com/hotfixkit/hotfixkit/tree/main/docs"

// helpWidth is the widest line of a help text.
const helpWidth = 80

// exitCodes says what the exit codes mean.
var exitCodes = []struct{ code, meaning string }{
	{"0", "done"},
	{"1", "a check found a difference"},
	{"2", "wrong usage"},
	{"3", "the input is damaged, unsupported, incomplete or unsafe"},
	{"4", "the output could not be written"},
	{"130", "interrupted"},
}

// A page is the help of one command, from which the help text, the manual page
// and docs/cli are written.
type page struct {
	path        string // "manifest import"; "" for the program itself
	summary     string
	arguments   string
	description []string // paragraphs
	commands    []pageEntry
	flags       []pageEntry
	examples    []string // command lines without the program's name
}

type pageEntry struct{ name, text string }

// pages returns the page of the program and one for each command, in the order in
// which help lists them.
func pages(app *cli.App) []page {
	top := page{
		summary: app.Usage, arguments: "COMMAND [FLAGS] [ARGUMENTS]", description: strings.Split(app.Description, "\n\n"),
		flags:    append(pageFlags(app.Flags), pageEntry{"--help, -h", "print the help of a command"}, pageEntry{"--version, -v", "print the version"}),
		examples: examples[""], commands: pageCommands(app.Commands),
	}
	return append([]page{top}, commandPages(app.Commands, "")...)
}

func commandPages(commands []*cli.Command, parent string) []page {
	var all []page
	for _, c := range commands {
		p := page{
			path: strings.TrimSpace(parent + " " + c.Name), summary: c.Usage, arguments: c.ArgsUsage,
			commands: pageCommands(c.Subcommands), flags: pageFlags(c.Flags),
		}
		if c.Description != "" {
			p.description = strings.Split(c.Description, "\n\n")
		}
		p.examples = examples[p.path]
		all = append(append(all, p), commandPages(c.Subcommands, p.path)...)
	}
	return all
}

func pageCommands(commands []*cli.Command) []pageEntry {
	var entries []pageEntry
	for _, c := range commands {
		entries = append(entries, pageEntry{c.Name, c.Usage})
	}
	return entries
}

// pageFlags describes flags as they are typed: "--output DIR, -o DIR".
func pageFlags(flags []cli.Flag) []pageEntry {
	var entries []pageEntry
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || slices.Contains(f.Names(), "help") {
			continue
		}
		placeholder, usage := unquoteUsage(doc.GetUsage())
		if !doc.TakesValue() {
			placeholder = ""
		} else if placeholder == "" {
			placeholder = "VALUE"
		}
		var names []string
		for _, name := range f.Names() {
			names = append(names, strings.TrimSpace(dashed(name)+" "+placeholder))
		}
		if value := doc.GetDefaultText(); doc.TakesValue() && value != "" {
			usage += fmt.Sprintf(" (default: %s)", strings.Trim(value, `"`))
		}
		entries = append(entries, pageEntry{strings.Join(names, ", "), usage})
	}
	return entries
}

// unquoteUsage takes the placeholder of a flag's value, which stands between
// backquotes, out of its description.
func unquoteUsage(usage string) (placeholder, text string) {
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "", usage
	}
	placeholder, after, _ := strings.Cut(rest, "`")
	return placeholder, before + placeholder + after
}

// name is the command as it is typed.
func (p *page) name() string { return strings.TrimSpace("hotfix " + p.path) }

// synopsis is the usage line.
func (p *page) synopsis() string {
	words := []string{p.name()}
	if len(p.commands) > 0 && p.path != "" {
		words = append(words, "COMMAND")
	}
	if len(p.flags) > 0 && p.path != "" {
		words = append(words, "[FLAGS]")
	}
	if p.arguments != "" {
		words = append(words, p.arguments)
	}
	return strings.Join(words, " ")
}

// write prints the page for a terminal of 80 columns.
func (p *page) write(w io.Writer) {
	writeWrapped(w, "", p.name()+": "+p.summary)
	fmt.Fprintf(w, "\nUSAGE\n")
	writeWrapped(w, "  ", p.synopsis())
	for _, paragraph := range p.description {
		if paragraph != "" {
			fmt.Fprintln(w)
			writeParagraph(w, paragraph)
		}
	}
	writeEntries(w, "COMMANDS", p.commands)
	writeEntries(w, "FLAGS", p.flags)
	if len(p.examples) > 0 {
		fmt.Fprintf(w, "\nEXAMPLES\n")
		for _, example := range p.examples {
			fmt.Fprintf(w, "  hotfix %s\n", example)
		}
	}
	var codes []pageEntry
	for _, c := range exitCodes {
		codes = append(codes, pageEntry{c.code, c.meaning})
	}
	writeEntries(w, "EXIT CODES", codes)
	fmt.Fprintf(w, "\nDocumentation: %s\n", docsAddress)
}

// writeParagraph wraps a paragraph; lines that are indented stay as they are.
func writeParagraph(w io.Writer, paragraph string) {
	for _, line := range strings.Split(paragraph, "\n") {
		if strings.HasPrefix(line, " ") {
			fmt.Fprintln(w, line)
		} else {
			writeWrapped(w, "", line)
		}
	}
}

// writeEntries prints names with their texts next to them, or below where the
// name is too long.
func writeEntries(w io.Writer, title string, entries []pageEntry) {
	if len(entries) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	const widest = 24
	column := 0
	for _, e := range entries {
		if n := utf8.RuneCountInString(e.name); n <= widest {
			column = max(column, n)
		}
	}
	indent := strings.Repeat(" ", column+4)
	for _, e := range entries {
		lines := wrap(e.text, helpWidth-len(indent))
		first := "  " + e.name
		if n := utf8.RuneCountInString(e.name); n <= column && len(lines) > 0 {
			first += strings.Repeat(" ", column-n+2) + lines[0]
			lines = lines[1:]
		}
		fmt.Fprintln(w, first)
		for _, line := range lines {
			fmt.Fprintln(w, indent+line)
		}
	}
}

func writeWrapped(w io.Writer, indent, text string) {
	for _, line := range wrap(text, helpWidth-len(indent)) {
		fmt.Fprintln(w, indent+line)
	}
}

// wrap cuts a text at blanks into lines of at most width characters; a longer word
// has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// helpFor returns the page of a command.
func helpFor(app *cli.App, path string) *page {
	all := pages(app)
	i := slices.IndexFunc(all, func(p page) bool { return p.path == path })
	return &all[i]
}

// printHelp prints the help of a command, in JSON as one text.
func (s *session) printHelp(app *cli.App, path string) error {
	p := helpFor(app, path)
	var text strings.Builder
	p.write(&text)
	return s.finish(struct {
		Command string `json:"command"`
		Help    string `json:"help"`
	}{p.name(), text.String()}, func(w io.Writer) { io.WriteString(w, text.String()) }, nil)
}

func helpCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "print the help of a command",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			commands, path := c.App.Commands, []string{}
			for _, word := range c.Args().Slice() {
				command := findCommand(commands, word)
				if command == nil {
					return unknownCommand(word, strings.TrimSpace("hotfix "+strings.Join(path, " ")), commands)
				}
				path, commands = append(path, command.Name), command.Subcommands
			}
			return s.printHelp(c.App, strings.Join(path, " "))
		},
	}
}

func versionCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version of hotfix",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("version takes no argument")
			}
			return s.finish(struct {
				Version string `json:"version"`
			}{version}, func(w io.Writer) { fmt.Fprintf(w, "hotfix %s\n", version) }, nil)
		},
	}
}
