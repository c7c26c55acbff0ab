package source

import (
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/sassoftware/go-rpmutils"
)

// An rpmFileList is what the header of an rpm says about its files, in parallel
// lists. Names are read here and not by go-rpmutils, which copies the path of a
// folder into the name of each file in it.
type rpmFileList struct {
	dirs                   []string // with a slash at the end
	dirOf                  []uint32 // index into dirs
	bases                  []string
	sizes                  []uint64
	flags, modes, modified []uint32
	devices, inodes        []uint32 // nil: unknown
	digests, linksTo       []string
	algorithm              crypto.Hash
}

// readRPMFiles reads the list of files; it is empty where the rpm has none.
func readRPMFiles(h *rpmutils.RpmHeader) (*rpmFileList, error) {
	l := &rpmFileList{algorithm: crypto.MD5}
	if err := l.readNames(h); err != nil || len(l.bases) == 0 {
		return l, err
	}
	var err error
	if l.sizes, err = h.GetUint64s(rpmutils.LONGFILESIZES); err != nil {
		sizes, err := h.GetUint32s(rpmutils.FILESIZES)
		if err != nil {
			return nil, err
		}
		l.sizes = make([]uint64, len(sizes))
		for i, size := range sizes {
			l.sizes[i] = uint64(size)
		}
	}
	for _, one := range []struct {
		tag  int
		into *[]uint32
	}{{rpmutils.FILEFLAGS, &l.flags}, {rpmutils.FILEMODES, &l.modes}, {rpmutils.FILEMTIMES, &l.modified}} {
		if *one.into, err = h.GetUint32s(one.tag); err != nil {
			return nil, err
		}
	}
	if l.digests, err = h.GetStrings(rpmutils.FILEDIGESTS); err != nil {
		return nil, err
	}
	if l.linksTo, err = h.GetStrings(rpmutils.FILELINKTOS); err != nil {
		return nil, err
	}
	l.devices, err = h.GetUint32s(rpmutils.FILEDEVICES)
	if err == nil {
		l.inodes, err = h.GetUint32s(rpmutils.FILEINODES)
	}
	if err != nil {
		l.devices, l.inodes = nil, nil // without them no file is a link of another one
	}
	if numbers, err := h.GetUint32s(rpmutils.FILEDIGESTALGO); err == nil && len(numbers) > 0 {
		l.algorithm = rpmHashes[numbers[0]]
	}
	return l, l.check()
}

// readNames reads the names, which are cut into folders and base names except in
// packages of rpm 3.
func (l *rpmFileList) readNames(h *rpmutils.RpmHeader) (err error) {
	if !h.HasTag(rpmutils.BASENAMES) {
		names, err := h.GetStrings(rpmutils.OLDFILENAMES)
		if errors.As(err, &rpmutils.NoSuchTagError{}) {
			return nil
		}
		known := map[string]uint32{}
		for _, name := range names {
			i := strings.LastIndexByte(name, '/') + 1
			dir, ok := known[name[:i]]
			if !ok {
				dir = uint32(len(l.dirs))
				known[name[:i]] = dir
				l.dirs = append(l.dirs, name[:i])
			}
			l.dirOf, l.bases = append(l.dirOf, dir), append(l.bases, name[i:])
		}
		return err
	}
	if l.bases, err = h.GetStrings(rpmutils.BASENAMES); err != nil {
		return err
	}
	if l.dirs, err = h.GetStrings(rpmutils.DIRNAMES); err != nil {
		return err
	}
	l.dirOf, err = h.GetUint32s(rpmutils.DIRINDEXES)
	return err
}

// check makes sure that the lists are as long as that of the names.
func (l *rpmFileList) check() error {
	n := len(l.bases)
	for _, length := range []int{len(l.dirOf), len(l.sizes), len(l.flags), len(l.modes), len(l.modified), len(l.digests), len(l.linksTo)} {
		if length < n {
			return fmt.Errorf("%w: its header names %d files and describes %d", ErrFormat, n, length)
		}
	}
	if l.inodes != nil && (len(l.inodes) < n || len(l.devices) < n) {
		return fmt.Errorf("%w: its header names %d files and describes the inodes of %d", ErrFormat, n, min(len(l.inodes), len(l.devices)))
	}
	for i, dir := range l.dirOf[:n] {
		if int64(dir) >= int64(len(l.dirs)) {
			return fmt.Errorf("%w: file %q is in folder %d of %d", ErrFormat, l.bases[i], dir, len(l.dirs))
		}
	}
	return nil
}

// locations returns the folders, without the slash at their beginning.
func (l *rpmFileList) locations(of *Package) []*location {
	list := make([]*location, len(l.dirs))
	for i, dir := range l.dirs {
		list[i] = storedLocation(of, dir, strings.TrimLeft(dir, "/"))
	}
	return list
}

// digest returns what the content of a file hashes to, where the header says it.
func (l *rpmFileList) digest(i int) (digest, bool) {
	sum, err := hex.DecodeString(l.digests[i])
	if err != nil || !l.algorithm.Available() || len(sum) != l.algorithm.Size() {
		return digest{}, false
	}
	return digest{l.algorithm, sum}, true
}

// node tells hard links apart from other files; the lower half is 0 where it is
// not known.
func (l *rpmFileList) node(i int) uint64 {
	if l.inodes == nil {
		return 0
	}
	return uint64(l.devices[i])<<32 | uint64(l.inodes[i])
}
