package source

import (
	"context"
	"io"
)

// Until returns a reader of r that fails with the error of ctx once ctx is done, for
// what reads much and takes no context: checking a signature, for instance.
func Until(ctx context.Context, r io.ReaderAt) io.ReaderAt { return untilReader{ctx, r} }

type untilReader struct {
	ctx context.Context
	r   io.ReaderAt
}

func (u untilReader) ReadAt(p []byte, at int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.ReadAt(p, at)
}
