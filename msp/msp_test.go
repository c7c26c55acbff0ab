package msp_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func open(t testing.TB, name ...string) *msi.Database {
	t.Helper()
	db, err := msi.Open(corpus.Path(t, append([]string{"msp"}, name...)...))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func openPatch(t testing.TB, name ...string) *msp.Patch {
	t.Helper()
	p, err := msp.New(open(t, name...))
	require.NoError(t, err)
	return p
}

func TestSyntheticPatch(t *testing.T) {
	base := open(t, "synth", "base.msi")
	plan, err := msp.Apply(t.Context(), base, openPatch(t, "synth", "synth.msp"))
	require.NoError(t, err)
	got := extract(t, base, plan)
	for path, name := range map[string]string{
		"PFiles/SynthApp/data.bin":   "expected_data.bin",
		"PFiles/SynthApp/readme.txt": "expected_readme.txt",
		"PFiles/SynthApp/new.txt":    "expected_new.txt",
	} {
		want, err := os.ReadFile(corpus.Path(t, "msp", "synth", name))
		require.NoError(t, err)
		require.Equal(t, string(want), got[path], path)
	}
	require.Len(t, got, 3)
	s := plan.Database.Summary()
	require.Equal(t, "{A1A1A1A1-0000-4000-8000-0000000000E1}", s.String(msi.PIDRevision))
	require.Equal(t, "SynthApp patched", s.String(msi.PIDSubject))
	require.Equal(t, "patched admin image", s.String(msi.PIDComments))
}

// The image's database is what an independent implementation makes of the main
// transform; with the paired one it is what the installer works with.
func TestPlanEqualsOtherImplementation(t *testing.T) {
	const wix = "wix3-msisandmsps"
	for _, tt := range []struct {
		base, patch     string
		image, complete string
	}{
		{"synth/base.msi", "synth/synth.msp", "synth_main.msi", "synth_main+paired.msi"},
		{wix + "/RtmProduct/product.msi", wix + "/GDR1/gdr1.msp", "gdr1_rtm2_main.msi", "gdr1_rtm2_main+paired.msi"},
		{"psmsi-Example.msi", "psmsi-Example.msp", "", "example_msp1_main+paired.msi"},
	} {
		t.Run(tt.patch, func(t *testing.T) {
			plan, err := msp.Apply(t.Context(), open(t, tt.base), openPatch(t, tt.patch))
			require.NoError(t, err)
			for name, db := range map[string]*msi.Database{tt.image: plan.Database, tt.complete: plan.Full} {
				if name == "" {
					continue
				}
				d, err := msi.Compare(open(t, "after-transform", name), db)
				require.NoError(t, err)
				require.Empty(t, d.Tables, name)
			}
		})
	}
}

func TestRealPatches(t *testing.T) {
	const multi, machine, program = "wix3-msisandmsps/", "wix3-permachine/", "Program Files/"
	const app = program + "Dual Branch Servicing - Single MSP/"
	rtm := multi + "RtmProduct/product.msi"
	rtmldr, gdr1, ldr2, ldr3 := multi+"Baseliner/rtmldr.msp", multi+"GDR1/gdr1.msp", multi+"LDR2/ldr2.msp", multi+"LDR3/ldr3.msp"
	for _, tt := range []struct {
		name    string
		base    string
		patches []string
		sizes   map[string]int
		pairs   []string
		skipped int
	}{
		{"first of two targets", machine + "prodAv100.msi", []string{machine + "PatchABv101.msp"}, map[string]int{program + "ProdA/product.wxs": 1400}, []string{"rtmA.1"}, 0},
		{"second of two targets", machine + "prodBv100.msi", []string{machine + "PatchABv101.msp"}, map[string]int{program + "ProdB/product.wxs": 1400}, []string{"rtmB.2"}, 0},
		{"no files", machine + "prodAv100.msi", []string{machine + "PatchAv101.msp"}, map[string]int{program + "ProdA/product.wxs": 1400}, []string{"rtmA.1"}, 0},
		{"whole files", rtm, []string{gdr1}, map[string]int{app + "product.wxs": 2051, app + "patch.wxs": 1025}, []string{"rtm.2"}, 0},
		{"on another patch", rtm, []string{rtmldr, gdr1}, map[string]int{app + "product.wxs": 2059, app + "patch.wxs": 1025}, []string{"rtm.1", "rtmldr.1"}, 0},
		{"needs one that is named later", rtm, []string{ldr3, rtmldr}, map[string]int{app + "product.wxs": 1460, app + "patch.wxs": 789}, []string{"rtm.1", "rtmldr.1"}, 0},
		{"a family in order", rtm, []string{rtmldr, ldr3, gdr1, ldr2}, map[string]int{app + "product.wxs": 2059, app + "patch.wxs": 789},
			[]string{"rtm.1", "rtmldr.1", "rtmldr.1", "rtmldr.1"}, 0},
		{"twice", rtm, []string{gdr1, gdr1}, map[string]int{app + "product.wxs": 2051, app + "patch.wxs": 1025}, []string{"rtm.2"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := open(t, tt.base)
			var patches []*msp.Patch
			for _, name := range tt.patches {
				patches = append(patches, openPatch(t, name))
			}
			plan, err := msp.Apply(t.Context(), base, patches...)
			require.NoError(t, err)
			var pairs []string
			for _, a := range plan.Applied {
				pairs = append(pairs, a.Pair.Name)
			}
			require.Equal(t, tt.pairs, pairs)
			require.Len(t, plan.Skipped, tt.skipped)
			sizes := map[string]int{}
			for path, content := range extract(t, base, plan) {
				sizes[path] = len(content)
			}
			require.Equal(t, tt.sizes, sizes)
		})
	}
}

func TestPatchThatDoesNotFit(t *testing.T) {
	for _, tt := range []struct {
		base, patch string
		says        []string
	}{
		{"wix3-msisandmsps/RtmProduct/product.msi", "wix3-msisandmsps/LDR2/ldr2.msp", []string{"{FB94421B-7FA3-4495-A9D7-212099C19147} 1.0.0.0; it is for {FB94421B-7FA3-4495-A9D7-212099C19147} 1.0.1.0", "ProductVersion is 1.0.0.0", "for 1.0.1"}},
		{"wix3-permachine/prodBv101.msi", "wix3-permachine/PatchAv101.msp", []string{"{398B8855-E3B8-4559-9C2B-3ED457C5A889}"}},
		{"synth/base.msi", "wix3-msisandmsps/Baseliner/rtmldr.msp", []string{"ProductCode is {A1A1A1A1", "{FB94421B-7FA3-4495-A9D7-212099C19147}"}},
	} {
		_, err := msp.Apply(t.Context(), open(t, tt.base), openPatch(t, tt.patch))
		require.ErrorIs(t, err, msp.ErrTarget)
		var target *msp.TargetError
		require.ErrorAs(t, err, &target)
		require.NotEmpty(t, target.Wanted)
		for _, s := range tt.says {
			require.ErrorContains(t, err, s)
		}
	}
}

// A package that has what a patch changes: the next release, or an image with the
// patch. Where the transform itself allows it to be applied again, a warning says so.
func TestAppliedAlready(t *testing.T) {
	_, err := msp.Apply(t.Context(), open(t, "wix3-permachine", "prodAv101.msi"), openPatch(t, "wix3-permachine", "PatchABv101.msp"))
	require.ErrorIs(t, err, msp.ErrApplied)
	for _, tt := range []struct {
		base, patch string
		allowed     bool
	}{
		{"synth/base.msi", "synth/synth.msp", false},
		{"psmsi-Example.msi", "psmsi-Example.msp", false},
		{"wix3-msisandmsps/RtmProduct/product.msi", "wix3-msisandmsps/Baseliner/rtmldr.msp", false},
		{"wix3-msisandmsps/RtmProduct/product.msi", "wix3-msisandmsps/GDR1/gdr1.msp", true},
		{"wix3-permachine/prodAv100.msi", "wix3-permachine/PatchABv101.msp", true},
	} {
		t.Run(tt.patch, func(t *testing.T) {
			patch := openPatch(t, tt.patch)
			first, err := msp.Apply(t.Context(), open(t, tt.base), patch)
			require.NoError(t, err)
			require.NotContains(t, strings.Join(first.Warnings, "\n"), "applied already")
			second, err := msp.Apply(t.Context(), first.Database, patch)
			if !tt.allowed {
				require.ErrorIs(t, err, msp.ErrApplied)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{patch.Name() + " changes nothing in the tables: it may be applied already"}, second.Warnings)
		})
	}
}

func TestWhatARealPatchSays(t *testing.T) {
	p := openPatch(t, "wix3-msisandmsps", "GDR1", "gdr1.msp")
	require.Equal(t, "{780B530E-03AD-47AF-A128-DA08DB495253}", p.Code)
	require.Empty(t, p.Obsoletes)
	require.Equal(t, []string{"{FB94421B-7FA3-4495-A9D7-212099C19147}"}, p.Products)
	require.Equal(t, "3.1", p.MinimumInstaller.String())
	require.Equal(t, "Security Update (KB1)", p.Name())
	require.ElementsMatch(t, []msp.Sequence{{"Source", "", "1.0.1.1", true}, {"Patch", "", "1.0.1.1", true}}, p.Sequences)
	targets := p.Targets()
	require.Len(t, targets, 2)
	require.Equal(t, "rtmldr.1", targets[0].Pair)
	require.Equal(t, "1.0.1.0", targets[0].Version)
	require.True(t, targets[1].Accepts("1.0.0.0"))
	require.False(t, targets[1].Accepts("1.0.1.0"))

	contents, err := p.Contents(t.Context())
	require.NoError(t, err)
	require.Len(t, contents.Members, 4)
	require.Equal(t, &msp.Content{Cabinet: "gdr1.cab", Key: "F_Patch", Size: 1025,
		Uses: []msp.Use{{Pair: "rtm.2", FileSize: 1025, FileName: "patch.wxs", Added: true, Sequence: 3}}}, contents.Members[0])

	contents, err = openPatch(t, "synth", "synth.msp").Contents(t.Context())
	require.NoError(t, err)
	require.Equal(t, &msp.Content{Cabinet: "PCW_CAB_Synth", Key: "F_data", Size: 583,
		Uses: []msp.Use{{Pair: "T1ToU1", Delta: true, Format: "PA19", FileSize: 1023, Sequence: 1000}}}, contents.Members[0])

	contents, err = openPatch(t, "WPF2_32.msp").Contents(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*msp.Content{{Cabinet: "PCW_CAB_NetFX", Key: "filler"}}, contents.Members)
}

// secondFiles are what patch 1 of the generated ones makes.
func secondFiles() (whole, changed files) {
	old := oldFiles()
	return files{"readme": []byte("read me, second edition\r\n"), "added": []byte("a new file")},
		files{"data": append([]byte("second edition: "), old["data"][100:]...)}
}

func TestGeneratedPatch(t *testing.T) {
	base := product(t)
	whole, changed := secondFiles()
	p := patch{code: 1, to: "1.0.1", whole: whole, delta: changed, properties: map[string]string{
		"PATCHNEWPACKAGECODE": "{00000000-0000-0000-0000-0000000000EE}", "PATCHNEWSUMMARYSUBJECT": "The product, patched", "PATCHNEWSUMMARYCOMMENTS": "by a test",
	}}.build(t)
	plan, err := msp.Apply(t.Context(), base, p)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"readme.txt": string(whole["readme"]), "added.txt": string(whole["added"]), "data.txt": string(changed["data"]), "kept.txt": "never changes",
	}, extract(t, base, plan))

	require.Nil(t, plan.Database.Table("Patch"), "the paired transform is not kept")
	require.Equal(t, 1, plan.Database.Table("Media").Len())
	require.Equal(t, 2, plan.Full.Table("Media").Len())
	s := plan.Database.Summary()
	require.Equal(t, "{00000000-0000-0000-0000-0000000000EE}", s.String(msi.PIDRevision))
	require.Equal(t, "The product, patched", s.String(msi.PIDSubject))
	require.Equal(t, "by a test", s.String(msi.PIDComments))
	require.Equal(t, "{00000000-0000-0000-0000-0000000000CC}", base.Summary().String(msi.PIDRevision), "the base was changed")
	model, err := plan.Database.Model()
	require.NoError(t, err)
	files := slices.Collect(model.Files())
	i := slices.IndexFunc(files, func(f msi.File) bool { return f.Key() == "data" })
	require.Equal(t, "1.0.1", files[i].Version())

	var image bytes.Buffer
	require.NoError(t, plan.Database.Save(&image))
	saved, err := msi.NewReader(bytes.NewReader(image.Bytes()), int64(image.Len()))
	require.NoError(t, err)
	d, err := msi.Compare(plan.Database, saved)
	require.NoError(t, err)
	require.Empty(t, d.Tables)
}

