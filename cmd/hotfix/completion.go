package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
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
	path      string // "list", "manifest import"
	usage     string
	arguments []string // commands below it or fixed words; nil: files
	flags     []completionFlag
}

type completionFlag struct {
	name, usage string
	takesValue  bool
	values      []string // nil: files, or anything
}

// flagValues are the values of flags that take one of a few.
func flagValues() map[string][]string {
	return map[string][]string{
		"layout":   {string(extract.Admin), string(extract.Target), string(extract.Flat), string(extract.Streams)},
		"format":   {"text", "csv", "json", "idt"},
		"policy":   {string(manifest.Strict), string(manifest.VersionOnly)},
		"syntax":   {string(kbarticle.Text), string(kbarticle.HTML), string(kbarticle.Markdown), string(kbarticle.CSV)},
		"manifest": builtinNames(),
		"color":    colors,
	}
}

// builtinNames are the references of the built-in manifests.
func builtinNames() []string {
	var names []string
	for _, m := range manifest.Builtin() {
		if article := strings.ToLower(m.KB); !slices.Contains(names, article) {
			names = append(names, article)
		}
		names = append(names, m.ID)
	}
	return names
}

func completions(commands []*cli.Command, parent string) []completion {
	values := flagValues()
	var all []completion
	for _, c := range commands {
		one := completion{path: strings.TrimSpace(parent + " " + c.Name), usage: c.Usage}
		switch one.path {
		case "completion":
			one.arguments = []string{"bash", "zsh", "fish", "powershell"}
		case "manifest show":
			one.arguments = builtinNames()
		}
		for _, sub := range c.Subcommands {
			one.arguments = append(one.arguments, sub.Name)
		}
		for _, f := range c.Flags {
			doc, ok := f.(cli.DocGenerationFlag)
			if !ok {
				continue
			}
			name := f.Names()[0]
			if name == "help" { // urfave/cli adds it to the command that runs only
				continue
			}
			one.flags = append(one.flags, completionFlag{
				name: name, usage: strings.ReplaceAll(doc.GetUsage(), "`", ""), takesValue: doc.TakesValue(), values: values[name],
			})
		}
		all = append(append(all, one), completions(c.Subcommands, one.path)...)
	}
	return all
}

// topLevel lists the commands that stand directly behind "hotfix".
func topLevel(all []completion) []completion {
	var top []completion
	for _, c := range all {
		if !c.nested() {
			top = append(top, c)
		}
	}
	return top
}

func (c completion) nested() bool { return strings.Contains(c.path, " ") }

// flagNames are the flags as they are typed.
func (c completion) flagNames() string {
	var names []string
	for _, f := range c.flags {
		names = append(names, "--"+f.name)
	}
	return strings.Join(names, " ")
}

func pathsOf(commands []completion) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.path)
	}
	return strings.Join(names, " ")
}

// valueFlags are all flags with fixed values, each once.
func valueFlags(all []completion) []completionFlag {
	var flags []completionFlag
	seen := map[string]bool{}
	for _, c := range all {
		for _, f := range c.flags {
			if f.values != nil && !seen[f.name] {
				seen[f.name] = true
				flags = append(flags, f)
			}
		}
	}
	return flags
}

// findCommandInShell finds the command among the words that were typed, for
// bash, where arrays start at 0, and zsh, where they start at 1: the first one
// that is not a flag, and the next where the first has commands of its own.
const findCommandInShell = `  for ((i = %d; i < %s; i++)); do
    case "%s" in
      -*) ;;
      *) if [ -z "$cmd" ]; then cmd=%[3]s; elif [ "$cmd" = manifest ]; then cmd="manifest %[3]s"; fi ;;
    esac
  done
`

// bashCompletion leaves what has no fixed words to the completion of file names.
func bashCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "_hotfix() {\n  local i cmd= words= cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n")
	// Bash takes the equals sign of --flag=value for a word.
	fmt.Fprint(w, "  if [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n")
	fmt.Fprintf(w, findCommandInShell, 1, "COMP_CWORD", "${COMP_WORDS[i]}")
	fmt.Fprint(w, "  case \"$prev\" in\n")
	for _, f := range valueFlags(all) {
		fmt.Fprintf(w, "    --%s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", f.name, strings.Join(f.values, " "))
	}
	fmt.Fprint(w, "  esac\n  case \"$cmd,$cur\" in\n")
	fmt.Fprintf(w, "    ,*) words=%q ;;\n", pathsOf(topLevel(all)))
	for _, c := range all {
		fmt.Fprintf(w, "    %q,-*) words=%q ;;\n", c.path, c.flagNames())
		if c.arguments != nil {
			fmt.Fprintf(w, "    %q,*) words=%q ;;\n", c.path, strings.Join(c.arguments, " "))
		}
	}
	fmt.Fprint(w, "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _hotfix hotfix\n")
}

func zshCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "#compdef hotfix\n_hotfix() {\n  local -a names\n  local i cmd= cur=$words[CURRENT] prev=$words[CURRENT-1]\n")
	fmt.Fprintf(w, findCommandInShell, 2, "CURRENT", "$words[i]")
	// An option with its value in one word is completed behind the equals sign.
	fmt.Fprint(w, "  if [[ $cur == --*=* ]]; then prev=${cur%%=*}; compset -P '*='; fi\n  case $prev in\n")
	for _, f := range valueFlags(all) {
		fmt.Fprintf(w, "    --%s) compadd -- %s; _files; return ;;\n", f.name, strings.Join(f.values, " "))
	}
	fmt.Fprint(w, "  esac\n  case \"$cmd,$cur\" in\n    ,*) names=(\n")
	for _, c := range topLevel(all) {
		fmt.Fprintf(w, "      %s\n", zshDescription(c.path, c.usage))
	}
	fmt.Fprint(w, "      ); _describe command names ;;\n")
	for _, c := range all {
		fmt.Fprintf(w, "    %q,-*) names=(\n", c.path)
		for _, f := range c.flags {
			fmt.Fprintf(w, "      %s\n", zshDescription("--"+f.name, f.usage))
		}
		fmt.Fprint(w, "      ); _describe option names ;;\n")
		if c.arguments != nil {
			fmt.Fprintf(w, "    %q,*) compadd -- %s ;;\n", c.path, strings.Join(c.arguments, " "))
		}
	}
	fmt.Fprint(w, "    *) _files ;;\n  esac\n}\ncompdef _hotfix hotfix\n")
}

// zshDescription is a word with its description, as _describe takes it.
func zshDescription(word, description string) string {
	return singleQuote(word + ":" + strings.ReplaceAll(description, ":", `\:`))
}

func fishCompletion(w io.Writer, all []completion) {
	for _, c := range all {
		parent, name, nested := strings.Cut(c.path, " ")
		behind := "__fish_seen_subcommand_from " + name
		if nested {
			fmt.Fprintf(w, "complete -c hotfix -f -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from %s' -a %s -d %s\n",
				parent, argumentsOf(all, parent), name, singleQuote(c.usage))
			behind = "__fish_seen_subcommand_from " + parent + "; and " + behind
		} else {
			fmt.Fprintf(w, "complete -c hotfix -f -n __fish_use_subcommand -a %s -d %s\n", c.path, singleQuote(c.usage))
			behind = "not __fish_seen_subcommand_from manifest; and __fish_seen_subcommand_from " + c.path
		}
		switch {
		case c.path == "manifest":
			continue
		case c.arguments != nil:
			fmt.Fprintf(w, "complete -c hotfix -n '%s' -a %s\n", behind, singleQuote(strings.Join(c.arguments, " ")))
		}
		for _, f := range c.flags {
			value := ""
			switch {
			case f.values != nil:
				value = " -r -a " + singleQuote(strings.Join(f.values, " "))
			case f.takesValue:
				value = " -r"
			}
			fmt.Fprintf(w, "complete -c hotfix -n '%s' -l %s%s -d %s\n", behind, f.name, value, singleQuote(f.usage))
		}
	}
}

// argumentsOf lists the words that may follow a command.
func argumentsOf(all []completion, path string) string {
	for _, c := range all {
		if c.path == path {
			return strings.Join(c.arguments, " ")
		}
	}
	return ""
}

func powershellCompletion(w io.Writer, all []completion) {
	fmt.Fprint(w, "Register-ArgumentCompleter -Native -CommandName hotfix -ScriptBlock {\n")
	fmt.Fprint(w, "  param($wordToComplete, $commandAst, $cursorPosition)\n  $values = @{\n")
	for _, f := range valueFlags(all) {
		fmt.Fprintf(w, "    '--%s' = %s\n", f.name, singleQuote(strings.Join(f.values, " ")))
	}
	fmt.Fprint(w, "  }\n  $flags = @{\n")
	for _, c := range all {
		fmt.Fprintf(w, "    %s = %s\n", singleQuote(c.path), singleQuote(c.flagNames()))
	}
	fmt.Fprintf(w, "  }\n  $arguments = @{\n    '' = %s\n", singleQuote(pathsOf(topLevel(all))))
	for _, c := range all {
		if c.arguments != nil {
			fmt.Fprintf(w, "    %s = %s\n", singleQuote(c.path), singleQuote(strings.Join(c.arguments, " ")))
		}
	}
	fmt.Fprint(w, `  }
  $typed = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($wordToComplete) { $typed = @($typed | Select-Object -SkipLast 1) }
  $previous = if ($typed.Count) { $typed[-1] } else { '' }
  $command = ''
  foreach ($word in $typed) {
    if ($word.StartsWith('-')) { continue }
    if (-not $command) { $command = $word } elseif ($command -eq 'manifest') { $command = "manifest $word" }
  }
  $words = if ($values.ContainsKey($previous)) { $values[$previous] }
    elseif ($wordToComplete.StartsWith('-')) { $flags[$command] }
    else { $arguments[$command] }
  # Without words PowerShell completes file names.
  "$words".Split(' ') | Where-Object { $_ -and $_.StartsWith($wordToComplete) }
}
`)
}

// singleQuote quotes a word for zsh, fish and PowerShell; usage texts hold no
// single quotes, which these shells escape differently.
func singleQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "’") + "'"
}
