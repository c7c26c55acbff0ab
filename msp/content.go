package msp

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/delta"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// Contents are the members of all cabinets in a patch, and which files they become.
// They do not change.
type Contents struct {
	Members []*Content // in stored order
	byName  map[memberName]*Content
}

// A memberName tells the members of a patch's cabinets apart.
type memberName struct {
	cabinet, key string
	occurrence   int // of several with that name
}

// Content is one member of a cabinet in a patch, with what the transforms say
// about it.
type Content struct {
	Cabinet    string // stream of the patch
	Index      int    // in the cabinet, from 0
	Key        string // name in the cabinet: File key
	Occurrence int    // 0, or more where several members of the cabinet have this name
	Size       int64  // of the member, in bytes
	Uses       []Use  // by the pairs of transforms; none: nothing names the member
}

// use returns what a pair of transforms makes of the member, nil where it does not
// name it.
func (c *Content) use(pair *Pair, isDelta bool) *Use {
	for i := range c.Uses {
		if u := &c.Uses[i]; u.Pair == pair.Name && u.Delta == isDelta {
			return u
		}
	}
	return nil
}

// Use says what a pair of transforms makes of a member of a cabinet.
type Use struct {
	Pair     string // name of the main transform
	Delta    bool   // else the member is the whole file
	Format   string // of a delta: "PA19", "PA30"; "" where it cannot be read
	Optional bool   // the delta may fail
	FileSize int64  // of the patched file, -1 where the patch does not say
	Version  string // of the patched file, "" where the transforms do not say
	FileName string // File.FileName, "" where the transforms do not say
	Added    bool   // the product did not have the file
	Sequence int32
}

// maxMembers bounds the members of a patch: streams may share their sectors, so
// that a small file can hold any number of cabinets.
const maxMembers = 200_000

// Contents lists the members of all cabinets in the patch. The types of columns are
// those that Windows Installer documents. The list is made once; an error, which is
// that of ctx, ErrFormat or one of packages msi and cab, is not kept.
func (p *Patch) Contents(ctx context.Context) (*Contents, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.contents != nil {
		return p.contents, nil
	}
	contents, err := p.readContents(ctx)
	if err != nil {
		return nil, err
	}
	p.contents = contents
	return contents, nil
}

func (p *Patch) readContents(ctx context.Context) (*Contents, error) {
	uses := make(map[string]map[string][]Use) // by cabinet and key
	for _, pair := range p.Pairs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.addUses(uses, pair); err != nil {
			return nil, fmt.Errorf("msp: %s, transform %s: %w", p.Name(), pair.Name, err)
		}
	}
	contents := &Contents{byName: make(map[memberName]*Content)}
	for _, stream := range p.db.Streams() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := p.db.Stream(stream)
		if err != nil {
			return nil, err
		}
		if _, named := uses[stream]; !named && !isCabinet(r) {
			continue
		}
		c, err := cab.Open(r, r.Size(), cab.Options{Name: stream})
		if err != nil {
			return nil, fmt.Errorf("msp: %s: %w", p.Name(), err)
		}
		first := len(contents.Members)
		if first+len(c.Files) > maxMembers {
			return nil, fmt.Errorf("msp: %s: more than %d members in its cabinets: %w", p.Name(), maxMembers, ErrFormat)
		}
		contents.add(c, stream, p.db.CodePage(), uses[stream])
		if err := readHeads(ctx, c, contents.Members[first:]); err != nil {
			return nil, fmt.Errorf("msp: %s: %w", p.Name(), err)
		}
	}
	return contents, nil
}

// add adds the members of a cabinet.
func (c *Contents) add(cabinet *cab.Cabinet, stream string, codePage int, uses map[string][]Use) {
	seen := make(map[string]int)
	for i, f := range cabinet.Files {
		key := MemberName(f, codePage)
		member := &Content{Cabinet: stream, Index: i, Key: key, Occurrence: seen[key], Size: f.Size, Uses: uses[key]}
		seen[key]++
		c.Members = append(c.Members, member)
		c.byName[memberName{stream, key, member.Occurrence}] = member
	}
}

// Undecoded lists the tables that the transforms of the patch change in a way that
// cannot be read without the package that the patch is for, each with the reason.
func (p *Patch) Undecoded() ([]string, error) {
	var list []string
	for _, pair := range p.Pairs {
		for _, t := range []*msi.Transform{pair.Main, pair.Paired} {
			if t == nil {
				continue
			}
			changes, err := t.Changes(nil)
			if err != nil {
				return nil, fmt.Errorf("msp: %s, transform %s: %w", p.Name(), pair.Name, err)
			}
			for _, tc := range changes.Tables {
				if text := fmt.Sprintf("table %s: %s", tc.Name, tc.Undecoded); tc.Undecoded != "" && !slices.Contains(list, text) {
					list = append(list, text)
				}
			}
		}
	}
	return list, nil
}

