package manifest_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/manifest"
)

// asPublished returns files that equal the rows of a manifest.
func asPublished(m *manifest.Manifest) []*manifest.Actual {
	var files []*manifest.Actual
	for _, r := range m.Files {
		files = append(files, &manifest.Actual{
			Target: "pkg.msi", Path: "i386/" + r.Name, Name: r.Name,
			Version: r.Version, Size: *r.Size, Date: r.Date, Time: r.Time, Platform: r.Platform,
		})
	}
	return files
}

func sequence(files []*manifest.Actual, errs ...error) iter.Seq2[*manifest.Actual, error] {
	return func(yield func(*manifest.Actual, error) bool) {
		for _, err := range errs {
			if !yield(nil, err) {
				return
			}
		}
		for _, f := range files {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// file returns the file of that name and platform.
func file(t testing.TB, files []*manifest.Actual, name, platform string) *manifest.Actual {
	t.Helper()
	i := slices.IndexFunc(files, func(a *manifest.Actual) bool { return a.Name == name && a.Platform == platform })
	require.GreaterOrEqual(t, i, 0)
	return files[i]
}

// without removes a file.
func without(files []*manifest.Actual, drop *manifest.Actual) []*manifest.Actual {
	return slices.DeleteFunc(files, func(a *manifest.Actual) bool { return a == drop })
}

// different returns the entries that are not ok, as "name platform: differences".
func different(r *manifest.Result) []string {
	var list []string
	for _, f := range r.Files {
		if f.Status == manifest.OK {
			continue
		}
		var words []string
		for _, d := range f.Differences {
			words = append(words, string(d))
		}
		list = append(list, strings.TrimSpace(f.Name+" "+f.Platform)+": "+strings.Join(words, " "))
	}
	return list
}

func TestAsPublished(t *testing.T) {
	for _, m := range manifest.Builtin() {
		for _, policy := range []manifest.Policy{"", manifest.Strict, manifest.VersionOnly} {
			r := m.Compare(asPublished(m), manifest.CompareOptions{Policy: policy})
			require.True(t, r.OK)
			require.Equal(t, m.ID, r.Manifest)
			require.Len(t, r.Files, 13)
			require.Empty(t, r.Extra)
			for _, f := range r.Files {
				require.Equal(t, manifest.OK, f.Status)
				require.NotNil(t, f.Differences, "an empty list, not null")
				require.Empty(t, f.Notes)
				presence := policy == manifest.VersionOnly && f.Expected.Version == ""
				require.Equal(t, presence, f.Checked == "presence", f.Name)
				require.Equal(t, presence, f.Compared == nil, f.Name)
			}
		}
	}
}

// TestDifferences changes the published files of SP2, one thing at a time.
func TestDifferences(t *testing.T) {
	type change func(t *testing.T, files []*manifest.Actual) []*manifest.Actual
	edit := func(name, platform string, f func(*manifest.Actual)) change {
		return func(t *testing.T, files []*manifest.Actual) []*manifest.Actual {
			f(file(t, files, name, platform))
			return files
		}
	}
	add := func(a manifest.Actual) change {
		return func(_ *testing.T, files []*manifest.Actual) []*manifest.Actual { return append(files, &a) }
	}
	drop := func(name, platform string) change {
		return func(t *testing.T, files []*manifest.Actual) []*manifest.Actual {
			return without(files, file(t, files, name, platform))
		}
	}
	both := func(a, b change) change {
		return func(t *testing.T, files []*manifest.Actual) []*manifest.Actual { return b(t, a(t, files)) }
	}
	const msp = "Sccm2007ac-sp2-kb977203-x86.msp"
	rename := func(to string) change {
		return edit(msp, "", func(a *manifest.Actual) { a.Name = to })
	}

	tests := []struct {
		name      string
		change    change
		options   manifest.CompareOptions
		different []string
		notes     []string // "name: note"
		hint      string
		extra     []string
	}{
		{
			name:      "a file is missing",
			change:    drop("Ccmgencert.dll", "ia64"),
			different: []string{"Ccmgencert.dll ia64: missing"},
		},
		{
			name:   "names compare without case",
			change: edit("Smpmgr.dll", "x86", func(a *manifest.Actual) { a.Name = "SMPMGR.DLL" }),
		},
		{
			name:      "the build of another service pack, of equal size",
			change:    edit("Ccmcertfix.exe", "x86", func(a *manifest.Actual) { a.Version = "4.0.6221.1193" }),
			different: []string{"Ccmcertfix.exe x86: version-mismatch"},
			hint:      "this is the build of kb977203-sp1",
		},
		{
			name:      "the same under the version policy",
			change:    edit("Ccmcertfix.exe", "x86", func(a *manifest.Actual) { a.Version = "4.0.6221.1193" }),
			options:   manifest.CompareOptions{Policy: manifest.VersionOnly},
			different: []string{"Ccmcertfix.exe x86: version-mismatch"},
			hint:      "this is the build of kb977203-sp1",
		},
		{
			name:      "a package of another service pack",
			change:    edit("Mp.msi", "", func(a *manifest.Actual) { a.Size = 9515520 }),
			different: []string{"Mp.msi: size-mismatch"},
			hint:      "this is the build of kb977203-sp1",
		},
		{
			name:      "a file without version resource",
			change:    edit("Smpmgr.dll", "x86", func(a *manifest.Actual) { a.Version, a.Platform = "", "" }),
			different: []string{"Smpmgr.dll x86: version-mismatch platform-mismatch"},
			hint:      "no version resource",
		},
		{
			name:      "everything differs",
			change:    edit("Mcsisapip.dll", "x64", func(a *manifest.Actual) { a.Version, a.Platform, a.Size = "1.0.0.0", "arm64", 1 }),
			different: []string{"Mcsisapip.dll x64: version-mismatch size-mismatch platform-mismatch"},
		},
		{
			name:      "another machine in the place of one",
			change:    edit("Ccmgencert.dll", "ia64", func(a *manifest.Actual) { a.Platform = "x86" }),
			different: []string{"Ccmgencert.dll ia64: platform-mismatch"},
		},
		{
			name:   "another size in another language",
			change: edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Size++ }),
			options: manifest.CompareOptions{
				Policy: manifest.VersionOnly,
			},
			notes: []string{"Ccmsetup.exe: size-differs"},
		},
		{
			name:   "another date",
			change: edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Date = "2010-01-26" }),
			notes:  []string{"Ccmsetup.exe: date-differs"},
		},
		{
			name:   "another time",
			change: edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Time = "07:27" }),
			notes:  []string{"Ccmsetup.exe: date-differs"},
		},
		{
			name:      "a later build",
			change:    edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Version = "4.0.6487.2200"; a.Size++ }),
			different: []string{"Ccmsetup.exe x86: version-mismatch size-mismatch"},
		},
		{
			name:    "a later build where that is good enough",
			change:  edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Version = "4.0.10000.1"; a.Size++ }),
			options: manifest.CompareOptions{OrLater: true},
			notes:   []string{"Ccmsetup.exe: size-differs", "Ccmsetup.exe: later-version"},
		},
		{
			name:      "an earlier build is never good enough",
			change:    edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Version = "4.0.6487.999" }),
			options:   manifest.CompareOptions{OrLater: true},
			different: []string{"Ccmsetup.exe x86: version-mismatch"},
		},
		{
			name:   "a number that is written otherwise",
			change: edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.Version = "4.00.6487.02111" }),
		},
		{
			name:   "a string that tells another version",
			change: edit("Ccmsetup.exe", "x86", func(a *manifest.Actual) { a.StringVersion = "5.0 beta" }),
			notes:  []string{"Ccmsetup.exe: version-string-differs"},
		},
		{
			name:   "a file that the table does not name",
			change: add(manifest.Actual{Name: "readme.txt", Path: "readme.txt"}),
			extra:  []string{"readme.txt"},
		},
		{
			name:   "a further machine of a named file",
			change: add(manifest.Actual{Name: "Smpmgr.dll", Platform: "arm64"}),
			extra:  []string{"Smpmgr.dll"},
		},
		{
			name:      "a second copy is compared too",
			change:    add(manifest.Actual{Name: "CCMCERTFIX.EXE", Platform: "x86", Version: "4.0.6221.1193", Size: 17768}),
			different: []string{"Ccmcertfix.exe x86: version-mismatch"},
			hint:      "this is the build of kb977203-sp1",
		},
		{
			name: "a file that is only inside a nested package",
			change: both(drop("Smpmgr.dll", "x86"),
				add(manifest.Actual{Name: "smpmgr.dll", Path: "mp.msi//smpmgr.dll", Platform: "x86", Version: "4.0.6487.2111", Size: 86376})),
		},
		{
			name:      "an old copy inside a nested package",
			change:    add(manifest.Actual{Name: "smpmgr.dll", Path: "mp.msi//smpmgr.dll", Platform: "x86", Version: "4.0.6487.2000", Size: 86376}),
			different: []string{"Smpmgr.dll x86: version-mismatch"},
		},
		{
			name: "a nested copy does not stand for another machine",
			change: both(drop("Ccmgencert.dll", "ia64"),
				add(manifest.Actual{Name: "ccmgencert.dll", Path: "mp.msi//ccmgencert.dll", Platform: "x86", Version: "4.0.6487.2111", Size: 130408})),
			different: []string{"Ccmgencert.dll ia64: missing"},
		},
		{
			name:   "a renamed executable",
			change: edit("Ccmcertfix.exe", "x86", func(a *manifest.Actual) { a.Name, a.OriginalName = "F01_ccmcertfix", "CCMCertFix.exe" }),
			notes:  []string{"Ccmcertfix.exe: renamed"},
		},
		{
			name: "a renamed executable of another build is not it",
			change: edit("Ccmcertfix.exe", "x86", func(a *manifest.Actual) {
				a.Name, a.OriginalName, a.Version = "old.exe", "CCMCertFix.exe", "4.0.6221.1193"
			}),
			different: []string{"Ccmcertfix.exe x86: missing"},
			extra:     []string{"old.exe"},
		},
		{
			name:   "the patch of another language",
			change: rename("SCCM2007AC-SP2-KB977203-x86-JPN.msp"),
			notes:  []string{msp + ": renamed"},
		},
		{
			name:      "the patch of another service pack",
			change:    rename("SCCM2007AC-SP1-KB977203-x86.msp"),
			different: []string{msp + ": missing"},
			extra:     []string{"SCCM2007AC-SP1-KB977203-x86.msp"},
		},
		{
			name:      "patches of two languages",
			change:    both(add(manifest.Actual{Name: "sccm2007ac-sp2-kb977203-x86-deu.msp", Size: 444928}), rename("sccm2007ac-sp2-kb977203-x86-enu.msp")),
			different: []string{msp + ": missing"},
			hint:      "several patches could stand for it",
			extra:     []string{"sccm2007ac-sp2-kb977203-x86-enu.msp", "sccm2007ac-sp2-kb977203-x86-deu.msp"},
		},
		{
			name: "nothing is there",
			change: func(*testing.T, []*manifest.Actual) []*manifest.Actual {
				return nil
			},
			different: []string{
				"Ccmcertfix.exe x86: missing", "Ccmgencert.dll x86: missing", "Ccmsetup-sup.cab: missing", "Ccmsetup.exe x86: missing",
				"Ccmsetup.msi: missing", "Mcs.msi: missing", "Mcsisapip.dll x86: missing", "Mp.msi: missing", msp + ": missing",
				"Smpmgr.dll x86: missing", "Ccmgencert.dll ia64: missing", "Ccmgencert.dll x64: missing", "Mcsisapip.dll x64: missing",
			},
		},
	}
	m := builtin(t, "kb977203-sp2")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := m.Compare(tt.change(t, asPublished(m)), tt.options)
			require.Equal(t, tt.different, different(r))
			require.Equal(t, len(tt.different) == 0, r.OK)
			var notes, extra []string
			for _, f := range r.Files {
				for _, n := range f.Notes {
					notes = append(notes, f.Name+": "+string(n))
				}
				if f.Status != manifest.OK {
					require.Contains(t, f.Hint, tt.hint)
					require.Equal(t, f.Differences[0], f.Status)
				}
			}
			for _, e := range r.Extra {
				extra = append(extra, e.Name)
			}
			require.ElementsMatch(t, tt.notes, notes)
			require.Equal(t, tt.extra, extra)
		})
	}
}

