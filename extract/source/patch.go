package source

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A patchReader reads a patch whose base is not there: the members of its cabinets,
// its transforms, and a description of it.
type patchReader struct {
	*store
	patch *msp.Patch
	files map[*msp.Content]*File
}

// A patchMember is where a file of a patch comes from.
type patchMember struct {
	content *msp.Content
	stored  *cab.File
}

func newPatchReader(p *Package, db *msi.Database) (reader, error) {
	patch, err := msp.New(db)
	if err != nil {
		return nil, err
	}
	r := &patchReader{store: newStore(p, db), patch: patch, files: map[*msp.Content]*File{}}
	r.find = func(f *File) (entry, error) {
		if write, ok := f.stored.from.(maker); ok {
			return entry{made: write}, nil
		}
		return entry{cabinet: f.stored.cabinet, member: f.stored.key, file: f.stored.from.(*patchMember).stored}, nil
	}
	return r, nil
}

func (r *patchReader) list(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	contents, err := r.patch.Contents(ctx)
	if err != nil {
		return err
	}
	undecoded, err := r.patch.Undecoded()
	if err != nil {
		return err
	}
	for _, text := range undecoded {
		r.p.warn("what the patch changes is not known: %s", text)
	}
	taken, places := map[string]bool{}, newLocations(r.p)
	for _, c := range contents.Members {
		cabinet, err := r.open(ctx, "#"+c.Cabinet)
		if err != nil {
			return err
		}
		if err := r.addContent(c, cabinet.cab.Files[c.Index], taken, places); err != nil {
			return err
		}
	}
	for _, name := range r.db.Storages() {
		if err := ctx.Err(); err != nil {
			return err
		}
		storage, err := r.db.Storage(name)
		if err != nil {
			return err
		}
		if err := r.addMade(places.file(path.Join("transforms", name+".mst"), name, 0), storage.Save); err != nil {
			return err
		}
	}
	description, err := json.MarshalIndent(r.describePatch(contents), "", "  ")
	if err != nil {
		return err
	}
	return r.addMade(places.file("patch.json", "patch.json", 0), func(w io.Writer) error {
		_, err := w.Write(append(description, '\n'))
		return err
	})
}

// addContent lists a member of a cabinet, under the name of the file that it is
// or, with the format as the extension, the delta to.
func (r *patchReader) addContent(c *msp.Content, member *cab.File, taken map[string]bool, places *locations) error {
	name := c.Key
	if len(c.Uses) > 0 {
		if _, long, ok := strings.Cut(c.Uses[0].FileName, "|"); ok {
			name = long
		} else if c.Uses[0].FileName != "" {
			name = c.Uses[0].FileName
		}
		if c.Uses[0].Delta {
			name += "." + strings.ToLower(cmp.Or(c.Uses[0].Format, "delta"))
		}
	}
	file := path.Join(c.Cabinet, name)
	for n := 1; taken[fold(file)]; n++ {
		file = path.Join(c.Cabinet, c.Key+"."+name)
		if n > 1 {
			file = path.Join(c.Cabinet, fmt.Sprintf("%s.%d.%s", c.Key, n, name))
		}
	}
	taken[fold(file)] = true
	f := places.file(file, c.Key, c.Size)
	f.stored.cabinet, f.stored.from = "#"+c.Cabinet, &patchMember{c, member}
	r.files[c] = f
	f.Attributes = uint32(member.Attributes) & fileAttributes
	return r.p.add(f)
}

// addMade lists a file that is made of something else.
func (r *patchReader) addMade(f *File, write maker) error {
	var size byteCount
	if err := write(&size); err != nil {
		return err
	}
	f.Size, f.Made, f.stored.from = int64(size), true, write
	return r.p.add(f)
}

// A byteCount counts what is written to it.
type byteCount int64

func (n *byteCount) Write(p []byte) (int, error) {
	*n += byteCount(len(p))
	return len(p), nil
}

// patchDescription is the file patch.json.
type patchDescription struct {
	Code             string                `json:"patch_code"`
	Name             string                `json:"name"`
	Products         []string              `json:"products"`
	Obsoletes        []string              `json:"obsoletes"`
	MinimumInstaller string                `json:"minimum_installer"`
	Targets          []targetDescription   `json:"targets"`
	Families         []familyDescription   `json:"families"`
	Metadata         []metadataDescription `json:"metadata"`
	Members          []memberDescription   `json:"members"`
}

type targetDescription struct {
	Transform   string `json:"transform"`
	ProductCode string `json:"product_code"`
	Version     string `json:"version"`
	NewVersion  string `json:"new_version"`
	UpgradeCode string `json:"upgrade_code,omitempty"`
	Language    int    `json:"language,omitempty"`
}

type familyDescription struct {
	Family      string `json:"family"`
	ProductCode string `json:"product_code,omitempty"`
	Sequence    string `json:"sequence"`
	Supersedes  bool   `json:"supersedes"`
}

type metadataDescription struct {
	Company  string `json:"company,omitempty"`
	Property string `json:"property"`
	Value    string `json:"value"`
}

type memberDescription struct {
	Path    string           `json:"path"`
	Cabinet string           `json:"cabinet"`
	Key     string           `json:"key"`
	Size    int64            `json:"size"`
	Uses    []useDescription `json:"uses"`
}

type useDescription struct {
	Transform string `json:"transform"`
	FileName  string `json:"file_name,omitempty"`
	Content   string `json:"content"` // whole or delta
	Format    string `json:"format,omitempty"`
	Added     bool   `json:"added"`
	Optional  bool   `json:"optional,omitempty"`
	Version   string `json:"version,omitempty"`
	FileSize  *int64 `json:"file_size,omitempty"`
}

// describePatch describes a patch whose contents are listed.
func (r *patchReader) describePatch(contents *msp.Contents) patchDescription {
	m := r.patch
	d := patchDescription{
		Code: m.Code, Name: m.Name(), Products: append([]string{}, m.Products...), Obsoletes: append([]string{}, m.Obsoletes...),
		MinimumInstaller: m.MinimumInstaller.String(),
		Targets:          []targetDescription{}, Families: []familyDescription{}, Metadata: []metadataDescription{}, Members: []memberDescription{},
	}
	for _, t := range m.Targets() {
		d.Targets = append(d.Targets, targetDescription{t.Pair, t.ProductCode, t.Version, t.NewVersion, t.UpgradeCode, t.Language})
	}
	for _, s := range m.Sequences {
		d.Families = append(d.Families, familyDescription{s.Family, s.ProductCode, s.Sequence, s.Supersedes})
	}
	for _, v := range m.Metadata {
		d.Metadata = append(d.Metadata, metadataDescription{v.Company, v.Property, v.Value})
	}
	for _, c := range contents.Members {
		member := memberDescription{Path: r.files[c].Path(), Cabinet: c.Cabinet, Key: c.Key, Size: c.Size, Uses: []useDescription{}}
		for _, u := range c.Uses {
			use := useDescription{Transform: u.Pair, FileName: u.FileName, Content: "whole", Format: u.Format, Added: u.Added, Optional: u.Optional, Version: u.Version}
			if u.Delta {
				use.Content = "delta"
			}
			if u.FileSize >= 0 {
				use.FileSize = &u.FileSize
			}
			member.Uses = append(member.Uses, use)
		}
		d.Members = append(d.Members, member)
	}
	return d
}
