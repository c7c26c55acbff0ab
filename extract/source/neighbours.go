package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// neighbours are the files beside a package, where its external cabinets and
// uncompressed files are looked for.
type neighbours interface {
	// find returns the file with this relative path, whatever its case, or nil.
	find(name string) (*neighbour, error)
	// open gives random access to a file that find returned.
	open(ctx context.Context, n *neighbour) (content, error)
	// deliver pushes files that find returned into sinks, each of which it
	// closes.
	deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error
}

// A neighbour is a file beside a package.
type neighbour struct {
	name     string // on the disk, or the path in the outer package
	file     *File  // in the outer package
	size     int64
	modified time.Time // of one on the disk
}

// A delivery asks for one file beside a package.
type delivery struct {
	from *neighbour
	want func(Stored) (Sink, error)
}

// A folder is the neighbours of a package on the disk.
type folder struct {
	dir string

	mu       sync.Mutex
	listings map[string]map[string][]string // folder -> folded name -> names
}

func newFolder(dir string) *folder {
	return &folder{dir: dir, listings: map[string]map[string][]string{}}
}

func (d *folder) find(name string) (*neighbour, error) {
	if err := safepath.Check(name); err != nil {
		return nil, err
	}
	at := filepath.Join(d.dir, filepath.FromSlash(name))
	info, err := os.Stat(at)
	if err != nil {
		if at = d.search(name); at == "" {
			return nil, nil
		}
		if info, err = os.Stat(at); err != nil {
			return nil, err
		}
	}
	if !info.Mode().IsRegular() {
		return nil, nil
	}
	return &neighbour{name: at, size: info.Size(), modified: info.ModTime().UTC()}, nil
}

// search finds a file in whatever case the segments of its path are, or returns
// "".
func (d *folder) search(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.searchBelow(d.dir, strings.Split(name, "/"))
}

func (d *folder) searchBelow(dir string, segments []string) string {
	for _, entry := range d.list(dir)[fold(segments[0])] {
		at := filepath.Join(dir, entry)
		if len(segments) == 1 {
			return at
		}
		if found := d.searchBelow(at, segments[1:]); found != "" {
			return found
		}
	}
	return ""
}

// list returns the names in a folder by their folded form. A folder that cannot
// be listed holds nothing that can be found.
func (d *folder) list(dir string) map[string][]string {
	listing, ok := d.listings[dir]
	if !ok {
		listing = map[string][]string{}
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			key := fold(entry.Name())
			listing[key] = append(listing[key], entry.Name())
		}
		d.listings[dir] = listing
	}
	return listing
}

func (d *folder) open(_ context.Context, n *neighbour) (content, error) {
	f, err := openOnDisk(n.name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *folder) deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error {
	buffer := make([]byte, 128<<10)
	var errs []error
	for _, one := range deliveries {
		if err := ctx.Err(); err != nil {
			return err
		}
		sink, err := one.want(Stored{Modified: one.from.modified, Size: one.from.size})
		if err != nil {
			return err
		}
		if sink == nil {
			continue
		}
		err = copyFile(ctx, sink, one.from.name, buffer)
		if closeErr := sink.Close(err); closeErr != nil {
			err = closeErr
		}
		if err != nil {
			if !o.KeepGoing {
				return err
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// copyFile writes a file from the disk to w.
func copyFile(ctx context.Context, w io.Writer, name string, buffer []byte) error {
	f, err := openOnDisk(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return copyTo(ctx, w, f, buffer)
}

// copyTo writes what r holds to w until ctx ends. Unlike io.Copy it leaves the
// pieces at the size of the buffer.
func copyTo(ctx context.Context, w io.Writer, r io.Reader, buffer []byte) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// insidePackage is the neighbours of a package inside another one: the files of
// the outer package in the same folder and below.
type insidePackage struct {
	outer *Package
	dir   string // "." for the top

	once  sync.Once
	index map[string]*File // by folded path
}

func (i *insidePackage) find(name string) (*neighbour, error) {
	if err := safepath.Check(name); err != nil {
		return nil, err
	}
	i.once.Do(func() {
		i.index = map[string]*File{}
		for _, f := range i.outer.files {
			i.index[fold(f.Path())] = f
		}
	})
	f := i.index[fold(path.Join(i.dir, name))]
	if f == nil {
		return nil, nil
	}
	return &neighbour{name: f.Path(), file: f, size: f.Size}, nil
}

func (i *insidePackage) open(ctx context.Context, n *neighbour) (content, error) {
	c, _, err := i.outer.unpack(ctx, n.file)
	return c, err
}

func (i *insidePackage) deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error {
	byFile := map[*File][]delivery{}
	inner := WalkOptions{Workers: o.Workers, KeepGoing: o.KeepGoing}
	for _, one := range deliveries {
		if byFile[one.from.file] == nil {
			inner.Files = append(inner.Files, one.from.file)
		}
		byFile[one.from.file] = append(byFile[one.from.file], one)
	}
	return i.outer.Walk(ctx, func(f *File, stored Stored) (Sink, error) {
		var sinks sinkList
		for _, one := range byFile[f] {
			sink, err := one.want(stored)
			if err != nil {
				return nil, errors.Join(err, sinks.Close(err))
			}
			if sink != nil {
				sinks = append(sinks, sink)
			}
		}
		if sinks == nil {
			return nil, nil
		}
		return sinks, nil
	}, inner)
}

// A sinkList gives the bytes of one file to several sinks.
type sinkList []Sink

func (l sinkList) Write(p []byte) (int, error) {
	for _, sink := range l {
		if _, err := sink.Write(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (l sinkList) Close(cause error) error {
	var errs []error
	for _, sink := range l {
		errs = append(errs, sink.Close(cause))
	}
	return errors.Join(errs...)
}

// besidePackage finds a file beside the package or on the media.
func (p *Package) besidePackage(name string) (neighbours, *neighbour, error) {
	for _, where := range p.beside {
		n, err := where.find(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if n != nil {
			return where, n, nil
		}
	}
	return nil, nil, nil
}
