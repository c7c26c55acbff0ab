package verify

import (
	"context"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

const (
	// maxCatalogs bounds the catalogs of one package or folder.
	maxCatalogs = 64
	// maxCatalogBytes bounds all catalogs of one target together.
	maxCatalogBytes = 8 << 20
)

func isCatalogName(name string) bool { return strings.EqualFold(path.Ext(name), ".cat") }

// useCatalogs lets the catalogs in a package vouch for its files. One that cannot be
// read vouches for none; what is wrong with the file is told when it is looked at.
func (w *walker) useCatalogs(ctx context.Context, p *source.Package) {
	if w.options.Facts.Signature == nil {
		return
	}
	var files []*source.File
	for _, f := range p.Files() {
		if !f.Made && isCatalogName(f.Path()) && len(files) < maxCatalogs {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return
	}
	o := source.WalkOptions{Files: files, KeepGoing: true, Budget: w.budget, MaxSize: maxCatalogBytes}
	_ = p.Unpack(ctx, o, func(u *source.Unpacked) error {
		if w.catalogBytes += u.Size(); w.catalogBytes > maxCatalogBytes {
			return source.ErrTooLarge
		}
		data, err := io.ReadAll(io.NewSectionReader(u, 0, u.Size()))
		if err == nil {
			w.addCatalog(u.File.Path(), data)
		}
		return err
	})
}

// useCatalogsAround does the same for the catalogs in what a package came out of.
func (w *walker) useCatalogsAround(ctx context.Context, p *source.Package) {
	for outer := p.Within(); outer != nil; outer = outer.Within() {
		w.useCatalogs(ctx, outer)
	}
}

// useFolderCatalogs does the same for the files of a folder.
func (w *walker) useFolderCatalogs(root *os.Root, names []string) {
	if w.options.Facts.Signature == nil {
		return
	}
	for _, name := range names[:min(len(names), maxCatalogs)] {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(f, maxCatalogBytes+1))
		_ = f.Close() // it was only read
		if w.catalogBytes += int64(len(data)); err == nil && w.catalogBytes <= maxCatalogBytes {
			w.addCatalog(name, data)
		}
	}
}

func (w *walker) addCatalog(name string, data []byte) {
	o := *w.options.Facts.Signature
	c, err := authenticode.ParseCatalog(name, data, o)
	if err != nil {
		return
	}
	o.Catalogs = append(slices.Clip(o.Catalogs), c)
	w.options.Facts.Signature = &o
}
