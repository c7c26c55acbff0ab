package msi

import (
	"cmp"
	"slices"
)

// ActionType is the type of a custom action (Windows Installer: Custom Action
// Types): what runs, where it comes from, and the options.
type ActionType uint16

// The parts of an ActionType: what runs, and where it comes from (Windows Installer:
// Summary List of All Custom Action Types).
const (
	actionBase   ActionType = 0x07
	actionSource ActionType = 0x30
)

// The options (Windows Installer: Custom Action Return Processing, Execution
// Scheduling, In-Script Execution and Hidden Target Options). The scheduling bits
// 0x100 and 0x200 mean rollback and commit where actionInScript is set.
const (
	actionContinue       ActionType = 0x0040 // the exit code is ignored
	actionAsync          ActionType = 0x0080
	actionFirstSequence  ActionType = 0x0100
	actionOncePerProcess ActionType = 0x0200
	actionInScript       ActionType = 0x0400
	actionNoImpersonate  ActionType = 0x0800
	action64Bit          ActionType = 0x1000 // of a script
	actionHideTarget     ActionType = 0x2000
	actionTSAware        ActionType = 0x4000
)

// ActionPatchUninstall is the bit of CustomAction.ExtendedType (Windows
// Installer: Custom Action Patch Uninstall Option).
const ActionPatchUninstall = 0x8000

// SetsProperty reports whether the action sets a property: its source is the name,
// its target the value.
func (t ActionType) SetsProperty() bool { return t&(actionBase|actionSource) == 51 }

// Runs says when the action runs: "immediate", or in the installation script as
// "deferred", "rollback" or "commit".
func (t ActionType) Runs() string {
	switch {
	case t&actionInScript == 0:
		return "immediate"
	case t&actionFirstSequence != 0:
		return "rollback"
	case t&actionOncePerProcess != 0:
		return "commit"
	}
	return "deferred"
}

// Kind says what the action does with its source, in words; "unknown" for a
// type that the documentation does not list.
func (t ActionType) Kind() string {
	if kind, ok := actionKinds[t&(actionBase|actionSource)]; ok {
		return kind
	}
	return "unknown"
}

var actionKinds = map[ActionType]string{
	1:  "dll in the Binary table",
	2:  "exe in the Binary table",
	5:  "JScript in the Binary table",
	6:  "VBScript in the Binary table",
	7:  "install a package in a storage",
	17: "dll of an installed file",
	18: "exe of an installed file",
	19: "error message",
	21: "JScript of an installed file",
	22: "VBScript of an installed file",
	23: "install a package in the source folder",
	34: "command line in a directory",
	35: "set a directory",
	37: "JScript text",
	38: "VBScript text",
	39: "install an advertised product",
	50: "command line of a property",
	51: "set a property",
	53: "JScript text of a property",
	54: "VBScript text of a property",
}

// Options lists the options in words.
func (t ActionType) Options() []string {
	var options []string
	add := func(set bool, name string) {
		if set {
			options = append(options, name)
		}
	}
	wait := t & (actionAsync | actionContinue)
	add(wait == actionContinue, "ignore exit code")
	add(wait == actionAsync, "asynchronous, waited for at the end")
	add(wait == actionAsync|actionContinue, "asynchronous, not waited for")
	if t&actionInScript == 0 {
		when := t & (actionFirstSequence | actionOncePerProcess)
		add(when == actionFirstSequence, "only in the first sequence")
		add(when == actionOncePerProcess, "once per process")
		add(when == actionFirstSequence|actionOncePerProcess, "client repeat")
	}
	add(t&actionNoImpersonate != 0, "no impersonation")
	add(t&action64Bit != 0, "64-bit")
	add(t&actionHideTarget != 0, "hide target")
	add(t&actionTSAware != 0, "terminal server aware")
	return options
}

// A CustomAction is a row of the CustomAction table.
type CustomAction struct {
	Key            string
	Type           ActionType
	Source, Target string
	ExtendedType   int32 // 0 or ActionPatchUninstall
}