// TestSingleFiles requires only the rows that the given files match.
func TestSingleFiles(t *testing.T) {
	m := builtin(t, "kb977203-sp2")
	only := manifest.CompareOptions{MatchedOnly: true}
	x64 := file(t, asPublished(m), "Ccmgencert.dll", "x64")

	r := m.Compare([]*manifest.Actual{x64}, only)
	require.True(t, r.OK)
	require.Len(t, r.Files, 1)
	require.Equal(t, "x64", r.Files[0].Platform)

	arm := *x64
	arm.Platform = "arm64"
	r = m.Compare([]*manifest.Actual{&arm}, only)
	require.Len(t, r.Files, 1)
	require.Contains(t, r.Files[0].Differences, manifest.PlatformMismatch)

	r = m.Compare([]*manifest.Actual{{Name: "notepad.exe"}}, only)
	require.False(t, r.OK, "a file that no row names was not verified")
	require.Empty(t, r.Files)
	require.Len(t, r.Extra, 1)
}

func TestEmptyManifest(t *testing.T) {
	r := (&manifest.Manifest{Title: "nothing", Files: []manifest.Row{}}).Compare(nil, manifest.CompareOptions{})
	require.False(t, r.OK, "nothing was compared")
	require.Equal(t, "nothing", r.Manifest)
}

