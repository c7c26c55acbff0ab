package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/internal/delta/deltatest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msp"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

const (
	firstEdition  = "first edition\r\n"
	secondEdition = "second edition, longer than the first\r\n"
	thirdEdition  = "third edition\r\n"
)

// A patchedProduct is a package of three files and what tests patch it with.
type patchedProduct struct {
	dir, msi string
	db       *msi.Database
}

func newPatchedProduct(t *testing.T, files ...testkit.File) *patchedProduct {
	dir := t.TempDir()
	if files == nil {
		files = []testkit.File{
			{Key: "changed", Content: firstEdition, Hash: true},
			{Key: "kept", Content: "never changes", Hash: true},
			{Key: "replaced", Content: "old", Hash: true},
		}
	}
	name := testkit.Write(t, dir, "product.msi", testkit.Package{Properties: [][2]string{{"ProductVersion", "1.0.0"}, {"ProductLanguage", "1033"}}, Files: files})
	db, err := msi.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &patchedProduct{dir: dir, msi: name, db: db}
}

// patch writes a patch for the product as earlier ones left it.
func (p *patchedProduct) patch(t *testing.T, name string, patch testkit.Patch) string {
	path, patched := testkit.WritePatch(t, p.dir, name, p.db, patch)
	p.db = patched
	return path
}

func plainDelta(old, finished string) testkit.Delta {
	return testkit.Delta{Member: string(deltatest.Encode([]byte(old), []byte(finished))), Content: finished}
}

// Deltas of several patches apply one after the other, to what the package or a
// patch holds.
func TestStackedDeltas(t *testing.T) {
	product := newPatchedProduct(t)
	one := product.patch(t, "one.msp", testkit.Patch{Code: 1, Version: "1.0.1",
		Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition)},
		Whole: map[string]string{"replaced": "new", "added": "added by the first"}})
	two := product.patch(t, "two.msp", testkit.Patch{Code: 2, Version: "1.0.2",
		Delta: map[string]testkit.Delta{"changed": plainDelta(secondEdition, thirdEdition), "added": plainDelta("added by the first", "changed by the second")}})
	for _, workers := range []int{1, 4} {
		p := open(t, product.msi, Options{Patches: []string{two, one}})
		got, err := collect(p, WalkOptions{Workers: workers})
		require.NoError(t, err)
		require.Empty(t, got.lost)
		require.Equal(t, map[string]string{
			"App/changed": thirdEdition, "App/kept": "never changes", "App/replaced": "new", "App/added": "changed by the second",
		}, got.whole)
		require.Empty(t, p.Warnings())
		for _, f := range p.Files() {
			require.Equal(t, testkit.Modified, got.times[f.Path()], f.Path())
		}

		some, err := collect(p, WalkOptions{Files: p.Find("kept"), Workers: workers})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"App/kept": "never changes"}, some.whole)
	}

	// The second alone does not fit, and says what it wants.
	_, err := Open(t.Context(), product.msi, Options{Patches: []string{two}})
	require.ErrorIs(t, err, msp.ErrTarget)
	require.ErrorContains(t, err, "1.0.0")
	require.ErrorContains(t, err, "1.0.1")
	require.ErrorContains(t, err, "two.msp")
}

func TestSupersededPatchIsNamed(t *testing.T) {
	product := newPatchedProduct(t)
	base := product.db
	one := product.patch(t, "one.msp", testkit.Patch{Code: 1, Family: "F", Sequence: "1.0", Whole: map[string]string{"replaced": "by one"}})
	product.db = base
	two := product.patch(t, "two.msp", testkit.Patch{Code: 2, Family: "F", Sequence: "2.0", Supersedes: true, Whole: map[string]string{"replaced": "by two"}})
	p := open(t, product.msi, Options{Patches: []string{one, two}})
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, "by two", got.whole["App/replaced"])
	require.Len(t, p.Warnings(), 1)
	require.Contains(t, p.Warnings()[0], "supersedes it")
}