func TestPatchesOnEachOther(t *testing.T) {
	whole, changed := secondFiles()
	second := oldFiles()
	for _, m := range []files{whole, changed} {
		for k, v := range m {
			second[k] = v
		}
	}
	third := files{
		"readme": append([]byte("third: "), whole["readme"]...),
		"data":   append([]byte("third: "), changed["data"]...),
		"added":  append([]byte("third: "), whole["added"]...),
	}
	one := patch{code: 1, to: "1.0.1", whole: whole, delta: changed}.build(t)
	two := patch{code: 2, from: "1.0.1", to: "1.0.2", base: second, delta: third}.build(t)
	three := patch{code: 3, from: "1.0.2", to: "1.0.3", base: second, whole: files{"data": []byte("all new")}, gone: []string{"added"}}.build(t)

	base := product(t)
	plan, err := msp.Apply(t.Context(), base, two, one) // the order given does not work out
	require.NoError(t, err)
	require.Equal(t, []*msp.Patch{one, two}, []*msp.Patch{plan.Applied[0].Patch, plan.Applied[1].Patch})
	require.Equal(t, map[string]string{
		"readme.txt": string(third["readme"]), "added.txt": string(third["added"]), "data.txt": string(third["data"]), "kept.txt": "never changes",
	}, extract(t, base, plan))
	require.Len(t, plan.Files["data"].Deltas, 2)
	require.NotNil(t, plan.Files["readme"].Whole)

	// Numbers that collide are made unique.
	disks, sequences := map[int32]bool{}, map[int32]bool{}
	for _, c := range plan.Cabinets {
		require.False(t, disks[c.DiskID])
		disks[c.DiskID] = true
		for _, m := range c.Members {
			require.False(t, sequences[m.Sequence])
			sequences[m.Sequence] = true
		}
	}
	require.Len(t, sequences, 6)
	require.Equal(t, 3, plan.Full.Table("Media").Len())
	require.Equal(t, 2, plan.Full.Table("PatchPackage").Len())
	require.Equal(t, 4, plan.Full.Table("Patch").Len())

	plan, err = msp.Apply(t.Context(), base, one, two, three)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"readme.txt": string(third["readme"]), "data.txt": "all new", "kept.txt": "never changes"}, extract(t, base, plan))
	require.Empty(t, plan.Files["data"].Deltas, "deltas before a whole file do not matter")
	require.NotContains(t, plan.Files, "added")
	wanted := 0
	for _, c := range plan.Cabinets {
		wanted += len(c.Members)
	}
	require.Equal(t, 3, wanted, "nothing is read that is not needed")
}

