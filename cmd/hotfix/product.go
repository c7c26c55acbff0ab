package main

import (
	"slices"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
)

// summaryInfo is what info says of the summary information of a database.
type summaryInfo struct {
	Title       string `json:"title,omitempty"`
	Subject     string `json:"subject,omitempty"`
	Author      string `json:"author,omitempty"`
	Keywords    string `json:"keywords,omitempty"`
	Comments    string `json:"comments,omitempty"`
	LastAuthor  string `json:"last_saved_by,omitempty"`
	Application string `json:"creating_application,omitempty"` // the authoring tool
	Created     string `json:"created,omitempty"`              // RFC 3339, UTC
	Saved       string `json:"saved,omitempty"`
	Installer   int32  `json:"minimum_installer,omitempty"` // 200 for Windows Installer 2.0
}

// newSummaryInfo returns nil where nothing is known. Page Count is the version of
// Windows Installer that a package or a module needs; patches keep it elsewhere.
func newSummaryInfo(s *msi.Summary, kind source.Kind) *summaryInfo {
	text := func(id msi.PropertyID) string { return clip(s.String(id)) }
	i := summaryInfo{
		Title: text(msi.PIDTitle), Subject: text(msi.PIDSubject), Author: text(msi.PIDAuthor),
		Keywords: text(msi.PIDKeywords), Comments: text(msi.PIDComments), Application: text(msi.PIDAppName),
		Created: summaryTime(s, msi.PIDCreated), Saved: summaryTime(s, msi.PIDLastSaved),
	}
	switch kind {
	case source.MSI, source.MSM:
		i.LastAuthor = text(msi.PIDLastAuthor)
		i.Installer, _ = s.Int(msi.PIDPageCount)
	}
	if i == (summaryInfo{}) {
		return nil
	}
	return &i
}

func summaryTime(s *msi.Summary, id msi.PropertyID) string {
	if t, ok := s.Time(id); ok {
		return t.UTC().Format(time.RFC3339)
	}
	return ""
}

func (i *summaryInfo) write(line func(name, value string)) {
	if i == nil {
		return
	}
	line("title", i.Title)
	line("subject", i.Subject)
	line("author", i.Author)
	line("keywords", i.Keywords)
	line("comments", i.Comments)
	line("made with", i.Application)
	line("created", i.Created)
	line("saved", i.Saved)
	line("last saved by", i.LastAuthor)
}

// arpInfo is the entry that the product makes in the list of installed programs
// (Windows Installer: Configuring Add/Remove Programs).
type arpInfo struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Publisher string   `json:"publisher"`
	Contact   string   `json:"contact,omitempty"`
	HelpLink  string   `json:"help_link,omitempty"`
	Telephone string   `json:"help_telephone,omitempty"`
	About     string   `json:"about_link,omitempty"`
	Updates   string   `json:"updates_link,omitempty"`
	Comments  string   `json:"comments,omitempty"`
	ReadMe    string   `json:"readme,omitempty"`
	Icon      string   `json:"icon,omitempty"` // key in the Icon table
	Hidden    bool     `json:"hidden"`
	NoModify  bool     `json:"no_modify,omitempty"`
	NoRemove  bool     `json:"no_remove,omitempty"`
	NoRepair  bool     `json:"no_repair,omitempty"`
	SetBy     []string `json:"set_by_actions,omitempty"` // ARP properties that custom actions set
}

// newARPInfo reads the properties of the package. What custom actions set while
// they run is not in the table: their properties are named.
func newARPInfo(db *msi.Database) *arpInfo {
	text := func(name string) string { return clip(db.Property(name)) }
	set := func(name string) bool { return db.Property(name) != "" }
	i := &arpInfo{
		Name: text("ProductName"), Version: text("ProductVersion"), Publisher: text("Manufacturer"),
		Contact: text("ARPCONTACT"), HelpLink: text("ARPHELPLINK"), Telephone: text("ARPHELPTELEPHONE"),
		About: text("ARPURLINFOABOUT"), Updates: text("ARPURLUPDATEINFO"), Comments: text("ARPCOMMENTS"),
		ReadMe: text("ARPREADME"), Icon: text("ARPPRODUCTICON"),
		Hidden: set("ARPSYSTEMCOMPONENT"), NoModify: set("ARPNOMODIFY"), NoRemove: set("ARPNOREMOVE"), NoRepair: set("ARPNOREPAIR"),
	}
	for _, action := range db.CustomActions() {
		if action.Type.SetsProperty() && strings.HasPrefix(action.Source, "ARP") {
			i.SetBy = append(i.SetBy, action.Source)
		}
	}
	slices.Sort(i.SetBy)
	i.SetBy = slices.Compact(i.SetBy)
	return i
}

// write prints what the lines about the product do not say already.
func (i *arpInfo) write(line func(name, value string)) {
	if i == nil {
		return
	}
	line("contact", i.Contact)
	line("help", strings.TrimSpace(i.HelpLink+" "+i.Telephone))
	line("about", i.About)
	line("updates", i.Updates)
	line("remarks", i.Comments)
	line("read me", i.ReadMe)
	line("installed programs", i.entry())
	if i.SetBy != nil {
		line("", "- custom actions set "+strings.Join(i.SetBy, ", "))
	}
}

// entry says how the entry looks in the list of installed programs.
func (i *arpInfo) entry() string {
	if i.Hidden {
		return "not listed (ARPSYSTEMCOMPONENT)"
	}
	text := "listed"
	for _, one := range []struct {
		set  bool
		name string
	}{{i.NoModify, "change"}, {i.NoRepair, "repair"}, {i.NoRemove, "remove"}} {
		if one.set {
			text += ", without " + one.name
		}
	}
	return text
}