// A file that a patch cannot make is an error that names it; a walk that keeps
// going delivers all others.
func TestFilesThatAPatchCannotMake(t *testing.T) {
	image := func(version pe.Number) string {
		content, err := petest.Image{Machine: pe.MachineI386, Versions: []*pe.Version{petest.Version(version, "lib.dll", "", "")}, Size: 8 << 10}.Build()
		require.NoError(t, err)
		return string(content)
	}
	oldImage, newImage := image(pe.Number{1, 0, 0, 0}), image(pe.Number{1, 0, 0, 1})
	// A header that says "two pieces", for the three bytes "old".
	header := binary.LittleEndian.AppendUint32([]byte("PA19"), uint32(deltatest.Plain|delta.OptionInterleaved))
	header = append(header, 0x83, 0, 0, 0, 0, 1, 0x80)
	header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE([]byte("old")))
	interleaved := deltatest.Seal(append(header, 0, 0, 0x80, 0x82, 0x80, 0x80, 0x81, 0x80, 0x80, 0x81, 0))
	for _, tt := range []struct {
		name   string
		old    string
		patch  testkit.Patch
		err    error
		says   string
		passed bool // the file is delivered all the same

		content string // that it has then, where it matters
		warns   string
	}{
		{name: "a delta of msdelta", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {Member: "PA30 and so on", Content: secondEdition}}},
			err: delta.ErrAlgorithm, says: "PA30"},
		{name: "an interleaved delta", old: "old", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {Member: string(interleaved), Content: "new"}}},
			err: delta.ErrAlgorithm, says: "interleaved"},
		{name: "a delta for another build", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": plainDelta("another", secondEdition)}}, err: delta.ErrSource},
		{name: "a damaged delta", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {Member: "PA19", Content: secondEdition}}}, err: delta.ErrTruncated},
		{name: "an optional delta for another build: the file stays as it was", passed: true, content: firstEdition, warns: "an optional delta is passed over", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {
			Member: plainDelta("another", secondEdition).Member, Content: secondEdition, Optional: true}}}},
		{name: "an optional delta that is not needed", passed: true, patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {
			Member: plainDelta("another", firstEdition).Member, Content: firstEdition, Optional: true}}}},
		{name: "a delta to other content than the tables say", patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {
			Member: plainDelta(firstEdition, secondEdition).Member, Content: strings.ToUpper(secondEdition)}}}, err: ErrMismatch},
		{name: "a delta to another version than the tables say", old: oldImage, err: ErrMismatch, says: "1.0.0.1",
			patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {Member: plainDelta(oldImage, newImage).Member, Content: newImage, Version: "1.0.0.2"}}}},
		{name: "the version that the tables say", old: oldImage, passed: true,
			patch: testkit.Patch{Delta: map[string]testkit.Delta{"changed": {Member: plainDelta(oldImage, newImage).Member, Content: newImage, Version: "1.0.0.1"}}}},
		{name: "a delta that the cabinet lacks", patch: testkit.Patch{Absent: []string{"changed"}, Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition)}},
			err: ErrMissing, says: "changed"},
		{name: "a whole file that the cabinet lacks", patch: testkit.Patch{Absent: []string{"changed"}, Whole: map[string]string{"changed": secondEdition}}, err: ErrMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old := tt.old
			if old == "" {
				old = firstEdition
			}
			product := newPatchedProduct(t, testkit.File{Key: "changed", Content: old}, testkit.File{Key: "kept", Content: "never changes", Hash: true})
			patch := product.patch(t, "one.msp", tt.patch)
			p := open(t, product.msi, Options{Patches: []string{patch}})
			got, err := collect(p, WalkOptions{})
			if tt.passed {
				require.NoError(t, err)
				require.Len(t, got.whole, 2)
				require.Contains(t, strings.Join(p.Warnings(), "\n"), tt.warns)
				if tt.content != "" {
					require.Equal(t, tt.content, got.whole["App/changed"])
				}
				return
			}
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, "changed")
			require.ErrorContains(t, err, tt.says)
			var located *Error
			require.ErrorAs(t, err, &located)
			require.NotContains(t, got.whole, "App/changed")

			got, err = collect(p, WalkOptions{KeepGoing: true})
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, map[string]string{"App/kept": "never changes"}, got.whole)
			require.ErrorIs(t, got.lost["App/changed"], tt.err)
		})
	}
}

// A damaged old file loses what is made of it.
func TestOldFileIsDamaged(t *testing.T) {
	product := newPatchedProduct(t, testkit.File{Key: "changed", Content: firstEdition, WrongHash: true}, testkit.File{Key: "kept", Content: "never changes"})
	patch := product.patch(t, "one.msp", testkit.Patch{Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition)}})
	p := open(t, product.msi, Options{Patches: []string{patch}})
	_, err := collect(p, WalkOptions{})
	require.ErrorIs(t, err, ErrMismatch)
	got, err := collect(p, WalkOptions{KeepGoing: true})
	require.ErrorIs(t, err, ErrMismatch)
	require.Equal(t, map[string]string{"App/kept": "never changes"}, got.whole)
	require.Len(t, got.lost, 1)
}

