package lzx

import "github.com/hotfixkit/hotfixkit/internal/codec/lzx/lzxtest"

type (
	encoder = lzxtest.Encoder
	token   = lzxtest.Token
)

var newEncoder = lzxtest.NewEncoder

// decodeAll decodes the encoder's frames as a cabinet folder.
func decodeAll(e *encoder, d *Decoder) ([]byte, error) {
	var out []byte
	for i, f := range e.Finish() {
		dst, err := decodeOne(d, f, e.Sizes[i])
		if err != nil {
			return out, err
		}
		out = append(out, dst...)
	}
	return out, nil
}

func decodeOne(d *Decoder, payload []byte, size int) ([]byte, error) {
	dst := make([]byte, size)
	n, err := d.Decode(dst, payload)
	return dst[:n], err
}
