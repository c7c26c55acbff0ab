package source

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"
	"time"
)

// FS returns the files of the package as a file system that can only be read. Names
// are those of File.Path; of several files with one path the last one counts, as in
// an image, and files whose paths are not valid (fs.ValidPath) are left out. Sizes are
// those that the package claims, times are unknown (zero).
//
// Content is decoded when it is read. Files that are read one after the other in the
// order of Package.Files are decoded in one pass over their cabinet or rpm; other
// orders decode it again. io.EOF is returned only for a file that is what the package says.
// The file system may be used concurrently, until the package is closed.
func (p *Package) FS() fs.FS {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tree == nil {
		p.tree = newTree(p)
	}
	return p.tree
}

// A tree is the file system of a package.
type tree struct {
	p      *Package
	nodes  map[string]*node
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	idle *cursor // stopped before a file; nil
	runs sync.WaitGroup
}

// A node is a file or a folder, and its own fs.FileInfo and fs.DirEntry.
type node struct {
	name     string
	file     *File // nil: a folder
	children []fs.DirEntry
}

func newTree(p *Package) *tree {
	t := &tree{p: p, nodes: map[string]*node{".": {name: "."}}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, f := range p.Files() {
		if name := f.Path(); fs.ValidPath(name) && name != "." {
			t.add(name, f)
		}
	}
	for _, n := range t.nodes {
		slices.SortFunc(n.children, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
	return t
}

// add adds a file with the folders above it, unless one of these is a file.
func (t *tree) add(name string, f *File) {
	if n := t.nodes[name]; n != nil {
		if n.file != nil {
			n.file = f
		}
		return
	}
	if folder := t.folder(path.Dir(name)); folder != nil {
		n := &node{name: path.Base(name), file: f}
		t.nodes[name] = n
		folder.children = append(folder.children, n)
	}
}

// folder returns a folder, made where it is new; nil where a file has its name.
func (t *tree) folder(name string) *node {
	if n := t.nodes[name]; n != nil {
		if n.file != nil {
			return nil
		}
		return n
	}
	parent := t.folder(path.Dir(name))
	if parent == nil {
		return nil
	}
	n := &node{name: path.Base(name)}
	t.nodes[name] = n
	parent.children = append(parent.children, n)
	return n
}

func (t *tree) lookUp(op, name string) (*node, error) {
	err := fs.ErrNotExist
	if !fs.ValidPath(name) {
		err = fs.ErrInvalid
	} else if n := t.nodes[name]; n != nil {
		return n, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: err}
}

// Open implements fs.FS.
func (t *tree) Open(name string) (fs.File, error) {
	n, err := t.lookUp("open", name)
	if err != nil {
		return nil, err
	}
	if n.file == nil {
		return &openFolder{node: n}, nil
	}
	return &openMember{node: n, tree: t}, nil
}

// Stat implements fs.StatFS.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.lookUp("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadDir implements fs.ReadDirFS.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.lookUp("readdir", name)
	if err == nil && n.file != nil {
		err = &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.children), nil
}

// close ends all reading.
func (t *tree) close() {
	t.cancel()
	t.mu.Lock()
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	if idle != nil {
		idle.stop()
	}
	t.runs.Wait()
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.file == nil }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) Sys() any                   { return n.file }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }

func (n *node) Size() int64 {
	if n.file == nil {
		return 0
	}
	return n.file.Size
}

func (n *node) Mode() fs.FileMode {
	if n.file == nil {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// An openFolder lists a folder.
type openFolder struct {
	*node
	at int
}

func (d *openFolder) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *openFolder) Close() error               { return nil }

func (d *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.children[d.at:]
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		rest = rest[:min(n, len(rest))]
	}
	d.at += len(rest)
	return slices.Clone(rest), nil
}

// An openMember reads a file. Nothing is decoded before the first Read.
type openMember struct {
	*node
	tree *tree

	mu      sync.Mutex
	content *io.PipeReader
	reader  *bufio.Reader // of content: many small reads are common
	closed  bool
}

func (m *openMember) Stat() (fs.FileInfo, error) { return m.node, nil }

func (m *openMember) Read(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, &fs.PathError{Op: "read", Path: m.name, Err: fs.ErrClosed}
	}
	if m.content == nil {
		m.content = m.tree.read(m.file)
		m.reader = bufio.NewReaderSize(m.content, 32<<10)
	}
	return m.reader.Read(b)
}

func (m *openMember) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return &fs.PathError{Op: "close", Path: m.name, Err: fs.ErrClosed}
	}
	m.closed = true
	if m.content != nil {
		return m.content.Close()
	}
	return nil
}
