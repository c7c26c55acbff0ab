package extract

import (
	"errors"
	"io/fs"
	"path"
	"sync"
)

// maxOpenFolders bounds the folders that are kept open: in an open one a file is
// created by one call. Files come folder by folder, or nearly so.
const maxOpenFolders = 128

// folders makes files below a folder. It opens the folders on the way one by one,
// makes those that are missing, and keeps those that were used last open.
type folders struct {
	mu   sync.Mutex
	top  *folder
	open map[string]*openFolder // by their paths below top
	uses int                    // counts calls of enter
}

type openFolder struct {
	*folder
	users int // that may not find it closed
	used  int // folders.uses when it was last asked for
}

func newFolders(top *folder) *folders {
	return &folders{top: top, open: map[string]*openFolder{}}
}

// create makes a new file. One that exists is ErrCollision.
func (c *folders) create(file string, to *handle) error {
	in, err := c.enter(path.Dir(file))
	if err != nil {
		return err
	}
	defer c.leave(in)
	err = in.create(path.Base(file), to)
	if errors.Is(err, fs.ErrExist) {
		return ErrCollision
	}
	return err
}

// remove removes a file.
func (c *folders) remove(file string) error {
	in, err := c.enter(path.Dir(file))
	if err != nil {
		return err
	}
	defer c.leave(in)
	return in.remove(path.Base(file))
}

// enter opens a folder, which stays open until it is given to leave.
func (c *folders) enter(name string) (*openFolder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enterLocked(name)
}

func (c *folders) enterLocked(name string) (*openFolder, error) {
	if c.open == nil {
		return nil, fs.ErrClosed
	}
	c.uses++
	if known := c.open[name]; known != nil {
		known.used = c.uses
		known.users++
		return known, nil
	}
	if name == "." {
		f := &openFolder{folder: c.top, users: 2} // is never closed by makeRoom
		c.open[name] = f
		return f, nil
	}
	parent, err := c.enterLocked(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer func() { parent.users-- }()
	base := path.Base(name)
	if err := parent.mkdir(base); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	opened, err := parent.open(base)
	if err != nil {
		return nil, err
	}
	c.makeRoom()
	f := &openFolder{folder: opened, users: 1, used: c.uses}
	c.open[name] = f
	return f, nil
}

// makeRoom closes the folder that was not used for the longest time.
func (c *folders) makeRoom() {
	if len(c.open) < maxOpenFolders {
		return
	}
	oldest := ""
	for name, f := range c.open {
		if f.users == 0 && (oldest == "" || f.used < c.open[oldest].used) {
			oldest = name
		}
	}
	if oldest != "" {
		c.open[oldest].close()
		delete(c.open, oldest)
	}
}

func (c *folders) leave(f *openFolder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.users--
}

// close closes all folders, the top one too.
func (c *folders) close() {
	delete(c.open, ".")
	for _, f := range c.open {
		f.close()
	}
	c.open = nil
	c.top.close()
}
