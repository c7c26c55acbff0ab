package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// compare reports whether the output folder holds exactly the files that were
// written, and whether it holds nothing.
func (d *Dir) compare(ctx context.Context) (same, empty bool, err error) {
	target, err := openRealFolder(d.anchor, d.target)
	if err != nil {
		return false, false, err
	}
	defer target.Close()
	same, empty = true, true
	seen := int64(0)
	err = fs.WalkDir(target.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		empty = false
		if err := ctx.Err(); err != nil {
			return err
		}
		written, err := d.content.Lstat(name)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err != nil || written.Mode().Type() != entry.Type():
			// A folder counts, too: the result has none without files.
			same = false
			return fs.SkipAll
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			same = false
			return fs.SkipAll
		}
		seen++
		equal, err := equalFiles(ctx, target, d.content, name)
		same = same && equal
		return err
	})
	return same && seen == d.count, empty, err
}

func equalFiles(ctx context.Context, a, b *os.Root, name string) (bool, error) {
	fa, err := a.Open(name)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := b.Open(name)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for ctx.Err() == nil {
		nA, errA := io.ReadFull(fa, bufA)
		nB, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:nA], bufB[:nB]) {
			return false, nil
		}
		if isEOF(errA) && isEOF(errB) {
			return true, nil
		}
		if err := errors.Join(errA, errB); err != nil {
			return false, err
		}
	}
	return false, ctx.Err()
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