func isCabinet(r io.ReaderAt) bool {
	var head [len(cab.Signature)]byte
	n, _ := r.ReadAt(head[:], 0)
	return string(head[:n]) == cab.Signature
}

// MemberName returns the name of a member of a cabinet as text: File keys are in the
// code page of the package, unless the member says that its name is UTF-8. With code
// page 0 the name is as package cab reads it.
func MemberName(f *cab.File, codePage int) string {
	if f.Attributes&cab.AttrUTF8 != 0 || codePage == 0 {
		return f.Name
	}
	name, err := msi.DecodeText(codePage, []byte(f.RawName()))
	if err != nil {
		return f.Name
	}
	return name
}

// addUses adds what one pair of transforms says about members.
func (p *Patch) addUses(uses map[string]map[string][]Use, pair *Pair) error {
	if pair.Paired == nil {
		return nil
	}
	main, err := pair.Main.Changes(nil)
	if err != nil {
		return err
	}
	paired, err := pair.Paired.Changes(nil)
	if err != nil {
		return err
	}
	n, err := readNumbering(main, paired, nil)
	if err != nil {
		return err
	}
	rows := make(map[string][]msi.RowChange)
	for _, rc := range slices.Concat(fileRows(main), fileRows(paired)) {
		key := rc.Key[0].Text()
		rows[key] = append(rows[key], rc)
	}
	add := func(key string, u Use, head []byte) {
		m := n.mediaOf(u.Sequence)
		if m == nil || m.stream() == "" {
			return
		}
		u.Pair, u.FileSize = pair.Name, -1
		for _, rc := range rows[key] {
			u.describe(rc)
		}
		u.setHead(head)
		byKey := uses[m.stream()]
		if byKey == nil {
			byKey = make(map[string][]Use)
			uses[m.stream()] = byKey
		}
		byKey[key] = append(byKey[key], u)
	}
	for _, f := range n.files {
		add(f.key, Use{Sequence: f.sequence}, nil)
	}
	for _, d := range n.deltas {
		add(d.key, Use{Sequence: d.sequence, Delta: true, Optional: d.optional}, d.head)
	}
	return nil
}

// describe adds what a transform changes in the File row.
func (u *Use) describe(rc msi.RowChange) {
	u.Added = u.Added || rc.Change == msi.Added
	if n, ok := cellInt(rc, "FileSize"); ok {
		u.FileSize = int64(n)
	}
	if v := cellText(rc, "Version"); v != "" {
		u.Version = v
	}
	if v := cellText(rc, "FileName"); v != "" {
		u.FileName = v
	}
}

// headSize is enough of a delta to tell its format and the size of the new file.
const headSize = 64

// headerOf returns the first bytes of a delta from the header that the patch keeps
// apart from it, in a binary cell; nil where it has none.
func headerOf(rc msi.RowChange) []byte {
	for _, c := range rc.Cells {
		if c.Column == "Header" && c.NewData != nil {
			head := make([]byte, headSize)
			n, _ := c.NewData.ReadAt(head, 0)
			return head[:n]
		}
	}
	return nil
}

// setHead takes the format, and the size where nothing else says it, from the
// first bytes of a delta.
func (u *Use) setHead(head []byte) {
	u.Format = delta.Format(head)
	if size, ok := delta.NewSize(head); ok && u.FileSize < 0 {
		u.FileSize = size
	}
}

// readHeads decodes a cabinet for the formats of the deltas in it that have no
// header elsewhere. What cannot be decoded stays unknown: whoever reads the member
// gets the error.
func readHeads(ctx context.Context, c *cab.Cabinet, contents []*Content) error {
	unknown := make(map[*cab.File][]Use)
	for i, f := range c.Files {
		if slices.ContainsFunc(contents[i].Uses, func(u Use) bool { return u.Delta && u.Format == "" }) {
			// The same uses serve every member of that name.
			contents[i].Uses = slices.Clone(contents[i].Uses)
			unknown[f] = contents[i].Uses
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	set, err := cab.NewSet([]*cab.Cabinet{c}, cab.SetOptions{Incomplete: true})
	if err != nil {
		return err
	}
	_ = set.Decode(ctx, func(f *cab.File) (cab.Sink, error) {
		if uses := unknown[f]; uses != nil {
			return &headSink{uses: uses}, nil
		}
		return nil, nil
	}, cab.DecodeOptions{KeepGoing: true})
	return ctx.Err()
}

// A headSink takes the first bytes of a member.
type headSink struct {
	uses []Use
	head []byte
}

func (s *headSink) Write(p []byte) (int, error) {
	s.head = append(s.head, p[:min(len(p), headSize-len(s.head))]...)
	return len(p), nil
}

func (s *headSink) Close(error) error {
	for i := range s.uses {
		if s.uses[i].Delta {
			s.uses[i].setHead(s.head)
		}
	}
	return nil
}
