package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// A StreamItem is one stream of a database that a Plan writes.
type StreamItem struct {
	Path string // relative to the output folder, "/" between its segments
	Name string // of the stream, as the table _Streams names it
	Size int64  // in bytes
}

// streamPath returns where the stream of this name is written. The streams of the
// tables Binary and Icon are named after table and key, with a period between
// them (Windows Installer: Binary Table), and go to a folder of their table; the
// others are files of their own name. Characters that no file name may have are
// written as in a URL.
func streamPath(name string) string {
	for _, table := range []string{"Binary", "Icon"} {
		if key, ok := strings.CutPrefix(name, table+"."); ok && key != "" {
			return table + "/" + safepath.Name(key)
		}
	}
	return safepath.Name(name)
}

// layOutStreams plans the streams of the package's database.
func (plan *Plan) layOutStreams() error {
	db := plan.Package.Database()
	if db == nil {
		return fmt.Errorf("%w: a %s has no streams", source.ErrKind, plan.Package.Kind())
	}
	chosen, err := newSelection(plan.options.Include)
	if err != nil {
		return err
	}
	taken := map[string]string{} // folded path -> what is there, a folder with "/" at its end
	for _, name := range db.Streams() {
		item := StreamItem{Path: streamPath(name), Name: name}
		if !chosen.match(item.Path) {
			continue
		}
		if err := takePath(taken, item.Path); err != nil {
			return err
		}
		content, err := db.Stream(name)
		if err != nil {
			return err
		}
		item.Size = content.Size()
		plan.Bytes += item.Size
		plan.Streams = append(plan.Streams, item)
	}
	if err := chosen.unused(); err != nil {
		return err
	}
	return plan.options.Limits.check(plan.Bytes, int64(len(plan.Streams)))
}

// takePath notes a path and the folder that it lies in.
func takePath(taken map[string]string, file string) error {
	if dir := path.Dir(file); dir != "." {
		if other, ok := taken[safepath.Fold(dir)]; ok && other != dir+"/" {
			return fmt.Errorf("%w: %s and %s", ErrStreams, other, file)
		}
		taken[safepath.Fold(dir)] = dir + "/"
	}
	if other, ok := taken[safepath.Fold(file)]; ok {
		return fmt.Errorf("%w: %s and %s", ErrStreams, other, file)
	}
	taken[safepath.Fold(file)] = file
	return nil
}

// writeStreams writes the streams of the plan, in its order. What cannot be read
// ends it, unless WriteOptions.KeepGoing passes over it.
func (w *writer) writeStreams(ctx context.Context) error {
	var damage error
	for _, item := range w.plan.Streams {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := w.writeStream(ctx, item)
		switch {
		case err == nil:
		case w.out.failure() != nil || ctx.Err() != nil || errors.Is(err, ErrLimit) || !w.options.KeepGoing:
			return err
		default:
			damage = errors.Join(damage, err)
		}
	}
	return damage
}

func (w *writer) writeStream(ctx context.Context, item StreamItem) error {
	content, err := w.plan.Package.Database().Stream(item.Name)
	if err != nil {
		return &source.Error{Package: w.plan.Package.Ref(), Place: "stream " + item.Name, Err: err}
	}
	file, err := w.out.Create(item.Path, FileInfo{Modified: w.plan.Package.Modified()})
	if err != nil {
		return err
	}
	s := w.sink(item.Path, file)
	_, err = io.Copy(s, &contextReader{ctx, content})
	if closeErr := s.Close(err); err == nil {
		return closeErr
	}
	if w.out.failure() != nil || ctx.Err() != nil || errors.Is(err, ErrLimit) {
		return err
	}
	return &source.Error{Package: w.plan.Package.Ref(), Place: "stream " + item.Name, Err: err}
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
