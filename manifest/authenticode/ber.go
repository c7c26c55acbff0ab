package authenticode

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxDepth is how deep ASN.1 elements may lie in one another. A signature with a
	// nested one that carries a timestamp of its own needs about 30 levels.
	maxDepth = 64
	// maxIdentifier is how many bytes an object identifier may have. Parsed, each
	// takes eight times as much.
	maxIdentifier = 128
)

// Identifier and length octets (X.690, 8.1).
const (
	classConstructed   = 0x20
	tagNumber          = 0x1f // all ones: the number follows in octets of its own
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
	return appendDER(make([]byte, 0, len(data)), data, 0)
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
		if identifier == asn1.TagOID && length > maxIdentifier {
			return nil, 0, fmt.Errorf("%w: an object identifier of %d bytes", errBER, length)
		}
		dst = appendHeader(dst, identifier, length)
		return append(dst, data[header:header+length]...), header + length, nil
	}

	inPieces := identifier == asn1.TagOctetString|classConstructed
	end := header + length
	if indefinite {
		end = len(data)
	}
	start := len(dst)
	pos := header
	for pos < end {
		if indefinite && data[pos] == endOfContents {
			break
		}
		before := len(dst)
		dst, size, err = appendDER(dst, data[pos:end], depth+1)
		if err != nil {
			return nil, 0, err
		}
		pos += size
		if inPieces {
			piece := dst[before:]
			header, length, _, err := readHeader(piece)
			if err != nil || piece[0] != asn1.TagOctetString {
				return nil, 0, fmt.Errorf("%w: an octet string of other pieces", errBER)
			}
			dst = append(dst[:before], piece[header:header+length]...)
		}
	}
	if indefinite {
		if end-pos < sizeEndOfContents || data[pos+1] != 0 {
			return nil, 0, fmt.Errorf("%w: no end of an element of indefinite length", errBER)
		}
		pos += sizeEndOfContents
	}
	if inPieces {
		identifier = asn1.TagOctetString
	}
	return slices.Insert(dst, start, appendHeader(nil, identifier, len(dst)-start)...), pos, nil
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

// appendHeader appends identifier and length octets as DER has them.
func appendHeader(dst []byte, identifier byte, length int) []byte {
	if length < lengthLong {
		return append(dst, identifier, byte(length))
	}
	var octets []byte
	for ; length > 0; length >>= 8 {
		octets = append(octets, byte(length))
	}
	slices.Reverse(octets)
	dst = append(dst, identifier, lengthLong|byte(len(octets)))
	return append(dst, octets...)
}