// A ScheduledAction is a custom action at a place where it is started.
type ScheduledAction struct {
	*CustomAction
	// Table is the sequence table, "ControlEvent" for an action that a dialog
	// starts, or "" for one that no table starts: code may.
	Table     string
	Condition string
	// Sequence is the place in the sequence: -1 to -4 for one at the end (after
	// success, a cancel of the user, an error, or a suspension), 0 outside of a
	// sequence.
	Sequence int32
	// Dialog and Control are those of an action that a dialog starts.
	Dialog, Control string
	// Base and After place an action of a merge module that has no number: after,
	// or before, the action Base (Windows Installer: ModuleInstallExecuteSequence).
	Base  string
	After bool
}

// sequenceTables are all tables that name actions, in the order in which an
// installation, an administrative installation and an advertisement read them.
// Modules have theirs for the package that takes them in.
var sequenceTables = []string{
	"InstallUISequence", "InstallExecuteSequence",
	"AdminUISequence", "AdminExecuteSequence",
	"AdvtUISequence", "AdvtExecuteSequence",
	"ModuleInstallUISequence", "ModuleInstallExecuteSequence",
	"ModuleAdminUISequence", "ModuleAdminExecuteSequence",
	"ModuleAdvtUISequence", "ModuleAdvtExecuteSequence",
}

// CustomActions lists the custom actions where they are started: sequence by
// sequence in the order in which they run, then those that dialogs start, then
// those that no table starts. An action may be there several times.
func (db *Database) CustomActions() []ScheduledAction {
	actions := map[string]*CustomAction{}
	var keys []string
	for row := range db.rows("CustomAction") {
		kind, _ := row.Int("Type")
		extended, _ := row.Int("ExtendedType")
		key := row.String("Action")
		actions[key] = &CustomAction{Key: key, Type: ActionType(kind), Source: row.String("Source"), Target: row.String("Target"), ExtendedType: extended}
		keys = append(keys, key)
	}
	var all []ScheduledAction
	for _, table := range sequenceTables {
		all = append(all, db.sequence(table, actions)...)
	}
	for row := range db.rows("ControlEvent") {
		if action := actions[row.String("Argument")]; action != nil && row.String("Event") == "DoAction" {
			all = append(all, ScheduledAction{CustomAction: action, Table: "ControlEvent", Condition: row.String("Condition"), Dialog: row.String("Dialog_"), Control: row.String("Control_")})
		}
	}
	started := map[string]bool{}
	for _, action := range all {
		started[action.Key] = true
	}
	for _, key := range keys {
		if !started[key] {
			all = append(all, ScheduledAction{CustomAction: actions[key]})
		}
	}
	return all
}

// sequence lists the custom actions of one sequence table in their order. An
// action with the number 0, or none, does not run (Windows Installer:
// InstallExecuteSequence table), except in the tables of a module, where another
// action places it.
func (db *Database) sequence(table string, actions map[string]*CustomAction) []ScheduledAction {
	var all []ScheduledAction
	for row := range db.rows(table) {
		action := actions[row.String("Action")]
		number, _ := row.Int("Sequence")
		base := row.String("BaseAction")
		if action == nil || number == 0 && base == "" {
			continue
		}
		after, _ := row.Int("After")
		all = append(all, ScheduledAction{CustomAction: action, Table: table, Condition: row.String("Condition"), Sequence: number, Base: base, After: after != 0})
	}
	slices.SortStableFunc(all, func(a, b ScheduledAction) int {
		if (a.Sequence < 0) != (b.Sequence < 0) {
			return cmp.Compare(b.Sequence, a.Sequence) // those at the end come last
		}
		return cmp.Or(cmp.Compare(max(a.Sequence, -a.Sequence), max(b.Sequence, -b.Sequence)), cmp.Compare(a.Key, b.Key))
	})
	return all
}