func TestChoose(t *testing.T) {
	sp1, sp2 := builtin(t, "kb977203-sp1"), builtin(t, "kb977203-sp2")
	one := func(m *manifest.Manifest, name, platform string) []*manifest.Actual {
		return []*manifest.Actual{file(t, asPublished(m), name, platform)}
	}
	mixed := asPublished(sp2)
	file(t, mixed, "Ccmcertfix.exe", "x86").Version = "4.0.6221.1193"
	near := one(sp2, "Ccmcertfix.exe", "x86")
	near[0].Version = "4.0.6487.2000"
	renamed := one(sp1, "Sccm2007ac-sp1-kb977203-x86.msp", "")
	renamed[0].Size = 1
	unknown := one(sp1, "Ccmcertfix.exe", "x86")
	unknown[0].Version = "5.0.0.0"

	tests := []struct {
		name  string
		files []*manifest.Actual
		want  string // "" is ambiguous
	}{
		{"all of SP1", asPublished(sp1), "kb977203-sp1"},
		{"all of SP2", asPublished(sp2), "kb977203-sp2"},
		{"SP2 with one file of SP1", mixed, "kb977203-sp2"},
		{"one executable", one(sp1, "Ccmcertfix.exe", "x86"), "kb977203-sp1"},
		{"an executable of a near build", near, "kb977203-sp2"},
		{"a package told by its size", one(sp2, "Mp.msi", ""), "kb977203-sp2"},
		{"a patch told by its name", renamed, "kb977203-sp1"},
		{"an executable of neither", unknown, ""},
		{"both", append(asPublished(sp1), asPublished(sp2)...), ""},
		{"nothing", nil, ""},
	}
	set, err := manifest.Open("kb977203")
	require.NoError(t, err)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := set.Choose(tt.files)
			if tt.want == "" {
				require.ErrorIs(t, err, manifest.ErrAmbiguous)
				require.ErrorContains(t, err, "kb977203-sp1, kb977203-sp2")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, m.ID)
		})
	}
}

