package msi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrTransform is returned where a transform does not fit a database: its
// validation conditions do not hold, or it changes what is not there.
var ErrTransform = errors.New("transform does not fit the database")

// Validation says which properties of a database a transform was made for
// (Windows Installer: Character Count Summary property, upper word).
type Validation uint16

const (
	ValidateLanguage       Validation = 0x0001
	ValidateProduct        Validation = 0x0002
	ValidatePlatform       Validation = 0x0004
	ValidateMajorVersion   Validation = 0x0008
	ValidateMinorVersion   Validation = 0x0010 // major and minor
	ValidateUpdateVersion  Validation = 0x0020 // major, minor and update
	ValidateLess           Validation = 0x0040 // version of the database < base version
	ValidateLessOrEqual    Validation = 0x0080
	ValidateEqual          Validation = 0x0100
	ValidateGreaterOrEqual Validation = 0x0200
	ValidateGreater        Validation = 0x0400
	ValidateUpgradeCode    Validation = 0x0800
)

// ErrorConditions are the faults that a transform declares harmless (Windows
// Installer: Character Count Summary property, lower word).
type ErrorConditions uint16

const (
	IgnoreAddExistingRow     ErrorConditions = 0x0001
	IgnoreDeleteMissingRow   ErrorConditions = 0x0002
	IgnoreAddExistingTable   ErrorConditions = 0x0004
	IgnoreDeleteMissingTable ErrorConditions = 0x0008
	IgnoreUpdateMissingRow   ErrorConditions = 0x0010
	IgnoreChangeCodePage     ErrorConditions = 0x0020
	IgnoreAll                ErrorConditions = 0x003f
)

// Transform is a set of changes to a database: a file .mst, or a storage in a
// patch.
type Transform struct {
	// From the summary information.
	OldProductCode, NewProductCode string // with braces
	OldVersion, NewVersion         string
	UpgradeCode                    string
	Platform                       string // of the Template property: "Intel", "x64", "" for any
	Language                       int    // of the Template property, 0 for any
	Validation                     Validation
	Ignore                         ErrorConditions
	MinimumInstaller               int // 200 for 2.0; 0 when not given

	db *Database
}

// LoadTransform reads the conditions of the transform in storage, which must
// stay open as long as the transform is used. The error is ErrFormat.
func LoadTransform(storage *Database) (*Transform, error) {
	t := &Transform{db: storage}
	s := storage.Summary()
	// {ProductCode}version;{ProductCode}version;{UpgradeCode}
	parts := strings.Split(s.String(PIDRevision), ";")
	t.OldProductCode, t.OldVersion = cutGUID(parts[0])
	if len(parts) > 1 {
		t.NewProductCode, t.NewVersion = cutGUID(parts[1])
	}
	if len(parts) > 2 {
		t.UpgradeCode = parts[2]
	}
	platform, languages, _ := strings.Cut(s.String(PIDTemplate), ";")
	t.Platform = platform
	if len(languages) > 0 {
		language, _, _ := strings.Cut(languages, ",")
		if _, err := fmt.Sscanf(strings.TrimSpace(language), "%d", &t.Language); err != nil {
			return nil, fmt.Errorf("msi: transform: language %q: %w", languages, ErrFormat)
		}
	}
	if n, ok := s.Int(PIDCharCount); ok {
		t.Validation, t.Ignore = Validation(uint32(n)>>16), ErrorConditions(uint32(n))
	}
	if n, ok := s.Int(PIDPageCount); ok {
		t.MinimumInstaller = int(n)
	}
	return t, nil
}

// cutGUID splits "{GUID}rest"; text without a GUID is all rest.
func cutGUID(s string) (guid, rest string) {
	if i := strings.IndexByte(s, '}'); strings.HasPrefix(s, "{") && i > 0 {
		return s[:i+1], s[i+1:]
	}
	return "", s
}

