package pe

import "fmt"

// The headers of an NE file ("Executable-File Header Format" of 16-bit Windows).
const (
	neHeaderSize  = 64
	neFlagLibrary = 0x8000

	neTypeSize    = 8
	neNameSize    = 12
	neTypeVersion = 0x8000 | TypeVersion // the high bit says: a number, not a name
	neMaxShift    = 16
)

// neReader reads the headers of an NE file and finds the version resources in its
// resource table. It goes on where it stopped when there were too few bytes.
type neReader struct {
	info   *Info // nil until the header is read
	leaves []leaf

	at    int64 // of the next type in the resource table; 0 before the first
	shift uint16
}

// read reads on from p, which has the header at off. It returns a needError while
// p is too short.
func (n *neReader) read(p prefix, off int64) error {
	if n.at == 0 {
		if done, err := n.readHeader(p, off); done || err != nil {
			return err
		}
	}
	for {
		done, err := n.readType(p)
		if done || err != nil {
			return err
		}
	}
}

// readHeader reads what comes before the resource table; done says that there is
// none.
func (n *neReader) readHeader(p prefix, off int64) (done bool, err error) {
	ne, err := p.at(off, neHeaderSize)
	if err != nil {
		return false, err
	}
	table, names := int64(le.Uint16(ne[36:])), int64(le.Uint16(ne[38:]))
	info := &Info{Format: NE, Machine: MachineX86NE, DLL: le.Uint16(ne[12:])&neFlagLibrary != 0}
	if table == names {
		n.info = info
		return true, nil
	}
	b, err := p.at(off+table, 2)
	if err != nil {
		return false, err
	}
	n.info = info
	if n.shift = le.Uint16(b); n.shift > neMaxShift {
		return false, fmt.Errorf("%w: resource alignment of 2^%d bytes", ErrFormat, n.shift)
	}
	n.at = off + table + 2
	return false, nil
}

// readType reads the resources of one type; done says that there are no more.
func (n *neReader) readType(p prefix) (done bool, err error) {
	b, err := p.at(n.at, 2)
	if err != nil {
		return false, err
	}
	kind := le.Uint16(b)
	if kind == 0 {
		return true, nil
	}
	if b, err = p.at(n.at, neTypeSize); err != nil {
		return false, err
	}
	count := int64(le.Uint16(b[2:]))
	entries, err := p.at(n.at+neTypeSize, count*neNameSize)
	if err != nil {
		return false, err
	}
	n.at += neTypeSize + count*neNameSize
	if kind != neTypeVersion {
		return false, nil
	}
	for ; len(entries) > 0; entries = entries[neNameSize:] {
		if len(n.leaves) == maxLeaves {
			return false, fmt.Errorf("%w: more than %d version resources", ErrLimit, maxLeaves)
		}
		n.leaves = append(n.leaves, leaf{
			id:     uint32(le.Uint16(entries[6:]) &^ 0x8000),
			offset: int64(le.Uint16(entries)) << n.shift,
			size:   min(int64(le.Uint16(entries[2:]))<<n.shift, maxVersion),
		})
	}
	return false, nil
}
