package distpoint

import "github.com/hotfixkit/hotfixkit/internal/report"

// The clicks of the two numbered lists of KB977203's article, for each scenario of
// operating system deployment. A sequence that restores user state needs both lists;
// the one of a replace scenario that only captures it needs the program alone.

// scenarios writes the sections of the four sequences.
func (n notes) scenarios() []report.Section {
	everything := append(n.enterProperties(), n.runCertFix()...)
	restores := []report.Section{
		{ID: "refresh", Title: "Scenario refresh: one task sequence captures and restores the user state on the same computer"},
		{ID: "replace-new-computer", Title: "Scenario replace, new computer: the task sequence that restores the user state"},
		{ID: "new-computer", Title: "Scenario new computer: the task sequence that installs it"},
	}
	var all []report.Section
	for _, section := range restores {
		section.Ordered, section.Items = true, everything
		if len(section.Items) == 0 {
			section.Ordered, section.Items = false, items("Nothing of this hotfix is to be entered in the task sequence.")
		}
		all = append(all, section)
	}
	captures := report.Section{ID: "replace-old-computer", Title: "Scenario replace, old computer: the task sequence that captures the user state", Ordered: true}
	if captures.Items = n.runProgramFirst(); len(captures.Items) == 0 {
		return all
	}
	captures.Items = append(captures.Items, report.Item{Text: "Nothing else is needed in this task sequence."})
	return append(all[:1:1], append([]report.Section{captures}, all[1:]...)...)
}

// enterProperties are the steps 3 to 6 of the first list.
func (n notes) enterProperties() []report.Item {
	form := n.missingLine()
	if n.line.Line == "" && form == "" {
		return nil
	}
	steps := items(
		"Right-click the task sequence that has to be changed and click Edit.",
		"Click the step Setup Windows and ConfigMgr.",
	)
	if form != "" {
		steps = append(steps, report.Item{Text: "Enter this in the box Installation properties, with the name of the .msp of " + n.supersededBy + ":", Copy: form})
	} else {
		steps = append(steps, n.lineItems("Enter this in the box Installation properties")...)
	}
	return append(steps, report.Item{Text: "Click Apply or OK to save the task sequence."})
}

// runProgramFirst are the steps 2 to 5 of the second list.
func (n notes) runProgramFirst() []report.Item {
	if !n.certFix {
		return nil
	}
	return items(
		"Make sure that the package and the program of "+certFixName+" exist and are on distribution points (see above).",
		"Right-click the task sequence and click Properties.",
		"Click the tab Advanced.",
		"Click the option Run another program first, and select the package and the program of "+certFixName+".",
		"Click OK.",
	)
}

// runCertFix is the second list whole.
func (n notes) runCertFix() []report.Item {
	if !n.certFix {
		return nil
	}
	return append(n.runProgramFirst(), items(
		"Right-click the task sequence and click Edit.",
		"Click the step Setup Windows and ConfigMgr.",
		"While it is selected, click the menu Add, then General, then Install Software.",
		"Click the new step Install Software, and select the package and the program of "+certFixName+". This step must not install the patch.",
		"While it is selected, click the menu Add, then General, then Restart Computer.",
		"Click the new step Restart Computer, select the currently installed default operating system, and clear Notify the user before restarting.",
		"Click OK or Apply to save the task sequence.",
	)...)
}