// CodePage returns the code page of the strings of the transform.
func (t *Transform) CodePage() int { return t.db.CodePage() }

// MismatchError is a validation condition that does not hold. It is an
// ErrTransform.
type MismatchError struct {
	Condition   Validation
	Property    string // in words: "ProductCode", "ProductVersion", …
	Want, Found string
}

func (e *MismatchError) Error() string {
	found := e.Found
	if found == "" {
		found = "none"
	}
	return fmt.Sprintf("%s is %s, the transform is for %s", e.Property, found, e.Want)
}

func (e *MismatchError) Unwrap() error { return ErrTransform }

// Validate reports whether the validation conditions of the transform hold for
// db. The error is a *MismatchError.
func (t *Transform) Validate(db *Database) error {
	if t.Validation&ValidateProduct != 0 {
		if found := db.Property("ProductCode"); !strings.EqualFold(found, t.OldProductCode) {
			return &MismatchError{ValidateProduct, "ProductCode", t.OldProductCode, found}
		}
	}
	if err := t.ValidateVersion(db.Property("ProductVersion")); err != nil {
		return err
	}
	if t.Validation&ValidateUpgradeCode != 0 {
		if found := db.Property("UpgradeCode"); !strings.EqualFold(found, t.UpgradeCode) {
			return &MismatchError{ValidateUpgradeCode, "UpgradeCode", t.UpgradeCode, found}
		}
	}
	platform, languages, _ := strings.Cut(db.Summary().String(PIDTemplate), ";")
	if t.Validation&ValidatePlatform != 0 && !samePlatform(t.Platform, platform) {
		return &MismatchError{ValidatePlatform, "platform", t.Platform, platform}
	}
	if t.Validation&ValidateLanguage != 0 && t.Language != 0 {
		want := fmt.Sprint(t.Language)
		found := db.Property("ProductLanguage")
		if found != want && !listed(languages, want) {
			return &MismatchError{ValidateLanguage, "language", want, strings.Trim(found+","+languages, ",")}
		}
	}
	return nil
}

// samePlatform compares platforms; Intel is the one meant where none is given.
func samePlatform(a, b string) bool {
	const standard = "Intel"
	if a == "" {
		a = standard
	}
	if b == "" {
		b = standard
	}
	return strings.EqualFold(a, b)
}

func listed(list, s string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == s {
			return true
		}
	}
	return false
}

// ValidateVersion reports whether those validation conditions hold that are
// about the version of the product. The error is a *MismatchError.
func (t *Transform) ValidateVersion(found string) error {
	fields := 0
	switch {
	case t.Validation&ValidateUpdateVersion != 0:
		fields = 3
	case t.Validation&ValidateMinorVersion != 0:
		fields = 2
	case t.Validation&ValidateMajorVersion != 0:
		fields = 1
	}
	for _, rule := range []struct {
		flag Validation
		text string
		ok   func(int) bool
	}{
		{ValidateLess, "less than ", func(c int) bool { return c < 0 }},
		{ValidateLessOrEqual, "at most ", func(c int) bool { return c <= 0 }},
		{ValidateEqual, "", func(c int) bool { return c == 0 }},
		{ValidateGreaterOrEqual, "at least ", func(c int) bool { return c >= 0 }},
		{ValidateGreater, "greater than ", func(c int) bool { return c > 0 }},
	} {
		if fields == 0 || t.Validation&rule.flag == 0 {
			continue
		}
		if !rule.ok(compareVersions(found, t.OldVersion, fields)) {
			want := rule.text + strings.Join(strings.SplitN(t.OldVersion+"...", ".", 4)[:fields], ".")
			return &MismatchError{rule.flag, "ProductVersion", strings.TrimRight(want, "."), found}
		}
	}
	return nil
}

