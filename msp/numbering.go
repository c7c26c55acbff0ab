package msp

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
)

// numbering reads from the changes of a paired transform where the members of a
// patch are, and gives them numbers that nothing else has.
type numbering struct {
	disks  map[int32]int32 // DiskId in the patch to that in Plan.Full
	shift  int32           // of sequences
	media  []patchMedia
	files  []patchFile
	deltas []patchDelta
}

type patchMedia struct {
	diskID, lastSequence int32
	cabinet              string
}

// stream returns the stream that holds the cabinet, "" where there is none.
func (m patchMedia) stream() string {
	stream, ok := strings.CutPrefix(m.cabinet, "#")
	if !ok {
		return ""
	}
	return stream
}

type patchFile struct {
	key      string
	sequence int32
}

type patchDelta struct {
	key      string
	sequence int32
	size     int64
	optional bool
	head     []byte // of the delta, where the patch keeps it apart
}

// readNumbering reads the changes of a pair of transforms. before has the File
// rows that were there before; it may be nil.
func readNumbering(main, paired *msi.Diff, before *msi.Table) (*numbering, error) {
	n := &numbering{disks: make(map[int32]int32)}
	for _, tc := range paired.Tables {
		for _, rc := range tc.Rows {
			if rc.Change == msi.Removed {
				continue
			}
			switch tc.Name {
			case "Media":
				n.addMedia(rc)
			case "Patch":
				if err := n.addDelta(rc); err != nil {
					return nil, err
				}
			}
		}
	}
	slices.SortStableFunc(n.media, func(a, b patchMedia) int { return int(a.lastSequence) - int(b.lastSequence) })
	n.addFiles(main, paired, before)
	return n, nil
}

// addFiles finds the whole files: those whose rows the paired transform gives a
// sequence or marks as of a patch, and those that the main transform adds.
func (n *numbering) addFiles(main, paired *msi.Diff, before *msi.Table) {
	const patchAdded = 0x1000 // msidbFileAttributesPatchAdded
	sequences := make(map[string]int32)
	existed := func(key msi.Value) bool {
		if before == nil {
			return false
		}
		row, ok := before.Find(key)
		if !ok {
			return false
		}
		if sequence, has := row.Int("Sequence"); has {
			sequences[key.Text()] = sequence
		}
		return true
	}
	var keys []string
	found := make(map[string]bool)
	add := func(key string) {
		if !found[key] {
			found[key] = true
			keys = append(keys, key)
		}
	}
	for _, rc := range fileRows(main) {
		known := existed(rc.Key[0])
		if sequence, ok := cellInt(rc, "Sequence"); ok {
			sequences[rc.Key[0].Text()] = sequence
		}
		if rc.Change == msi.Added && !known {
			add(rc.Key[0].Text())
		}
	}
	for _, rc := range fileRows(paired) {
		key := rc.Key[0].Text()
		if _, ok := sequences[key]; !ok {
			existed(rc.Key[0])
		}
		sequence, ok := cellInt(rc, "Sequence")
		if ok {
			sequences[key] = sequence
		}
		attributes, _ := cellInt(rc, "Attributes")
		if ok || attributes&patchAdded != 0 {
			add(key)
		}
	}
	for _, key := range keys {
		n.files = append(n.files, patchFile{key, sequences[key]})
	}
}

// fileRows returns the rows of the File table that a transform adds or changes.
func fileRows(d *msi.Diff) []msi.RowChange {
	for _, tc := range d.Tables {
		if tc.Name == "File" {
			return slices.DeleteFunc(slices.Clone(tc.Rows), func(rc msi.RowChange) bool { return rc.Change == msi.Removed })
		}
	}
	return nil
}

func (n *numbering) addMedia(rc msi.RowChange) {
	disk, ok := rc.Key[0].Int()
	last, ok2 := cellInt(rc, "LastSequence")
	if ok && ok2 && rc.Change == msi.Added {
		n.media = append(n.media, patchMedia{disk, last, cellText(rc, "Cabinet")})
	}
}

