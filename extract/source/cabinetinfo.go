package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A CabinetInfo describes one cabinet of a package.
type CabinetInfo struct {
	Name        string // of the stream or the file
	Compression string // of its folders: "none", "MSZIP", "LZX:21", several with a comma
	Embedded    bool   // a stream of the package
	Missing     bool   // not there, or not readable as a cabinet: Compression is empty
	CutOff      bool   // its end is missing
}

// CabinetInfos describes the cabinets that the Media table names, the cabinet
// streams of a merge module or a patch, or the volumes of a cabinet set. The error is
// that of ctx.
func (p *Package) CabinetInfos(ctx context.Context) ([]CabinetInfo, error) {
	switch r := p.reader.(type) {
	case *cabinetReader:
		var infos []CabinetInfo
		for _, c := range r.volumes() {
			infos = append(infos, CabinetInfo{Name: c.Name, Compression: compression(c), CutOff: c.Truncated() > 0})
		}
		return infos, nil
	case *databaseReader:
		return r.describe(ctx, p.cabinetNames())
	case *patchReader:
		return r.describe(ctx, p.cabinetNames())
	case *patchedReader:
		// What is embedded in the package is as it was.
		return r.describe(ctx, p.cabinetNames())
	}
	return nil, nil
}

// describe describes cabinets of the store.
func (s *store) describe(ctx context.Context, names []string) ([]CabinetInfo, error) {
	var infos []CabinetInfo
	for _, where := range names {
		name, embedded := strings.CutPrefix(where, "#")
		info := CabinetInfo{Name: name, Embedded: embedded}
		c, err := s.look(ctx, where)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			info.Missing = true
		default:
			info.Compression = compression(c)
			info.CutOff = c.Truncated() > 0 || (embedded && s.cutOff(name))
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// look opens a cabinet to describe it. Of one in a stream the list of members is not kept.
func (s *store) look(ctx context.Context, where string) (*cab.Cabinet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream, ok := s.embedded(where)
	if !ok || s.cabinets[s.keyOf(where)] != nil {
		c, err := s.open(ctx, where)
		if err != nil {
			return nil, err
		}
		return c.cab, nil
	}
	r, err := s.db.Stream(stream)
	if err != nil {
		return nil, err
	}
	c, err := cab.Open(r, r.Size(), cab.Options{Name: stream, NoFiles: true})
	if err != nil {
		return nil, err
	}
	if s.looked += c.FileCount; s.looked > maxMembers {
		return nil, fmt.Errorf("%w: its cabinets list more than %d members", ErrLimit, maxMembers)
	}
	return c, nil
}

// cutOff reports whether the end of a stream lies behind the end of the file.
func (s *store) cutOff(stream string) bool {
	r, err := s.db.Stream(stream)
	if err != nil || r.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = r.ReadAt(last[:], r.Size()-1)
	return errors.Is(err, msi.ErrTruncated)
}

// cabinetNames lists the cabinets of a database as Media.Cabinet would name them,
// each once.
func (p *Package) cabinetNames() []string {
	var names []string
	known := map[string]bool{"": true}
	add := func(name string) {
		if !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	if model := p.Model(); model != nil {
		for _, m := range model.Media {
			add(m.Cabinet)
		}
	}
	if r, ok := p.reader.(*databaseReader); ok {
		for f := range r.tables.Files() {
			if f.Media() == nil && f.LeftOut() == nil && f.Compressed() {
				add(f.Cabinet())
			}
		}
		return names
	}
	for _, f := range p.Files() {
		add(f.Cabinet())
	}
	return names
}

func compression(c *cab.Cabinet) string {
	var methods []string
	for _, folder := range c.Folders {
		if m := folder.Compression.String(); !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ",")
}