// compareVersions compares the first fields of two product versions.
func compareVersions(a, b string, fields int) int {
	x, y := versionFields(a), versionFields(b)
	for i := range fields {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// versionFields reads major, minor and update of "1.2.3"; what is missing is 0.
func versionFields(s string) (v [3]int) {
	for i, field := range strings.SplitN(s, ".", 4) {
		if i < len(v) {
			for _, c := range field {
				if c < '0' || c > '9' || v[i] > 1<<20 {
					break
				}
				v[i] = 10*v[i] + int(c-'0')
			}
		}
	}
	return v
}

// ApplyOptions are the ways in which a transform may be applied.
type ApplyOptions struct {
	// SkipValidation applies the transform whatever its validation
	// conditions say.
	SkipValidation bool
	// Ignore adds to the error conditions that the transform declares harmless.
	Ignore ErrorConditions
	// Warn receives what was ignored; it may be nil.
	Warn func(message string)
	// Rewrite may change an added or changed row before it is applied, its key
	// included: patches that are applied together are renumbered so. It may be
	// nil.
	Rewrite func(table string, row *RowChange)
}

// Apply changes db as the transform says. Where the transform does not fit, the
// error is ErrTransform (a *MismatchError for its validation conditions), and
// db is left in an undefined state: apply to a Clone. Other errors are
// ErrFormat, ErrLimit and ErrCodePage.
//
// A code page of the transform other than that of the database becomes that of
// the database, unless it is the neutral one.
func (t *Transform) Apply(db *Database, o ApplyOptions) error {
	if !o.SkipValidation {
		if err := t.Validate(db); err != nil {
			return fmt.Errorf("msi: %w", err)
		}
	}
	a := &applier{db: db, from: t, ignore: t.Ignore | o.Ignore, warn: o.Warn, rewrite: o.Rewrite}
	if err := a.codePage(); err != nil {
		return err
	}
	d, err := newTransformDecoder(t.db, db.CodePage())
	if err != nil {
		return err
	}
	if err := d.schema(); err != nil {
		return err
	}
	if err := a.schema(d); err != nil {
		return err
	}
	for _, name := range d.tables() {
		if err := a.table(d, name); err != nil {
			return err
		}
	}
	return nil
}

// applier changes a database as a decoded transform says.
type applier struct {
	db      *Database
	from    *Transform
	ignore  ErrorConditions
	warn    func(string)
	rewrite func(string, *RowChange)
}

// fault passes over what the error conditions allow.
func (a *applier) fault(c ErrorConditions, format string, args ...any) error {
	if a.ignore&c != 0 {
		if a.warn != nil {
			a.warn(fmt.Sprintf(format, args...))
		}
		return nil
	}
	return fmt.Errorf("msi: transform: %s: %w", fmt.Sprintf(format, args...), ErrTransform)
}

func (a *applier) codePage() error {
	from, to := a.db.CodePage(), a.from.CodePage()
	if to == codePageNeutral || from == to {
		return nil
	}
	if from != codePageNeutral {
		if err := a.fault(IgnoreChangeCodePage, "the code page is %d, that of the transform %d", from, to); err != nil {
			return err
		}
	}
	return a.db.SetCodePage(to)
}

// schema adds and removes tables and columns.
func (a *applier) schema(d *transformDecoder) error {
	for _, name := range d.dropped {
		if a.db.Table(name) == nil {
			if err := a.fault(IgnoreDeleteMissingTable, "table %s to be removed does not exist", name); err != nil {
				return err
			}
			continue
		}
		if err := a.db.DropTable(name); err != nil {
			return err
		}
	}
	for _, name := range d.added {
		t := a.db.Table(name)
		if t == nil {
			if _, err := a.db.AddTable(name, d.columns[name]); err != nil {
				return err
			}
			continue
		}
		if err := a.fault(IgnoreAddExistingTable, "table %s to be added exists", name); err != nil {
			return err
		}
		if err := a.addColumns(t, d.columns[name]); err != nil {
			return err
		}
	}
	for _, name := range d.extended {
		t := a.db.Table(name)
		if t == nil {
			return fmt.Errorf("msi: transform: table %s to be extended does not exist: %w", name, ErrTransform)
		}
		if err := a.addColumns(t, d.columns[name]); err != nil {
			return err
		}
	}
	return nil
}

// addColumns adds those columns that a table lacks.
func (a *applier) addColumns(t *Table, columns []Column) error {
	for _, c := range columns {
		if i := t.Column(c.Name); i >= 0 {
			if !sameCells(t.Columns()[i].Type, c.Type) {
				return fmt.Errorf("msi: transform: table %s, column %s is %s, the transform makes it %s: %w", t.Name, c.Name, t.Columns()[i].Type, c.Type, ErrTransform)
			}
			continue
		}
		if err := t.addColumns(c); err != nil {
			return err
		}
	}
	return nil
}

// sameCells reports whether cells of one type can be in a column of another.
func sameCells(a, b ColumnType) bool {
	return a.IsKey() == b.IsKey() && a.IsString() == b.IsString() && a.IsBinary() == b.IsBinary() && a.intWidth() == b.intWidth()
}

// table applies the row changes of one table: first what goes, then the rest.
func (a *applier) table(d *transformDecoder, name string) error {
	t := a.db.Table(name)
	if t == nil {
		return a.fault(IgnoreUpdateMissingRow, "table %s to be changed does not exist", name)
	}
	columns := d.columnsOf(t)
	t.unpack()
	gone := make(map[*record]bool)
	for rc, err := range d.rows(name, columns) {
		if err != nil {
			return err
		}
		if rc.Change != Removed {
			continue
		}
		row, found := t.Find(rc.Key...)
		if !found {
			if err := a.fault(IgnoreDeleteMissingRow, "table %s, row %s to be removed does not exist", name, keyText(rc.Key)); err != nil {
				return err
			}
			continue
		}
		row.dropStream()
		gone[row.cells()] = true
	}
	if len(gone) > 0 {
		t.set(slices.DeleteFunc(slices.Clone(t.rows), func(r *record) bool { return gone[r] }))
	}
	for rc, err := range d.rows(name, columns) {
		if err != nil {
			return err
		}
		if rc.Change == Removed {
			continue
		}
		if a.rewrite != nil {
			a.rewrite(name, &rc)
		}
		if err := a.row(t, rc); err != nil {
			return err
		}
	}
	return nil
}

// row adds or changes one row.
func (a *applier) row(t *Table, rc RowChange) error {
	row, found := t.Find(rc.Key...)
	where := fmt.Sprintf("table %s, row %s", t.Name, keyText(rc.Key))
	switch rc.Change {
	case Changed:
		if !found {
			return a.fault(IgnoreUpdateMissingRow, "%s to be changed does not exist", where)
		}
	case Added:
		if found {
			if err := a.fault(IgnoreAddExistingRow, "%s to be added exists", where); err != nil {
				return err
			}
			break
		}
		values := make([]Value, len(t.Columns()))
		for i, k := range t.Keys() {
			values[k] = rc.Key[i]
		}
		for _, c := range rc.Cells {
			values[t.Column(c.Column)] = c.New
		}
		var err error
		if row, err = t.Insert(values...); err != nil {
			return err
		}
	}
	for _, c := range rc.Cells {
		if err := a.cell(row, c); err != nil {
			return err
		}
	}
	return nil
}

// cell sets one cell, the stream of a binary one included.
func (a *applier) cell(row Row, c CellChange) error {
	i := row.table.Column(c.Column)
	if row.Value(i).IsBinary() && !c.New.IsBinary() {
		row.dropStream()
	}
	if err := row.Set(i, c.New); err != nil {
		return err
	}
	if c.NewData == nil {
		return nil
	}
	return a.db.setStream(row.StreamName(), &stream{size: c.NewData.Size(), content: c.NewData})
}

func keyText(key []Value) string {
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = v.Text()
	}
	return strings.Join(parts, "/")
}
