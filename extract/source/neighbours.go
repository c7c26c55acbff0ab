package source

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// neighbours are the files next to a package, where its external cabinets and
// uncompressed files are looked for.
type neighbours interface {
	// find returns the file with this relative path, whatever its case, or nil.
	find(name string) (*neighbour, error)
	// open gives random access to a file that find returned.
	open(ctx context.Context, n *neighbour) (content, error)
	// deliver pushes files that find returned into sinks, each of which it
	// closes.
	deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error
	close() error
}

// A neighbour is a file next to a package.
type neighbour struct {
	name     string // path below the folder, or in the outer package
	real     string // of one on the disk, without symbolic links
	file     *File  // in the outer package
	size     int64
	modified time.Time // of one on the disk
}

// A delivery asks for one file next to a package.
type delivery struct {
	from *neighbour
	want func(Stored) (Sink, error)
}

// A folder is the neighbours of a package on the disk: what is in one folder and
// below, without links that lead out of it.
type folder struct {
	dir    string
	hidden bool // names that begin with a period are found as well

	once sync.Once
	root *os.Root
	err  error // why there is no root

	mu       sync.Mutex
	listings map[string]map[string][]string // folder -> folded name -> names
	folders  map[string]string              // the folders that files were found in, without symbolic links
}

func newFolder(dir string, hidden bool) *folder {
	return &folder{dir: dir, hidden: hidden, listings: map[string]map[string][]string{}, folders: map[string]string{}}
}

// opened opens the folder when the first neighbour is looked for.
func (d *folder) opened() (*os.Root, error) {
	d.once.Do(func() { d.root, d.err = os.OpenRoot(d.dir) })
	return d.root, d.err
}

func (d *folder) close() error {
	d.once.Do(func() { d.err = fs.ErrClosed })
	if d.root == nil {
		return nil
	}
	return d.root.Close()
}

func (d *folder) find(name string) (*neighbour, error) {
	if err := safepath.Check(name); err != nil {
		return nil, err
	}
	if !d.hidden && isHidden(name) {
		return nil, errHidden
	}
	root, err := d.opened()
	if err != nil {
		return nil, WithoutPath(err)
	}
	at := name
	real, info, err := d.look(root, at)
	if errors.Is(err, fs.ErrNotExist) {
		if at = d.search(root, name); at == "" {
			return nil, nil
		}
		real, info, err = d.look(root, at)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // the link leads nowhere
		return nil, nil
	case err != nil:
		return nil, err
	case !d.hidden && isHidden(real):
		return nil, errHidden
	case info.IsDir():
		return nil, nil
	case !info.Mode().IsRegular():
		return nil, &refusedNeighbour{notRegular(info.Mode()).Error()}
	}
	return &neighbour{name: at, real: real, size: info.Size(), modified: info.ModTime().UTC()}, nil
}

// search finds a file in whatever case the segments of its path are, or returns
// "".
func (d *folder) search(root *os.Root, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.searchBelow(root, ".", strings.Split(name, "/"))
}

func (d *folder) searchBelow(root *os.Root, dir string, segments []string) string {
	for _, entry := range d.list(root, dir)[fold(segments[0])] {
		at := path.Join(dir, entry)
		if len(segments) == 1 {
			return at
		}
		if found := d.searchBelow(root, at, segments[1:]); found != "" {
			return found
		}
	}
	return ""
}

// list returns the names in a folder by their folded form. A folder that cannot
// be listed holds nothing that can be found.
func (d *folder) list(root *os.Root, dir string) map[string][]string {
	listing, ok := d.listings[dir]
	if !ok {
		listing = map[string][]string{}
		entries, _ := fs.ReadDir(root.FS(), dir)
		for _, entry := range entries {
			key := fold(entry.Name())
			listing[key] = append(listing[key], entry.Name())
		}
		d.listings[dir] = listing
	}
	return listing
}

func (d *folder) open(_ context.Context, n *neighbour) (content, error) {
	root, err := d.opened()
	if err != nil {
		return nil, WithoutPath(err)
	}
	stat := func() (fs.FileInfo, error) { return root.Lstat(n.real) }
	return openRegular(stat, func(flag int) (*os.File, error) { return root.OpenFile(n.real, flag, 0) })
}

