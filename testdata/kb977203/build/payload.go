package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// row finds the published row of a file.
func (sp *servicePack) row(name, platform string) (manifest.Row, error) {
	for _, r := range sp.rows {
		if strings.EqualFold(r.Name, name) && r.Platform == platform {
			return r, nil
		}
	}
	return manifest.Row{}, fmt.Errorf("the table has no row %s %s", name, platform)
}

// modified is the published date and time of a row, UTC.
func modified(r manifest.Row) (time.Time, error) {
	return time.Parse("2006-01-02 15:04", r.Date+" "+r.Time)
}

var machines = map[string]pe.Machine{"x86": pe.MachineI386, "x64": pe.MachineAMD64, "ia64": pe.MachineIA64}

// An image is a PE file to be built. A size of 0 is as small as it can be.
type image struct {
	name, platform, version string
	size                    int64
	seed                    uint64 // of what fills it; 0 fills with zeros
}

func (i image) build(at time.Time) ([]byte, error) {
	var number pe.Number
	if _, err := fmt.Sscanf(i.version, "%d.%d.%d.%d", &number[0], &number[1], &number[2], &number[3]); err != nil {
		return nil, fmt.Errorf("version %s: %w", i.version, err)
	}
	return petest.Image{
		Machine:   machines[i.platform],
		DLL:       strings.HasSuffix(strings.ToLower(i.name), ".dll"),
		Timestamp: uint32(at.Unix()),
		Versions:  []*pe.Version{petest.Version(number, i.name, standIn, "hotfixkit stand-ins")},
		Size:      i.size,
		Seed:      i.seed,
	}.Build()
}

// sizedCabinet writes a cabinet of exactly size bytes with the given members and
// a stored member of filler.
func sizedCabinet(files []payload, size int64, at time.Time) ([]byte, error) {
	write := func(rest int) ([]byte, error) {
		var b bytes.Buffer
		w := cabtest.NewWriter(&b, cabtest.WriterOptions{Compression: cab.MSZIP})
		for _, f := range files {
			h := cabtest.FileHeader{Name: f.name, Modified: at, Attributes: cab.AttrArchive}
			if err := w.Add(h, bytes.NewReader(f.content)); err != nil {
				return nil, err
			}
		}
		if err := w.NextFolder(cab.None); err != nil {
			return nil, err
		}
		h := cabtest.FileHeader{Name: "filler.txt", Modified: at, Attributes: cab.AttrArchive}
		if err := w.Add(h, bytes.NewReader(fill(rest))); err != nil {
			return nil, err
		}
		err := w.Close()
		return b.Bytes(), err
	}
	rest := 0
	for range 4 {
		file, err := write(rest)
		if err != nil || int64(len(file)) == size {
			return file, err
		}
		if rest += int(size) - len(file); rest < 0 {
			break
		}
	}
	return nil, fmt.Errorf("no cabinet of %d bytes holds these files", size)
}