func TestOrderAndSupersedence(t *testing.T) {
	content := func(s string) files { return files{"readme": []byte(s)} }
	for _, tt := range []struct {
		name    string
		patches []patch
		readme  string
		skipped []string
	}{
		{"order given", []patch{{code: 1, whole: content("1")}, {code: 2, whole: content("2")}}, "2", nil},
		{"order given, other way", []patch{{code: 2, whole: content("2")}, {code: 1, whole: content("1")}}, "1", nil},
		{"family", []patch{
			{code: 2, family: "f", sequence: "1.10", whole: content("2")}, {code: 1, family: "f", sequence: "1.9.99", whole: content("1")},
		}, "2", nil},
		{"families that have nothing to do with each other", []patch{
			{code: 2, family: "f", sequence: "2", whole: content("2")}, {code: 1, family: "g", sequence: "1", whole: content("1")},
		}, "1", nil},
		{"superseded", []patch{
			{code: 1, family: "f", sequence: "1", whole: content("1")}, {code: 2, family: "f", sequence: "2", supersedes: true, whole: content("2")},
		}, "2", []string{patchCode(1) + ": " + patchCode(2) + " supersedes it"}},
		{"a later one is not superseded", []patch{
			{code: 1, family: "f", sequence: "1", supersedes: true, whole: content("1")}, {code: 2, family: "f", sequence: "2", whole: content("2")},
		}, "2", nil},
		{"obsolete", []patch{
			{code: 1, obsoletes: []int{2, 3}, whole: content("1")}, {code: 3, whole: content("3")},
		}, "1", []string{patchCode(3) + ": " + patchCode(1) + " makes it obsolete"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var patches []*msp.Patch
			for _, p := range tt.patches {
				patches = append(patches, p.build(t))
			}
			base := product(t)
			plan, err := msp.Apply(t.Context(), base, patches...)
			require.NoError(t, err)
			require.Equal(t, tt.readme, extract(t, base, plan)["readme.txt"])
			var skipped []string
			for _, s := range plan.Skipped {
				skipped = append(skipped, s.Patch.Name()+": "+s.Reason)
			}
			require.Equal(t, tt.skipped, skipped)
		})
	}
}