// Deltas that together exceed the memory for them come in several passes.
func TestManyDeltas(t *testing.T) {
	want := map[string]string{"App/kept": "never changes"}
	deltas := map[string]testkit.Delta{}
	files := []testkit.File{{Key: "kept", Content: "never changes"}}
	for _, key := range []string{"a", "b", "c", "d"} {
		deltas[key] = plainDelta("old "+key, "finished "+key)
		want["App/"+key] = "finished " + key
		files = append(files, testkit.File{Key: key, Content: "old " + key})
	}
	product := newPatchedProduct(t, files...)
	p := open(t, product.msi, Options{Patches: []string{product.patch(t, "one.msp", testkit.Patch{Delta: deltas})}})
	require.Len(t, p.reader.(*patchedReader).passes(p.Files()), 1)
	for memory, passes := range map[int64]int{0: 4, 2 * int64(len(deltas["a"].Member)): 2} {
		p.reader.(*patchedReader).memory = memory
		require.Len(t, p.reader.(*patchedReader).passes(p.Files()), passes)
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err)
		require.Equal(t, want, got.whole)
	}
}

// A file that is larger than any delta applies to is not kept.
func TestOldFileTooLarge(t *testing.T) {
	large := string(bytes.Repeat([]byte("0123456789abcdef"), delta.MaxOldSize/16+1))
	product := newPatchedProduct(t, testkit.File{Key: "changed", Content: large}, testkit.File{Key: "kept", Content: "never changes"})
	patch := product.patch(t, "one.msp", testkit.Patch{Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition)}})
	p := open(t, product.msi, Options{Patches: []string{patch}})
	got, err := collect(p, WalkOptions{KeepGoing: true})
	require.ErrorIs(t, err, delta.ErrAlgorithm)
	require.Equal(t, map[string]string{"App/kept": "never changes"}, got.whole)
}

// The members of a patch and its transforms have names of their own.
func TestPatchAlone(t *testing.T) {
	product := newPatchedProduct(t)
	patch := product.patch(t, "one.msp", testkit.Patch{Code: 1,
		Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition), "kept": {Member: "PA30", Content: "?"}},
		Whole: map[string]string{"added": "added"}})
	p := open(t, patch, Options{})
	require.Equal(t, []string{"patch1.cab/changed.pa19", "patch1.cab/kept.pa30", "patch1.cab/added", "transforms/#T.mst", "transforms/T.mst", "patch.json"}, paths(p.Files()))
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, "added", got.whole["patch1.cab/added"])
	for _, name := range []string{"transforms/T.mst", "transforms/#T.mst"} {
		db, err := msi.NewReader(strings.NewReader(got.whole[name]), int64(len(got.whole[name])))
		require.NoError(t, err)
		require.Equal(t, msi.KindTransform, db.Kind())
		_, err = msi.LoadTransform(db)
		require.NoError(t, err)
	}
	require.Equal(t, filepath.Base(patch), p.Name())
}

// FuzzPatchedPackage applies whatever it is given as a patch to a good package, and
// a good patch to whatever it is given as the package.
func FuzzPatchedPackage(f *testing.F) {
	dir := f.TempDir()
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		return data
	}
	product := testkit.Package{
		Properties: [][2]string{{"ProductVersion", "1.0.0"}, {"ProductLanguage", "1033"}},
		Files:      []testkit.File{{Key: "changed", Content: firstEdition, Hash: true}, {Key: "kept", Content: "never changes"}},
	}
	goodBase, _ := testkit.Build(f, product)
	db, err := msi.NewReader(bytes.NewReader(goodBase), int64(len(goodBase)))
	require.NoError(f, err)
	name, _ := testkit.WritePatch(f, dir, "one.msp", db, testkit.Patch{
		Delta: map[string]testkit.Delta{"changed": plainDelta(firstEdition, secondEdition)}, Whole: map[string]string{"added": "added"}})
	goodPatch := read(name)
	f.Add(goodPatch, true)
	f.Add(goodBase, false)
	f.Fuzz(func(_ *testing.T, data []byte, isPatch bool) {
		one := func(content []byte) *Package {
			return &Package{ref: "fuzz", name: "fuzz", content: inMemory{bytes.NewReader(content)}, inside: newInsideBudget(0)}
		}
		base, patch := one(goodBase), one(data)
		if !isPatch {
			base, patch = one(data), one(goodPatch)
		}
		if base.open(context.Background()) != nil || patch.open(context.Background()) != nil {
			return
		}
		p, err := applyPatches(context.Background(), base, nil, []*Package{patch})
		if err != nil {
			return
		}
		defer p.Close()
		left := &atomic.Int64{}
		left.Store(8 << 20)
		for _, keepGoing := range []bool{false, true} {
			_ = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return bounded{left}, nil }, WalkOptions{KeepGoing: keepGoing, Workers: 2})
		}
		p.Warnings()
	})
}
