// Command hotfix reads Windows Installer packages on any operating system:
// it extracts what an administrative installation would extract, checks files
// against what their publisher printed, and stages distribution-point content.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

func main() {
	paceCollector()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s := &session{stdout: stdout, stderr: stderr}
	app := newApp(s)
	ordered, err := permute(app, args)
	if err != nil {
		s.running.command = strings.Join(ordered, " ")
	} else {
		err = app.RunContext(ctx, append([]string{app.Name}, ordered...))
	}
	// A command line that was not understood set no flag.
	s.json = s.json || wantsJSON(args)
	if ctx.Err() != nil {
		err = errors.Join(err, context.Canceled)
	}
	return s.report(err)
}

// newApp describes the whole command line.
func newApp(s *session) *cli.App {
	app := &cli.App{
		Name:      "hotfix",
		Usage:     "read, extract, check and stage Windows Installer packages",
		UsageText: "hotfix COMMAND [flags] [arguments]    (flags may stand before or after arguments)",
		Version:   version,
		Commands: []*cli.Command{
			infoCommand(s),
			listCommand(s),
			extractCommand(s),
			catCommand(s),
			tablesCommand(s),
			diffCommand(s),
			verifyCommand(s),
			stageCommand(s),
			manifestCommand(s),
			completionCommand(s),
		},
		Flags:                     outputFlags(s),
		Writer:                    s.stdout,
		ErrWriter:                 s.stderr,
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	finishCommands(s, "", app.Commands)
	return app
}

// finishCommands gives every command what all of them share.
func finishCommands(s *session, above string, commands []*cli.Command) {
	for _, c := range commands {
		path := above + c.Name
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
			s.running.command = path
			return &usageError{err}
		}
		c.HideHelpCommand = true
		if len(c.Subcommands) > 0 {
			name := c.Name
			c.Action = func(c *cli.Context) error {
				s.running.command = path
				if c.Args().Present() {
					return usagef("%s has no command %q", name, c.Args().First())
				}
				return usagef("%s needs a command", name)
			}
			finishCommands(s, path+" ", c.Subcommands)
			continue
		}
		c.Flags = append(c.Flags, outputFlags(s)...)
		action := c.Action
		c.Action = func(c *cli.Context) error {
			s.running = newRunning(path, c)
			return action(c)
		}
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
	}
}

// outputFlags are the flags that every command accepts.
func outputFlags(s *session) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document on standard output", Destination: &s.json},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only", Destination: &s.quiet},
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error {
	return &usageError{err}
}
