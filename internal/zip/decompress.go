package zip

import (
	"compress/bzip2"
	"compress/flate"
	"errors"
	"io"
)

// decompress returns a reader of what a method packed. The method is known.
func decompress(method uint16, packed io.Reader) io.Reader {
	switch method {
	case methodDeflate:
		return flate.NewReader(packed)
	case methodBzip2:
		return bzip2.NewReader(packed)
	}
	return packed
}

// isDamage reports whether an error says that compressed data are damaged, and
// not that they could not be read.
func isDamage(err error) bool {
	var deflate flate.CorruptInputError
	var bzip bzip2.StructuralError
	return errors.As(err, &deflate) || errors.As(err, &bzip)
}
