package source

import (
	"context"

	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A cabinetReader reads a package that is a cabinet, with the other volumes of its
// set.
type cabinetReader struct {
	*store
	set *cabinetSet
}

// openCabinet opens a cabinet. The volumes of its set are joined when it is listed.
func openCabinet(_ context.Context, p *Package) (reader, error) {
	c, err := cab.Open(p.content, p.content.Size(), cab.Options{Name: p.name})
	if err != nil {
		return nil, err
	}
	return newCabinetReader(p, c), nil
}

func newCabinetReader(p *Package, c *cab.Cabinet) *cabinetReader {
	r := &cabinetReader{store: newStore(p, nil)}
	r.find = func(f *File) (entry, error) { return entry{cabinet: p.name, file: f.stored.from.(*cab.File)}, nil }
	r.cabinets[r.keyOf(p.name)] = &cabinet{where: p.name, cab: c}
	return r
}

func (r *cabinetReader) list(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.set, err = r.join(ctx, r.cabinets[r.keyOf(r.p.name)]); err != nil {
		return err
	}
	places := newLocations(r.p)
	for _, member := range r.set.set.Files {
		name := r.p.memberName(member)
		// A backslash separates folders ([MS-CAB] 2.3, szName).
		f := places.file(storedPath(name), name, member.Size)
		f.stored.cabinet, f.stored.from = member.Cabinet.Name, member
		f.Attributes = uint32(member.Attributes) & fileAttributes
		if err := r.p.add(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *cabinetReader) volumes() []*cab.Cabinet { return r.set.set.Cabinets }
