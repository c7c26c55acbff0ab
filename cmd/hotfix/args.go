package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// A commandLine is what a user typed, taken apart before urfave/cli sees it:
// that ignores a flag behind an argument in silence, and takes --help with an
// argument for a help topic.
type commandLine struct {
	path    []string // the words that name the command: "manifest", "import"
	command *cli.Command
	flags   []string // with their values
	rest    []string // arguments
	help    bool     // --help or -h was among the flags
	version bool     // --version or -v was, before any command
}

// parseArgs takes a command line apart. Flags may stand before or after
// arguments; everything behind "--" is an argument.
func parseArgs(app *cli.App, args []string) (*commandLine, error) {
	line := &commandLine{}
	commands, known := app.Commands, app.Flags
	var unknown []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			line.rest = append(line.rest, args[i+1:]...)
			i = len(args)
		case arg == "--help" || arg == "-h" || arg == "-help":
			line.help = true
		case len(line.path) == 0 && (arg == "--version" || arg == "-v" || arg == "-version"):
			line.version = true
		case len(arg) > 1 && arg[0] == '-':
			line.flags = append(line.flags, arg)
			f := findFlag(known, arg)
			if f == nil {
				unknown = append(unknown, arg)
				continue
			}
			if !takesValue(f, arg) {
				continue
			}
			if i+1 == len(args) {
				return line, usagef("the flag %s needs a value", arg)
			}
			i++
			line.flags = append(line.flags, args[i])
		default:
			command := findCommand(commands, arg)
			if command == nil || len(line.rest) > 0 {
				line.rest = append(line.rest, arg)
				continue
			}
			line.path, line.command = append(line.path, command.Name), command
			commands, known = command.Subcommands, command.Flags
			unknown = slices.DeleteFunc(unknown, func(arg string) bool { return findFlag(known, arg) != nil })
		}
	}
	if err := line.checkCommand(app); err != nil {
		return line, err
	}
	if len(unknown) > 0 && !line.help {
		return line, line.unknownFlag(unknown[0], known)
	}
	return line, nil
}

// name is the command as it is typed, without the program's own name.
func (l *commandLine) name() string { return strings.Join(l.path, " ") }

// words is the command line in the order that urfave/cli reads: flags first.
func (l *commandLine) words() []string {
	words := slices.Concat(l.path, l.flags)
	if len(l.rest) > 0 {
		words = append(append(words, "--"), l.rest...)
	}
	return words
}

// checkCommand reports a command that does not exist. At the top level the name
// of a file is one, too: it is short for info.
func (l *commandLine) checkCommand(app *cli.App) error {
	if l.help || l.version || len(l.rest) == 0 {
		return nil
	}
	word := l.rest[0]
	switch {
	case l.command == nil && isFileReference(word):
		return nil
	case slices.Contains(l.rest, "-") && l.name() == "manifest show":
		return usagef("manifest show cannot read standard input: a manifest must be a file, because a pipe may never end")
	case slices.Contains(l.rest, "-") && l.name() != "manifest import":
		return usagef("%s cannot read standard input: packages are read at random, and must be files", l.name())
	case l.command == nil && (filepath.Ext(word) != "" || strings.ContainsAny(word, `/\`)):
		return &source.Error{Package: word, Err: syscall.ENOENT}
	case l.command == nil:
		return unknownCommand(word, "hotfix", app.Commands)
	case len(l.command.Subcommands) > 0:
		return unknownCommand(word, "hotfix "+l.name(), l.command.Subcommands)
	}
	return nil
}

func unknownCommand(word, parent string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	hint := fmt.Sprintf("`%s --help` lists the commands", parent)
	if near := nearest(word, names); near != "" {
		hint = fmt.Sprintf("did you mean `%s %s`? %s", parent, near, hint)
	}
	return suggest(hint, "%s has no command %q", parent, word)
}

func (l *commandLine) unknownFlag(arg string, known []cli.Flag) error {
	var names []string
	for _, f := range known {
		for _, name := range f.Names() {
			names = append(names, dashed(name))
		}
	}
	name, _, _ := strings.Cut(arg, "=")
	who, hint := "hotfix", ""
	if l.command != nil {
		who += " " + l.name()
	}
	if near := nearest("--"+strings.TrimLeft(name, "-"), names); near != "" {
		hint = fmt.Sprintf("did you mean %s? ", near)
	}
	hint += fmt.Sprintf("`%s --help` lists the flags", who)
	return suggest(hint, "%s has no flag %s", who, name)
}

// dashed is a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// isFileReference reports whether a word names something on the disk, or
// something inside a file on the disk.
func isFileReference(word string) bool {
	outer, _, _ := strings.Cut(word, "//")
	for _, name := range []string{word, outer} {
		if _, err := os.Stat(name); err == nil && name != "" {
			return true
		}
	}
	return false
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
	if i < 0 {
		return nil
	}
	return commands[i]
}

func findFlag(known []cli.Flag, arg string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	i := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return known[i]
}

// takesValue reports whether a flag is followed by its value in the next word.
func takesValue(f cli.Flag, arg string) bool {
	_, isBool := f.(*cli.BoolFlag)
	return !isBool && !strings.Contains(arg, "=")
}

// expandWildcards replaces arguments with wildcards by the files that match, as
// the shells of Unix do and those of Windows do not. One that names a file, or
// matches none, stays as it is.
func expandWildcards(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		if _, err := os.Lstat(arg); err == nil || !strings.ContainsAny(arg, "*?") {
			out = append(out, arg)
			continue
		}
		found, err := filepath.Glob(arg)
		switch {
		case errors.Is(err, filepath.ErrBadPattern), len(found) == 0:
			out = append(out, arg)
		case err != nil:
			return nil, err
		default:
			out = append(out, found...)
		}
	}
	return out, nil
}

// wantsJSON reports whether a command line that could not be parsed asked for
// JSON, so that its error is printed as JSON too.
func wantsJSON(args []string) bool {
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	return slices.Contains(args[:end], "--json") || slices.Contains(args[:end], "-json")
}

// splitList cuts a list at its commas and drops empty elements.
func splitList(list string) []string {
	var words []string
	for _, word := range strings.Split(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
