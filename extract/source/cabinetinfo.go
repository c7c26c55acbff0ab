package source

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msi/cfb"
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
// streams of a merge module or a patch, or the volumes of a cabinet set.
func (p *Package) CabinetInfos(ctx context.Context) ([]CabinetInfo, error) {
	var infos []CabinetInfo
	for _, c := range p.Cabinets() {
		infos = append(infos, CabinetInfo{Name: c.Name, Compression: compression(c), CutOff: c.Truncated() > 0})
	}
	for _, where := range p.cabinetNames() {
		name, embedded := strings.CutPrefix(where, "#")
		info := CabinetInfo{Name: name, Embedded: embedded}
		c, err := p.lockedCabinet(ctx, where)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			info.Missing = true
		default:
			info.Compression = compression(c.cab)
			info.CutOff = c.cab.Truncated() > 0 || (embedded && p.cutOff(name))
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// lockedCabinet is cabinet for callers that do not hold planning.
func (p *Package) lockedCabinet(ctx context.Context, where string) (*cabinet, error) {
	p.planning.Lock()
	defer p.planning.Unlock()
	return p.cabinet(ctx, where)
}

// cutOff reports whether the end of a stream lies behind the end of the file.
func (p *Package) cutOff(stream string) bool {
	r, err := p.db.Stream(stream)
	if err != nil || r.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = r.ReadAt(last[:], r.Size()-1)
	return errors.Is(err, cfb.ErrTruncated)
}

// cabinetNames lists the cabinets of a database as Media.Cabinet would name them,
// each once.
func (p *Package) cabinetNames() []string {
	var names []string
	if p.model != nil {
		for _, m := range p.model.Media {
			if m.Cabinet != "" && !slices.Contains(names, m.Cabinet) {
				names = append(names, m.Cabinet)
			}
		}
	}
	for _, f := range p.files {
		e := p.entries[f]
		if e.cabinet != "" && p.db != nil && !slices.Contains(names, e.cabinet) {
			names = append(names, e.cabinet)
		}
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
