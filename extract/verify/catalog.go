package verify

import (
	"bytes"
	"context"
	"fmt"
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

// catalogSink keeps a file of a package.
type catalogSink struct {
	bytes.Buffer
	walker *walker
}

func (s *catalogSink) Write(p []byte) (int, error) {
	if s.walker.catalogBytes.Add(int64(len(p))) > maxCatalogBytes {
		return 0, fmt.Errorf("%w: catalogs of more than %d bytes", source.ErrTooLarge, maxCatalogBytes)
	}
	return s.Buffer.Write(p)
}

func (s *catalogSink) Close(error) error { return nil }

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
	content := make(map[*source.File]*catalogSink, len(files))
	_ = p.Walk(ctx, func(f *source.File, _ source.Stored) (source.Sink, error) {
		s := &catalogSink{walker: w}
		content[f] = s
		return s, nil
	}, source.WalkOptions{Files: files, KeepGoing: true})
	for _, f := range files {
		if s := content[f]; s != nil && w.catalogBytes.Load() <= maxCatalogBytes {
			w.addCatalog(f.Path(), s.Bytes())
		}
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
		if err == nil && w.catalogBytes.Add(int64(len(data))) <= maxCatalogBytes {
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
