package source

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// maxLinks bounds the symbolic links on the way to one file.
const maxLinks = 40

// A refusedNeighbour is a file next to the package that is not read. It is an
// ErrNeighbour.
type refusedNeighbour struct{ reason string }

func (e *refusedNeighbour) Error() string { return e.reason }

func (e *refusedNeighbour) Unwrap() error { return ErrNeighbour }

// errHidden refuses a name that begins with a period, such as that of a folder with
// keys next to a download.
var errHidden = fmt.Errorf("%w: a package reads no hidden files next to it", safepath.ErrUnsafe)

// isHidden reports whether a segment of a path begins with a period.
func isHidden(name string) bool { return name[0] == '.' || strings.Contains(name, "/.") }

// look finds out what a file of the folder is, and its path without symbolic links.
func (d *folder) look(root *os.Root, name string) (string, fs.FileInfo, error) {
	real, err := d.inReal(root, name)
	if err != nil {
		return "", nil, err
	}
	info, err := root.Lstat(real)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if real, err = d.resolve(root, real); err == nil {
			info, err = root.Lstat(real)
		}
	}
	return real, info, WithoutPath(err)
}

// inReal is the path of a file with that of its folder resolved.
func (d *folder) inReal(root *os.Root, name string) (string, error) {
	dir, base := path.Split(name)
	if dir == "" {
		return name, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	real, known := d.folders[dir]
	if !known {
		var err error
		if real, err = d.resolve(root, path.Clean(dir)); err != nil {
			return "", err
		}
		d.folders[dir] = real
	}
	return path.Join(real, base), nil
}

// resolve follows the symbolic links on the way to a file of the folder, and returns
// the path without any. A link that leads out of the folder is refused; a file that
// does not exist is fs.ErrNotExist.
func (d *folder) resolve(root *os.Root, name string) (string, error) {
	done, rest := ".", strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		at := path.Join(done, rest[0])
		rest = rest[1:]
		info, err := root.Lstat(at)
		if err != nil {
			return "", WithoutPath(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = at
			continue
		}
		if links++; links > maxLinks {
			return "", &refusedNeighbour{"has too many symbolic links on its way"}
		}
		to, err := root.Readlink(at)
		if err != nil {
			return "", WithoutPath(err)
		}
		target := filepath.ToSlash(to)
		next := path.Join(done, target, path.Join(rest...))
		if path.IsAbs(target) || filepath.IsAbs(to) || filepath.VolumeName(to) != "" || next == ".." || strings.HasPrefix(next, "../") {
			return "", &refusedNeighbour{"is a symbolic link to outside " + d.called()}
		}
		done, rest = ".", strings.Split(next, "/") // which may go through further links
	}
	return done, nil
}

// called is what the folder is for the user.
func (d *folder) called() string {
	if d.hidden {
		return "the media folder"
	}
	return "the package's folder"
}

// kindOf is what a file is that cannot be read like others.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode.IsDir():
		return "a folder"
	}
	return "something else"
}

// notRegular is the error about a file that is not an ordinary one.
func notRegular(mode fs.FileMode) error {
	return fmt.Errorf("is %s, not a regular file", kindOf(mode))
}