func TestOptionalDelta(t *testing.T) {
	other := files{"data": []byte("what the delta was made for")}
	next := files{"data": []byte("what it makes")}
	for _, optional := range []bool{false, true} {
		plan, err := msp.Apply(t.Context(), product(t), patch{code: 1, base: other, delta: next, optional: optional}.build(t))
		require.NoError(t, err)
		f := plan.Files["data"]
		d := readCabinet(t, f.Deltas[0].Cabinet.Patch.Database(), f.Deltas[0].Cabinet.Stream)["data"]
		got, skipped, err := f.Finish(oldFiles()["data"], [][]byte{d})
		if optional {
			require.NoError(t, err)
			require.Len(t, skipped, 1)
			require.Equal(t, oldFiles()["data"], got)
			continue
		}
		require.ErrorIs(t, err, delta.ErrSource)
		_, _, err = f.Finish(nil, nil)
		require.ErrorIs(t, err, msp.ErrFormat)
	}
}

func TestMalformedPatches(t *testing.T) {
	whole, _ := secondFiles()
	good := patch{code: 1, whole: whole}
	for _, tt := range []struct {
		name   string
		change func(db *msi.Database)
	}{
		{"no code", func(db *msi.Database) { db.Summary().Remove(msi.PIDRevision) }},
		{"bad code", func(db *msi.Database) { require.NoError(t, db.Summary().SetString(msi.PIDRevision, "{12")) }},
		{"transform missing", func(db *msi.Database) { require.NoError(t, db.RemoveStorage("T1")) }},
	} {
		db := good.database(t)
		tt.change(db)
		_, err := msp.New(db)
		require.ErrorIs(t, err, msp.ErrFormat, tt.name)
	}
	_, err := msp.New(product(t))
	require.ErrorIs(t, err, msp.ErrFormat, "a package is not a patch")

	noMedia := good
	noMedia.spoil = func(_, full *msi.Database) {
		row, ok := full.Table("Media").Find(msi.Int(100))
		require.True(t, ok)
		require.NoError(t, full.Table("Media").Delete(row))
	}
	_, err = msp.Apply(t.Context(), product(t), noMedia.build(t))
	require.ErrorIs(t, err, msp.ErrFormat)

	base := product(t)
	testkit.Insert(t, base, "Property", "There", "already")
	good.properties = map[string]string{"There": "v"}
	_, err = msp.Apply(t.Context(), base, good.build(t))
	require.ErrorIs(t, err, msi.ErrTransform)
	require.ErrorContains(t, err, "table Property, row There to be added exists")
}

func FuzzPatch(f *testing.F) {
	whole, changed := secondFiles()
	var b bytes.Buffer
	require.NoError(f, patch{code: 1, family: "f", sequence: "1.2", whole: whole, delta: changed}.database(f).Save(&b))
	f.Add(b.Bytes())
	base := product(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		db, err := msi.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		p, err := msp.New(db)
		if err != nil {
			return
		}
		_, _ = p.Contents(t.Context())
		_, _ = msp.Apply(t.Context(), base, p, p)
	})
}
