package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/internal/distpoint"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// leaves lists the commands that do something, by what is typed after "hotfix".
func leaves(above string, commands []*cli.Command) map[string]*cli.Command {
	found := map[string]*cli.Command{}
	for _, c := range commands {
		if len(c.Subcommands) == 0 {
			found[above+c.Name] = c
		}
		for name, sub := range leaves(above+c.Name+" ", c.Subcommands) {
			found[name] = sub
		}
	}
	return found
}

var commandInText = regexp.MustCompile("`hotfix ((?:manifest )?[a-z]+)")

// TestHintsNameWhatExists reads every hint as every command would print it.
func TestHintsNameWhatExists(t *testing.T) {
	commands := leaves("", newApp(&session{}).Commands)
	require.Contains(t, commands, "manifest import")
	named := map[string]bool{}
	for name, c := range commands {
		for _, given := range []bool{false, true} {
			r := running{command: name, flags: map[string]bool{}}
			for _, f := range c.Flags {
				r.flags[f.Names()[0]] = given
			}
			for _, h := range hints {
				text := strings.Join(r.choose(h.say), "; ")
				for _, match := range commandInText.FindAllStringSubmatch(text, -1) {
					require.Contains(t, commands, match[1], text)
				}
				outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")
				for _, flag := range flagInText().FindAllStringSubmatch(outside, -1) {
					named[flag[1]] = true
					require.Contains(t, r.flags, flag[1], "%s: %s", name, text)
					if given {
						require.Contains(t, revisable, flag[1], "%s: %s", name, text)
					}
				}
			}
		}
	}
	// Every flag that a hint names is one that some command has.
	for _, h := range hints {
		for _, sentence := range h.say {
			for _, flag := range flagInText().FindAllStringSubmatch(sentence, -1) {
				require.True(t, named[flag[1]] || strings.Contains(sentence, "`"), "no command has %s", flag[0])
			}
		}
	}
}

func TestHints(t *testing.T) {
	flags := func(names ...string) map[string]bool {
		m := map[string]bool{}
		for _, n := range names {
			name, given := strings.CutSuffix(n, "!")
			m[name] = given
		}
		return m
	}
	in := func(err error) error { return &source.Error{Package: "a b.msi", Place: "x", Err: err} }
	out := func(err error) error { return &extract.OutputError{Path: "out", Err: err} }
	for _, c := range []struct {
		err  error
		run  running
		want string
	}{
		{in(cab.ErrChecksum), running{"verify", flags("manifest!")}, "the package is damaged: get it again"},
		{in(cab.ErrChecksum), running{"extract", flags("keep-going")}, "the package is damaged: get it again; --keep-going extracts the files that are whole"},
		{in(cab.ErrChecksum), running{"extract", flags("keep-going!")}, "the package is damaged: get it again"},
		{in(fmt.Errorf("%w: more", source.ErrTooLarge)), running{"cat", flags("max-bytes!")}, "raise --max-bytes if the package is trusted"},
		{in(source.ErrLimit), running{"cat", flags("max-bytes!")}, ""},
		{in(source.ErrNotFound), running{"cat", nil}, "`hotfix list \"a b.msi\"` lists the files"},
		{in(&source.MissingError{Cabinet: "a.cab"}), running{"list", flags("media")}, "put what is missing next to the package; or name its folder with --media"},
		{in(&source.MissingError{Cabinet: "a.cab"}), running{"list", flags("media!")}, "put what is missing next to the package"},
		{in(&source.MissingError{Cabinet: "#a.cab"}), running{"list", flags("media")}, ""},
		{out(extract.ErrExists), running{"extract", flags("merge")}, "name a new folder; or use --merge to add to this one"},
		{out(extract.ErrExists), running{"stage", flags("replace")}, "name a new folder, or remove this one first"},
		{out(fs.ErrPermission), running{}, "choose a folder that you may write to"},
		{in(fs.ErrPermission), running{}, "it must be readable for you"},
		{out(distpoint.ErrConflict), running{"stage", flags("replace", "client-dir!")}, "look at what it is; --replace replaces it"},
		{&usageError{manifest.ErrAmbiguous}, running{"verify", flags("manifest!")}, "name one of them with --manifest; `hotfix manifest list` shows the built-in ones"},
		{usagef("wrong"), running{"manifest import", nil}, "`hotfix manifest import --help` shows how it is used"},
		{usagef("wrong"), running{}, "`hotfix --help` shows how it is used"},
		{errors.New("else"), running{"list", nil}, ""},
	} {
		require.Equal(t, c.want, c.run.hint(c.err), "%v in %q", c.err, c.run.command)
	}
}

// namesCommandLine matches text that tells the user what to type.
var namesCommandLine = regexp.MustCompile(`--[a-z]|hotfix (info|list|extract|cat|tables|diff|verify|stage|manifest)\b`)

// TestLibrariesDoNotKnowTheCommandLine looks at the strings of everything that is
// not the command.
func TestLibrariesDoNotKnowTheCommandLine(t *testing.T) {
	files := 0
	for _, room := range []string{"extract", "internal", "manifest", "msi", "msp"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files++
			set := token.NewFileSet()
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			file, err := parser.ParseFile(set, name, content, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					require.False(t, namesCommandLine.MatchString(lit.Value), "%s: %s", set.Position(lit.Pos()), lit.Value)
				}
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	require.Greater(t, files, 100)
}
