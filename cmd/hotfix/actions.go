package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msi"
)

// actionInfo is a custom action at a place where it is started.
type actionInfo struct {
	Table     string   `json:"table"`    // the sequence table, ControlEvent, or "" for none
	Sequence  int32    `json:"sequence"` // below 0: at the end
	Place     string   `json:"place,omitempty"`
	Action    string   `json:"action"`
	Condition string   `json:"condition"`
	Type      int      `json:"type"`
	Kind      string   `json:"kind"`
	Runs      string   `json:"runs"`
	Options   []string `json:"options"`
	Source    string   `json:"source"`
	Target    string   `json:"target"`
}

func newActionInfos(db *msi.Database) []actionInfo {
	infos := []actionInfo{}
	for _, a := range db.CustomActions() {
		one := actionInfo{
			Table: a.Table, Sequence: a.Sequence, Place: actionPlace(a), Action: a.Key, Condition: a.Condition,
			Type: int(a.Type), Kind: a.Type.Kind(), Runs: a.Type.Runs(), Options: a.Type.Options(), Source: a.Source, Target: a.Target,
		}
		if a.ExtendedType&msi.ActionPatchUninstall != 0 {
			one.Options = append(one.Options, "only when a patch is removed")
		}
		if one.Options == nil {
			one.Options = []string{}
		}
		infos = append(infos, one)
	}
	return infos
}

// actionPlace says in words where an action is that has no number in a sequence,
// or one of those that mean the end (Windows Installer: InstallExecuteSequence
// table).
func actionPlace(a msi.ScheduledAction) string {
	switch {
	case a.Dialog != "":
		return "dialog " + a.Dialog + ", control " + a.Control
	case a.Base != "" && a.After:
		return "after " + a.Base
	case a.Base != "":
		return "before " + a.Base
	}
	return map[int32]string{-1: "after success", -2: "after a cancel", -3: "after an error", -4: "after a suspension"}[a.Sequence]
}

// writeActions prints what would run, sequence by sequence.
func writeActions(w io.Writer, actions []actionInfo) {
	table := "?"
	for _, a := range actions {
		if a.Table != table {
			table = a.Table
			heading := "custom actions of " + table
			switch table {
			case "ControlEvent":
				heading = "custom actions that dialogs start"
			case "":
				heading = "custom actions that no table starts"
			}
			fmt.Fprintf(w, "  %s\n", display.Text(heading))
		}
		a.write(w)
	}
	if len(actions) == 0 {
		fmt.Fprintf(w, "  no custom actions\n")
	}
}

func (a *actionInfo) write(w io.Writer) {
	place := a.Place
	if a.Sequence > 0 {
		place = fmt.Sprint(a.Sequence)
	}
	how := strings.Join(append([]string{a.Runs}, a.Options...), ", ")
	fmt.Fprintf(w, "    %s\n", display.Text(strings.TrimSpace(place+"  "+a.Action)))
	fmt.Fprintf(w, "        %s\n", display.Text(fmt.Sprintf("%s (type %d): %s", a.Kind, a.Type, how)))
	for _, one := range []struct{ name, value string }{{"source", a.Source}, {"target", a.Target}, {"if", a.Condition}} {
		if one.value != "" {
			fmt.Fprintf(w, "        %-6s %s\n", one.name, display.Text(clip(one.value)))
		}
	}
}
