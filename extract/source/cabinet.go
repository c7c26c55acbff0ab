package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// maxVolumes bounds the cabinets of one set.
const maxVolumes = 4096

// maxMembers bounds the members of a package's cabinets, all together: streams may
// share their sectors, so that a small database can hold any number of cabinets.
const maxMembers = 500_000

// A cabinet is one cabinet of the package, in a stream ("#name") or beside it.
type cabinet struct {
	where   string
	cab     *cab.Cabinet
	content content     // nil in a stream
	set     *cabinetSet // once joined
}

func (c *cabinet) close() error {
	if c.content == nil {
		return nil
	}
	return c.content.Close()
}

// A cabinetSet is cabinets joined.
type cabinetSet struct {
	set   *cab.Set
	where string // of the first volume
	gap   error  // which volume is missing, if one is

	members map[string]*cab.File // by name, once one was looked for
	folded  map[string]*cab.File // the same without case, once that was needed
}

// openCabinet lists the members of a package that is a cabinet.
func (p *Package) openCabinet(ctx context.Context) error {
	c, err := cab.Open(p.content, p.content.Size(), cab.Options{Name: p.name})
	if err != nil {
		return err
	}
	first := &cabinet{where: p.name, cab: c}
	p.cabinets[fold(p.name)] = first
	set, err := p.setOf(ctx, first)
	if err != nil {
		return err
	}
	p.set = set.set
	places := locations{}
	for i, member := range set.set.Files {
		name := p.memberName(member)
		// A backslash separates folders ([MS-CAB] 2.3, szName).
		f := places.file(strings.ReplaceAll(name, `\`, "/"), name, member.Size)
		f.Cabinet, f.Sequence = member.Cabinet.Name, i+1
		f.Attributes = uint32(member.Attributes) & fileAttributes
		if err := p.list(f); err != nil {
			return err
		}
		p.entries[f] = entry{cabinet: p.name, file: member}
	}
	return nil
}

// memberName returns the name of a member as text.
func (p *Package) memberName(f *cab.File) string {
	if f.Attributes&cab.AttrUTF8 != 0 || p.codePage == 0 {
		return f.Name
	}
	name, err := msi.DecodeText(p.codePage, []byte(f.RawName))
	if err != nil {
		return f.Name
	}
	return name
}

// cabinet opens the cabinet that a Media row names: "#name" is a stream of the
// database, anything else a file beside the package. ErrMissing means that it is
// not there.
func (p *Package) cabinet(ctx context.Context, where string) (*cabinet, error) {
	if c := p.cabinets[fold(where)]; c != nil {
		return c, nil
	}
	c := &cabinet{where: where}
	var size int64
	var reader io.ReaderAt
	if stream, embedded := strings.CutPrefix(where, "#"); embedded && p.db != nil {
		r, err := p.db.Stream(stream)
		if errors.Is(err, msi.ErrNotFound) {
			return nil, ErrMissing
		}
		if err != nil {
			return nil, err
		}
		reader, size = r, r.Size()
	} else {
		from, n, err := p.besidePackage(where)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, ErrMissing
		}
		if c.content, err = from.open(ctx, n); err != nil {
			return nil, err
		}
		reader, size = c.content, c.content.Size()
	}
	var err error
	if c.cab, err = cab.Open(reader, size, cab.Options{Name: strings.TrimPrefix(where, "#")}); err != nil {
		c.close()
		return nil, err
	}
	if p.memberCount += len(c.cab.Files); p.memberCount > maxMembers {
		c.close()
		return nil, fmt.Errorf("%w: its cabinets list more than %d members", ErrLimit, maxMembers)
	}
	p.cabinets[fold(where)] = c
	return c, nil
}

// setOf joins a cabinet with the volumes before and after it, as far as they
// are there: Decode reports what is missing where it is needed.
func (p *Package) setOf(ctx context.Context, c *cabinet) (*cabinetSet, error) {
	if c.set != nil {
		return c.set, nil
	}
	volumes := []*cabinet{c}
	seen := map[string]bool{fold(c.where): true}
	follow := func(next func(*cab.Cabinet) string) error {
		for at := c; ; {
			name := next(at.cab)
			if name == "" || len(volumes) >= maxVolumes {
				return nil
			}
			volume, err := p.volume(ctx, at, name)
			if err != nil {
				return err
			}
			if volume == nil || seen[fold(volume.where)] {
				return nil
			}
			seen[fold(volume.where)] = true
			volumes = append(volumes, volume)
			at = volume
		}
	}
	if err := follow(func(c *cab.Cabinet) string { return c.Previous.Cabinet }); err != nil {
		return nil, err
	}
	if err := follow(func(c *cab.Cabinet) string { return c.Next.Cabinet }); err != nil {
		return nil, err
	}
	s := &cabinetSet{where: c.where}
	parts := make([]*cab.Cabinet, len(volumes))
	for i, v := range volumes {
		parts[i] = v.cab
	}
	if s.set, s.gap = cab.NewSet(parts, cab.SetOptions{}); s.gap != nil {
		var err error
		if s.set, err = cab.NewSet(parts, cab.SetOptions{Incomplete: true}); err != nil {
			return nil, err
		}
	}
	for _, v := range volumes {
		v.set = s
	}
	return s, nil
}

// volume finds a neighbour of a cabinet, which knows its file name only: in the
// Media table, among the streams, or beside the package. It returns nil when it
// is not there.
func (p *Package) volume(ctx context.Context, of *cabinet, name string) (*cabinet, error) {
	where := name
	if p.model != nil {
		for _, m := range p.model.Media {
			if strings.EqualFold(strings.TrimPrefix(m.Cabinet, "#"), name) {
				where = m.Cabinet
			}
		}
	}
	if where == name && strings.HasPrefix(of.where, "#") {
		where = "#" + name
	}
	c, err := p.cabinet(ctx, where)
	if errors.Is(err, ErrMissing) || errors.Is(err, safepath.ErrUnsafe) {
		return nil, nil // Decode names it where it is needed
	}
	return c, err
}

// member finds the member of a set with this name; case matters only if it must.
func (p *Package) member(s *cabinetSet, name string) *cab.File {
	if s.members == nil {
		s.members = p.index(s, func(name string) string { return name })
	}
	if f := s.members[name]; f != nil {
		return f
	}
	if s.folded == nil {
		s.folded = p.index(s, fold)
	}
	return s.folded[fold(name)]
}

// index returns the members of a set by name; of several the first one.
func (p *Package) index(s *cabinetSet, key func(name string) string) map[string]*cab.File {
	index := make(map[string]*cab.File, len(s.set.Files))
	for _, f := range s.set.Files {
		if name := key(p.memberName(f)); index[name] == nil {
			index[name] = f
		}
	}
	return index
}

// fold returns the key under which names that differ in case only are equal.
func fold(name string) string { return safepath.Fold(name) }