func (d *folder) deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error {
	buffer := make([]byte, 128<<10)
	var errs []error
	for _, one := range deliveries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.Budget.Spend(one.from.size); err != nil {
			return err
		}
		sink, err := one.want(Stored{Modified: one.from.modified, Size: one.from.size})
		if err != nil {
			return err
		}
		if sink == nil {
			continue
		}
		err = d.copy(ctx, sink, one.from, buffer)
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

// copy writes a file of the folder to w.
func (d *folder) copy(ctx context.Context, w io.Writer, n *neighbour, buffer []byte) error {
	f, err := d.open(ctx, n)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := copyTo(ctx, w, io.NewSectionReader(f, 0, math.MaxInt64), buffer); err != nil {
		return err
	}
	return unchanged(f)
}

// explainNeighbour names the file next to the package that is not the one that the
// package describes, and tells whether only its line ends were changed: tools that
// copy or check out files turn CRLF into LF.
func explainNeighbour(place neighbours, n *neighbour, f *File, err error) error {
	if sum, ok := f.MD5(); ok && n.size <= maxLineEnds {
		if c, openErr := place.open(context.Background(), n); openErr == nil {
			defer c.Close()
			data, readErr := io.ReadAll(io.NewSectionReader(c, 0, n.size))
			if readErr == nil && md5.Sum(withCRLF(data)) == sum {
				return fmt.Errorf("%w: the line ends of %s next to the package were changed: with CR LF restored it is the file of the package (%w)", ErrMismatch, n.name, ErrNeighbour)
			}
		}
	}
	return fmt.Errorf("%s next to the package is %w: %w", n.name, ErrNeighbour, err)
}

// maxLineEnds is the size of the largest file whose line ends are looked at.
const maxLineEnds = 16 << 20

// withCRLF puts a CR before each LF that has none.
func withCRLF(data []byte) []byte {
	out := make([]byte, 0, len(data)+len(data)/16)
	for i, b := range data {
		if b == '\n' && (i == 0 || data[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, b)
	}
	return out
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

// An interruptible reader ends with the context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
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

func (i *insidePackage) close() error { return nil }

func (i *insidePackage) open(ctx context.Context, n *neighbour) (content, error) {
	c, _, err := i.outer.unpack(ctx, n.file)
	return c, err
}

func (i *insidePackage) deliver(ctx context.Context, deliveries []delivery, o WalkOptions) error {
	byFile := map[*File][]delivery{}
	inner := WalkOptions{Files: []*File{}, Workers: o.Workers, KeepGoing: o.KeepGoing, Budget: o.Budget}
	for _, one := range deliveries {
		if byFile[one.from.file] == nil {
			inner.Files = append(inner.Files, one.from.file)
		}
		byFile[one.from.file] = append(byFile[one.from.file], one)
	}
	return i.outer.Walk(ctx, func(f *File, stored Stored) (Sink, error) {
		return joinSinks(byFile[f], func(one delivery) (Sink, error) { return one.want(stored) })
	}, inner)
}

// A sinkList gives the bytes of one file to several sinks.
type sinkList []Sink

// joinSinks returns one sink for those of several takers of the same bytes, nil
// where nobody wants them. After an error, the sinks opened so far are closed.
func joinSinks[T any](takers []T, open func(T) (Sink, error)) (Sink, error) {
	var sinks sinkList
	for _, taker := range takers {
		sink, err := open(taker)
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
}

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

// besidePackage finds a file next to the package or on the media. A hidden one is
// only found on the media, whose folder the caller chose.
func (p *Package) besidePackage(name string) (neighbours, *neighbour, error) {
	var refused error
	for _, where := range p.beside {
		n, err := where.find(name)
		switch {
		case errors.Is(err, errHidden):
			refused = fmt.Errorf("%s: %w", name, err)
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		case n != nil:
			return where, n, nil
		}
	}
	return nil, nil, refused
}
