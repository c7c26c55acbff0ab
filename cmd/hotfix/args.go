package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves the flags of a command line before its arguments, where
// urfave/cli looks for them: it ignores a flag behind an argument in silence.
// Everything behind "--" stays an argument. With an error, the commands that were
// understood are returned.
func permute(app *cli.App, args []string) ([]string, error) {
	var path, flags, rest []string
	commands, known := app.Commands, app.Flags
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case len(arg) > 1 && arg[0] == '-':
			flags = append(flags, arg)
			if !takesValue(known, arg) {
				continue
			}
			if i+1 == len(args) {
				return path, usagef("the flag %s needs a value", arg)
			}
			i++
			flags = append(flags, args[i])
		default:
			command := findCommand(commands, arg)
			if command == nil || len(rest) > 0 {
				rest = append(rest, arg)
				continue
			}
			path = append(path, arg)
			commands, known = command.Subcommands, command.Flags
		}
	}
	out := append(path, flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
	if i < 0 {
		return nil
	}
	return commands[i]
}

// takesValue reports whether the flag arg is followed by its value in the next
// argument. A flag that nobody knows takes none: urfave/cli will refuse it.
func takesValue(known []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
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
