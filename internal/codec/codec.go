// Package codec is the shape that every decompressor of a cabinet has, so that
// the cabinet's pipeline treats them alike.
package codec

// MaxBlock is the largest number of bytes that one CFDATA block holds when
// decompressed ([MS-CAB] 2.4, cbUncomp).
const MaxBlock = 32768

// MaxPayload is the largest number of bytes that one CFDATA block holds as
// stored: cbUncomp and the 6144 bytes by which a block may grow
// ([MS-CAB] 2.4, cbData).
const MaxPayload = MaxBlock + 6144

// Slack is how many bytes beyond their lengths dst and src may be overwritten
// and read: both slices have at least this much spare capacity.
const Slack = 64

// A Decoder decompresses one folder, block by block, in order. It is used by
// one goroutine at a time and keeps the history that blocks share.
type Decoder interface {
	// Decode decompresses the payload src of one CFDATA block and fills dst,
	// whose length is the block's cbUncomp (0 to MaxBlock). It returns the
	// number of bytes at the start of dst that are right; n < len(dst) only
	// together with an error, after which the decoder is not used again.
	//
	// The contents of src, and the Slack bytes after both slices, are the
	// decoder's to overwrite. It keeps no reference to either slice.
	Decode(dst, src []byte) (n int, err error)
}