func (n *numbering) addDelta(rc msi.RowChange) error {
	const nonVital = 1 // msidbPatchAttributesNonVital
	d := patchDelta{key: rc.Key[0].Text()}
	var ok bool
	if len(rc.Key) == 2 {
		d.sequence, ok = rc.Key[1].Int()
	}
	if !ok {
		return fmt.Errorf("table Patch, row %s: no sequence: %w", d.key, ErrFormat)
	}
	size, _ := cellInt(rc, "PatchSize")
	attributes, _ := cellInt(rc, "Attributes")
	d.size, d.optional, d.head = int64(size), attributes&nonVital != 0, headerOf(rc)
	n.deltas = append(n.deltas, d)
	return nil
}

func cell(rc msi.RowChange, column string) msi.Value {
	for _, c := range rc.Cells {
		if c.Column == column {
			return c.New
		}
	}
	return msi.Null()
}

func cellInt(rc msi.RowChange, column string) (int32, bool) { return cell(rc, column).Int() }
func cellText(rc msi.RowChange, column string) string       { return cell(rc, column).Text() }

// renumber moves the patch behind everything that is there, where its numbers
// are taken.
func (n *numbering) renumber(full *msi.Database) error {
	if len(n.media) == 0 {
		return nil
	}
	used := make(map[int32]bool)
	var lastDisk, last int32
	if t := full.Table("Media"); t != nil {
		for row := range t.Rows() {
			disk, _ := row.Int("DiskId")
			sequence, _ := row.Int("LastSequence")
			used[disk] = true
			lastDisk, last = max(lastDisk, disk), max(last, sequence)
		}
	}
	for i := range n.media {
		m := &n.media[i]
		if used[m.diskID] {
			lastDisk++
			n.disks[m.diskID] = lastDisk
			m.diskID = lastDisk
		}
		used[m.diskID] = true
		lastDisk = max(lastDisk, m.diskID)
	}
	first := n.media[0].lastSequence
	for _, f := range n.files {
		first = min(first, f.sequence)
	}
	for _, d := range n.deltas {
		first = min(first, d.sequence)
	}
	if first > last {
		return nil
	}
	highest := int64(n.media[len(n.media)-1].lastSequence)
	if highest+int64(last)-int64(first)+1 > math.MaxInt32 {
		return fmt.Errorf("sequences %d to %d cannot be moved behind %d: %w", first, highest, last, ErrFormat)
	}
	n.shift = last - first + 1
	for i := range n.media {
		n.media[i].lastSequence += n.shift
	}
	for i := range n.files {
		n.files[i].sequence += n.shift
	}
	for i := range n.deltas {
		n.deltas[i].sequence += n.shift
	}
	return nil
}

// mediaOf returns the Media row of the patch that covers a sequence.
func (n *numbering) mediaOf(sequence int32) *patchMedia {
	for i := range n.media {
		if n.media[i].lastSequence >= sequence {
			return &n.media[i]
		}
	}
	return nil
}

// rewrite gives the rows of the paired transform their new numbers.
func (n *numbering) rewrite(table string, rc *msi.RowChange) {
	moved := func(v msi.Value, by func(int32) int32) msi.Value {
		if i, ok := v.Int(); ok {
			return msi.Int(by(i))
		}
		return v
	}
	sequence := func(i int32) int32 { return i + n.shift }
	disk := func(i int32) int32 {
		if to, ok := n.disks[i]; ok {
			return to
		}
		return i
	}
	cells := func(column string, by func(int32) int32) {
		for i := range rc.Cells {
			if rc.Cells[i].Column == column {
				rc.Cells[i].New = moved(rc.Cells[i].New, by)
			}
		}
	}
	switch table {
	case "Patch":
		if len(rc.Key) == 2 {
			rc.Key[1] = moved(rc.Key[1], sequence)
		}
	case "PatchPackage":
		cells("Media_", disk)
	case "Media":
		if rc.Change == msi.Added {
			rc.Key[0] = moved(rc.Key[0], disk)
			cells("LastSequence", sequence)
		}
	}
}