func TestNames(t *testing.T) {
	set, err := manifest.Open("kb977203")
	require.NoError(t, err)
	for name, want := range map[string]bool{
		"CCMSETUP.MSI": true, "sccm2007ac-sp1-kb977203-x86.msp": true, "SCCM2007AC-SP2-KB977203-x86-DEU.msp": true,
		"sccm2007ac-sp3-kb977203-x86.msp": false, "client.msi": false, "": false,
	} {
		require.Equal(t, want, set.Names(name), name)
	}
}

func TestCompareWithSet(t *testing.T) {
	set, err := manifest.Open("kb977203")
	require.NoError(t, err)
	files := asPublished(builtin(t, "kb977203-sp1"))
	r, err := set.Compare(files, manifest.CompareOptions{})
	require.NoError(t, err)
	require.True(t, r.OK)
	require.Equal(t, "kb977203-sp1", r.Manifest)

	r, err = (&manifest.Set{Ref: "my.json", Manifests: []*manifest.Manifest{{Files: []manifest.Row{{Name: "a"}}}}}).Compare(nil, manifest.CompareOptions{})
	require.NoError(t, err)
	require.Equal(t, "my.json", r.Manifest, "a manifest without a name")

	_, err = set.Compare(nil, manifest.CompareOptions{})
	require.ErrorIs(t, err, manifest.ErrAmbiguous)
}

