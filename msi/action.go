package msi

import (
	"cmp"
	"slices"
)

// ActionType is the type of a custom action (Windows Installer: Custom Action
// Types): what runs, where it comes from, and the options.
type ActionType uint16

// The base types, the low three bits (Windows Installer: Summary List of All
// Custom Action Types).
const (
	ActionDLL      ActionType = 1
	ActionEXE      ActionType = 2
	ActionText     ActionType = 3 // a property or a directory is set, or an error shown
	ActionJScript  ActionType = 5
	ActionVBScript ActionType = 6
	ActionInstall  ActionType = 7 // another package

	actionBase ActionType = 0x07
)

// Where the code comes from.
const (
	ActionFromBinary    ActionType = 0x00 // the Binary table
	ActionFromFile      ActionType = 0x10 // an installed file: a row of the File table
	ActionFromDirectory ActionType = 0x20 // a row of the Directory table
	ActionFromProperty  ActionType = 0x30

	actionSource ActionType = 0x30
)

// The options (Windows Installer: Custom Action Return Processing, Execution
// Scheduling, In-Script Execution and Hidden Target Options). The scheduling bits
// 0x100 and 0x200 mean rollback and commit where ActionInScript is set.
const (
	ActionContinue       ActionType = 0x0040 // the exit code is ignored
	ActionAsync          ActionType = 0x0080
	ActionFirstSequence  ActionType = 0x0100
	ActionOncePerProcess ActionType = 0x0200
	ActionInScript       ActionType = 0x0400
	ActionNoImpersonate  ActionType = 0x0800
	Action64Bit          ActionType = 0x1000 // of a script
	ActionHideTarget     ActionType = 0x2000
	ActionTSAware        ActionType = 0x4000
)

// ActionPatchUninstall is the bit of CustomAction.ExtendedType (Windows
// Installer: Custom Action Patch Uninstall Option).
const ActionPatchUninstall = 0x8000

// Base returns the base type.
func (t ActionType) Base() ActionType { return t & actionBase }

// From returns where the code comes from.
func (t ActionType) From() ActionType { return t & actionSource }

// Runs says when the action runs: "immediate", or in the installation script as
// "deferred", "rollback" or "commit".
func (t ActionType) Runs() string {
	switch {
	case t&ActionInScript == 0:
		return "immediate"
	case t&ActionFirstSequence != 0:
		return "rollback"
	case t&ActionOncePerProcess != 0:
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
	wait := t & (ActionAsync | ActionContinue)
	add(wait == ActionContinue, "ignore exit code")
	add(wait == ActionAsync, "asynchronous, waited for at the end")
	add(wait == ActionAsync|ActionContinue, "asynchronous, not waited for")
	if t&ActionInScript == 0 {
		when := t & (ActionFirstSequence | ActionOncePerProcess)
		add(when == ActionFirstSequence, "only in the first sequence")
		add(when == ActionOncePerProcess, "once per process")
		add(when == ActionFirstSequence|ActionOncePerProcess, "client repeat")
	}
	add(t&ActionNoImpersonate != 0, "no impersonation")
	add(t&Action64Bit != 0, "64-bit")
	add(t&ActionHideTarget != 0, "hide target")
	add(t&ActionTSAware != 0, "terminal server aware")
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
