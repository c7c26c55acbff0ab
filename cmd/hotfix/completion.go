package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func completionCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completions for a shell",
		ArgsUsage: "bash|zsh|fish|powershell",
		Description: "bash:        source <(hotfix completion bash)\n" +
			"zsh:         hotfix completion zsh > \"${fpath[1]}/_hotfix\"\n" +
			"fish:        hotfix completion fish > ~/.config/fish/completions/hotfix.fish\n" +
			"PowerShell:  hotfix completion powershell | Out-String | Invoke-Expression",
		Action: func(c *cli.Context) error {
			writers := map[string]func(io.Writer, []completion){
				"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
			}
			write, ok := writers[c.Args().First()]
			if c.NArg() != 1 || !ok {
				return usagef("completion needs one of bash, zsh, fish or powershell")
			}
			var script bytes.Buffer
			write(&script, completions(c.App.Commands, ""))
			return s.finish(struct {
				Shell  string `json:"shell"`
				Script string `json:"script"`
			}{c.Args().First(), script.String()}, func(w io.Writer) { script.WriteTo(w) }, nil)
		},
	}
}

// completion is one command with the words that may follow it.
type completion struct {
	path  string // "list", "manifest import"
	usage string
	words []string
	flags []completionFlag
}

type completionFlag struct{ name, usage string }

func completions(commands []*cli.Command, parent string) []completion {
	var all []completion
	for _, c := range commands {
		one := completion{path: strings.TrimSpace(parent + " " + c.Name), usage: c.Usage}
		for _, sub := range c.Subcommands {
			one.words = append(one.words, sub.Name)
		}
		for _, f := range c.Flags {
			doc, _ := f.(cli.DocGenerationFlag)
			for _, name := range f.Names() {
				if len(name) > 1 {
					one.flags = append(one.flags, completionFlag{"--" + name, doc.GetUsage()})
					one.words = append(one.words, "--"+name)
				}
			}
		}
		if c.Name == "completion" {
			one.words = append([]string{"bash", "zsh", "fish", "powershell"}, one.words...)
		}
		all = append(append(all, one), completions(c.Subcommands, one.path)...)
	}
	return all
}

// topLevel lists the commands that stand directly behind "hotfix".
func topLevel(all []completion) []string {
	var names []string
	for _, c := range all {
		if !strings.Contains(c.path, " ") {
			names = append(names, c.path)
		}
	}
	return names
}

func bashCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "_hotfix() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=\n")
	fmt.Fprint(w, "  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n")
	for _, c := range slices.Backward(all) {
		pattern := c.path + " *"
		if strings.Contains(c.path, " ") {
			pattern = c.path
		}
		fmt.Fprintf(w, "    %q%s) words=%q ;;\n", strings.TrimSuffix(pattern, "*"), star(pattern), strings.Join(c.words, " "))
	}
	fmt.Fprint(w, "  esac\n")
	fmt.Fprintf(w, "  [ \"$COMP_CWORD\" = 1 ] && words=%q\n", strings.Join(topLevel(all), " "))
	fmt.Fprint(w, "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _hotfix hotfix\n")
}

func star(pattern string) string {
	if strings.HasSuffix(pattern, "*") {
		return "*"
	}
	return ""
}

func zshCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "#compdef hotfix\n_hotfix() {\n  local -a names\n")
	fmt.Fprint(w, "  if (( CURRENT == 2 )); then\n    names=(\n")
	for _, c := range all {
		if !strings.Contains(c.path, " ") {
			fmt.Fprintf(w, "      %s\n", singleQuote(c.path+":"+strings.ReplaceAll(c.usage, ":", `\:`)))
		}
	}
	fmt.Fprint(w, "    )\n    _describe command names\n    return\n  fi\n  case \"$words[2] $words[3]\" in\n")
	for _, c := range slices.Backward(all) {
		pattern := singleQuote(c.path+" ") + "*"
		if strings.Contains(c.path, " ") {
			pattern = singleQuote(c.path)
		}
		fmt.Fprintf(w, "    %s) compadd -- %s ;;\n", pattern, strings.Join(c.words, " "))
	}
	fmt.Fprint(w, "  esac\n  _files\n}\ncompdef _hotfix hotfix\n")
}

func fishCompletion(w io.Writer, all []completion) {
	for _, c := range all {
		parent, name, nested := strings.Cut(c.path, " ")
		if nested {
			fmt.Fprintf(w, "complete -c hotfix -n '__fish_seen_subcommand_from %s' -a %s -d %s\n", parent, name, singleQuote(c.usage))
		} else {
			fmt.Fprintf(w, "complete -c hotfix -n __fish_use_subcommand -a %s -d %s\n", c.path, singleQuote(c.usage))
		}
		last := c.path[strings.LastIndex(c.path, " ")+1:]
		for _, f := range c.flags {
			fmt.Fprintf(w, "complete -c hotfix -n '__fish_seen_subcommand_from %s' -l %s -d %s\n", last, strings.TrimPrefix(f.name, "--"), singleQuote(f.usage))
		}
	}
	fmt.Fprint(w, "complete -c hotfix -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish powershell'\n")
}

func powershellCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "Register-ArgumentCompleter -Native -CommandName hotfix -ScriptBlock {\n")
	fmt.Fprint(w, "  param($wordToComplete, $commandAst, $cursorPosition)\n  $table = [ordered]@{\n")
	for _, c := range slices.Backward(all) {
		fmt.Fprintf(w, "    %s = %s\n", singleQuote(c.path), singleQuote(strings.Join(c.words, " ")))
	}
	fmt.Fprint(w, "  }\n  $typed = ($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { \"$_\" }) -join ' '\n")
	fmt.Fprintf(w, "  $words = %s\n", singleQuote(strings.Join(topLevel(all), " ")))
	fmt.Fprint(w, "  foreach ($key in $table.Keys) { if (\"$typed \".StartsWith(\"$key \")) { $words = $table[$key]; break } }\n")
	fmt.Fprint(w, "  $words -split ' ' | Where-Object { $_ -like \"$wordToComplete*\" }\n}\n")
}

// singleQuote quotes a word for zsh, fish and PowerShell; usage texts hold no
// single quotes, which these shells escape differently.
func singleQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "’") + "'"
}