// TestSiblings names a wrong build by a manifest that is not built in.
func TestSiblings(t *testing.T) {
	row := func(version string) []manifest.Row {
		return []manifest.Row{{Name: "a.dll", Version: version, Platform: "x86"}, {Name: "b.dll", Version: version, Platform: "x86"}}
	}
	set := &manifest.Set{Manifests: []*manifest.Manifest{{ID: "old", Files: row("1.0.0.0")}, {ID: "new", Files: append(row("2.0.0.0"), manifest.Row{Name: "c.txt"})}}}
	r, err := set.Compare([]*manifest.Actual{
		{Name: "a.dll", Version: "1.0.0.0", Platform: "x86"},
		{Name: "b.dll", Version: "2.0.0.0", Platform: "x86"},
		{Name: "c.txt"},
	}, manifest.CompareOptions{})
	require.NoError(t, err)
	require.Equal(t, "new", r.Manifest)
	require.Equal(t, []string{"a.dll x86: version-mismatch"}, different(r))
	require.Equal(t, "this is the build of old", r.Files[0].Hint)
	require.Equal(t, "presence", r.Files[2].Checked)
}

// TestTablesWithoutPlatform: many articles name no platform.
func TestTablesWithoutPlatform(t *testing.T) {
	m := &manifest.Manifest{Files: []manifest.Row{
		{Name: "Dtcping.exe", Version: "1.9.0.1", Size: manifest.Bytes(266308)},
		{Name: "Sample.log", Platform: "x86", Size: manifest.Bytes(4)},
		{Name: "odd.dll", Version: "1.0 beta"},
	}}
	files := []*manifest.Actual{
		{Name: "dtcping.exe", Version: "1.9.0.1", Size: 266308, Platform: "x86"},
		{Name: "sample.log", Size: 4},
		{Name: "odd.dll", Version: "1.0.0.0", Platform: "x86"},
	}
	r := m.Compare(files, manifest.CompareOptions{})
	require.Equal(t, []string{"odd.dll: version-mismatch"}, different(r))
	require.Equal(t, []string{"size"}, r.Files[1].Compared, "a text file has no machine")
}
