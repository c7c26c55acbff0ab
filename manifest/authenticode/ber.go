package authenticode

import (
	"errors"
	"fmt"
)

// maxDepth is how deep ASN.1 elements may lie in one another. A signature with a
// nested one that carries a timestamp of its own needs about 30 levels.
const maxDepth = 64

// Identifier and length octets (X.690, 8.1).
const (
	classConstructed   = 0x20
	tagNumber          = 0x1f // all ones: the number follows in octets of its own
	tagOctetString     = 0x04
	lengthLong         = 0x80 // with a count of octets; without one, indefinite
	lengthCount        = 0x7f
	endOfContents      = 0x00
	sizeEndOfContents  = 2
	maxLengthOfLengths = 4
)

var errBER = errors.New("malformed ASN.1")

// toDER returns the first ASN.1 element of data with all lengths definite and
// shortest, and the size that the element has in data. Signatures are DER, but
// some time stamping services send BER. An octet string in pieces becomes one in
// one piece.
//
// It bounds what is parsed afterwards: no element reaches out of the one around
// it or lies deeper than maxDepth.
func toDER(data []byte) (der []byte, size int, err error) {
	return appendDER(nil, data, 0)
}

func appendDER(dst, data []byte, depth int) (der []byte, size int, err error) {
	if depth > maxDepth {
		return nil, 0, fmt.Errorf("%w: more than %d levels", errBER, maxDepth)
	}
	header, length, indefinite, err := readHeader(data)
	if err != nil {
		return nil, 0, err
	}
	identifier := data[0]
	if identifier&classConstructed == 0 {
		return appendElement(dst, identifier, data[header:header+length]), header + length, nil
	}

	inPieces := identifier == tagOctetString|classConstructed
	end := header + length
	if indefinite {
		end = len(data)
	}
	var content []byte
	pos := header
	for pos < end {
		if indefinite && data[pos] == endOfContents {
			break
		}
		before := len(content)
		content, size, err = appendDER(content, data[pos:end], depth+1)
		if err != nil {
			return nil, 0, err
		}
		pos += size
		if inPieces {
			piece := content[before:]
			header, length, _, err := readHeader(piece)
			if err != nil || piece[0] != tagOctetString {
				return nil, 0, fmt.Errorf("%w: an octet string of other pieces", errBER)
			}
			content = append(content[:before], piece[header:header+length]...)
		}
	}
	if indefinite {
		if end-pos < sizeEndOfContents || data[pos+1] != 0 {
			return nil, 0, fmt.Errorf("%w: no end of an element of indefinite length", errBER)
		}
		pos += sizeEndOfContents
	}
	if inPieces {
		identifier = tagOctetString
	}
	return appendElement(dst, identifier, content), pos, nil
}

// readHeader reads identifier and length octets and checks that a content of
// definite length is there. Of the other, length is 0.
func readHeader(data []byte) (header, length int, indefinite bool, err error) {
	if len(data) < 2 {
		return 0, 0, false, fmt.Errorf("%w: an element is cut off", errBER)
	}
	if data[0]&tagNumber == tagNumber {
		return 0, 0, false, fmt.Errorf("%w: a tag above 30, which no signature has", errBER)
	}
	header = 2
	switch first := data[1]; {
	case first < lengthLong:
		length = int(first)
	case first == lengthLong:
		if data[0]&classConstructed == 0 {
			return 0, 0, false, fmt.Errorf("%w: a primitive element of indefinite length", errBER)
		}
		return header, 0, true, nil
	default:
		count := int(first & lengthCount)
		if count > maxLengthOfLengths || len(data) < header+count {
			return 0, 0, false, fmt.Errorf("%w: a length of %d bytes", errBER, count)
		}
		var long int64
		for _, b := range data[header : header+count] {
			long = long<<8 | int64(b)
		}
		header += count
		if long > int64(len(data)) {
			return 0, 0, false, fmt.Errorf("%w: an element of %d bytes where %d are left", errBER, long, len(data)-header)
		}
		length = int(long)
	}
	if length > len(data)-header {
		return 0, 0, false, fmt.Errorf("%w: an element of %d bytes where %d are left", errBER, length, len(data)-header)
	}
	return header, length, false, nil
}

func appendElement(dst []byte, identifier byte, content []byte) []byte {
	dst = append(dst, identifier)
	if n := len(content); n < lengthLong {
		dst = append(dst, byte(n))
	} else {
		var octets []byte
		for ; n > 0; n >>= 8 {
			octets = append([]byte{byte(n)}, octets...)
		}
		dst = append(dst, lengthLong|byte(len(octets)))
		dst = append(dst, octets...)
	}
	return append(dst, content...)
}
