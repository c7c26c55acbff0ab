package distpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msp"
)

// A writer writes the files of a choice while the package is read (take), then those
// of the plan that is made from what was read (write), and makes all of them appear
// at once (commit).
type writer struct {
	choice *choice
	plan   *plan        // nil until write
	output *extract.Dir // Options.Output; nil once committed
	client *extract.Dir // Options.ClientDir; nil without, where no patch is needed, and once committed

	mu       sync.Mutex
	modified time.Time // the newest of the files of the choice
}

// newWriter prepares the folders that will be written. The caller must end with
// commit or abort.
func newWriter(o Options, c *choice) (*writer, error) {
	w := &writer{choice: c}
	var err error
	if w.output, err = extract.CreateDir(o.Output, extract.DirOptions{AcceptIdentical: true, Succeed: w.mayReplace, Limits: o.Limits}); err != nil {
		return nil, err
	}
	if c.addsToClient() {
		if w.client, err = extract.CreateDir(o.ClientDir, extract.DirOptions{Merge: true, Limits: o.Limits}); err != nil {
			return nil, errors.Join(err, w.abort())
		}
	}
	return w, nil
}

// abort removes what was not committed.
func (w *writer) abort() error {
	var err error
	for _, dir := range []*extract.Dir{w.client, w.output} {
		if dir != nil {
			err = errors.Join(err, dir.Abort())
		}
	}
	return err
}

// dir is the folder that a file is written to.
func (w *writer) dir(inClient bool) *extract.Dir {
	if inClient {
		return w.client
	}
	return w.output
}

// take writes the files of the package that were chosen.
func (w *writer) take(f *source.File, stored source.Stored) (source.Sink, error) {
	to, ok := w.choice.places[f.Path()]
	if !ok {
		return nil, nil
	}
	w.notice(stored.Modified)
	if to.twin {
		return nil, nil
	}
	file, err := w.dir(to.inClient).Create(to.name, extract.FileInfo{Modified: stored.Modified})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// notice notes the time of a chosen file.
func (w *writer) notice(modified time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if modified.After(w.modified) {
		w.modified = modified
	}
}

// newest is the time of the newest of the chosen files.
func (w *writer) newest() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.modified
}

// patches reads the patches of the package that were written, by their paths in it.
func (w *writer) patches(ref string) (map[string]*msp.Patch, error) {
	patches := map[string]*msp.Patch{}
	for _, name := range w.choice.patchPaths() {
		to := w.choice.places[name]
		patch, err := readPatch(w.dir(to.inClient).Open(to.name))
		if err != nil {
			return nil, &source.Error{Package: ref, Place: name, Err: fmt.Errorf("%w: it cannot be read as a patch: %w", ErrContent, err)}
		}
		patches[name] = patch
	}
	return patches, nil
}

// write writes the files of the plan that do not come out of the package.
func (w *writer) write(p *plan) error {
	w.plan = p
	for _, f := range p.files {
		var err error
		switch {
		case f.copyOf != nil:
			err = w.copyStaged(f)
		case f.given != nil:
			err = w.copyFrom(f, f.given.ref, f.given.file)
		case f.content != nil:
			err = w.copyFrom(f, f.Path, bytes.NewReader(f.content))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyStaged writes a file that is written already once more.
func (w *writer) copyStaged(f plannedFile) error {
	from, err := w.dir(f.copyOf.ClientDir).Open(f.copyOf.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	return w.copyFrom(f, f.copyOf.Path, from)
}

// copyFrom writes a file from the start of r, which must hold what was planned.
func (w *writer) copyFrom(f plannedFile, name string, r io.ReadSeeker) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := w.dir(f.ClientDir).Create(f.Path, extract.FileInfo{Modified: w.plan.modified})
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), r)
	if err == nil && hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		err = &source.Error{Package: name, Err: source.ErrChanged}
	}
	return errors.Join(err, out.Close(err))
}

// commit makes the result appear: first the patch among the client files, then
// the output folder, whose stage.json says that all of it is there. What can be
// known to fail is looked at before the first change, and a first change without
// the second is taken back.
func (w *writer) commit(ctx context.Context, p *plan) error {
	var added *addition
	if w.client != nil {
		var err error
		if added, err = compareWith(p.options.ClientDir, p.files, p.options.Replace); err != nil {
			return err
		}
	}
	if err := w.output.Check(ctx); err != nil {
		return err
	}
	if added != nil {
		client := w.client
		w.client = nil
		if err := added.commit(ctx, client); err != nil {
			return err
		}
		if added.changes() {
			ctx = context.WithoutCancel(ctx) // half of it is there; the other half takes a moment
		}
	}
	output := w.output
	w.output = nil
	if err := output.Commit(ctx); err != nil {
		return added.takeBack(err)
	}
	p.result.Replaced = output.Replaced()
	p.result.Unchanged = output.Unchanged() && !added.changes()
	return nil
}
