package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Commit makes the files that were written appear in the output folder, after
// all of them are on the disk, and removes the temporary folder. A new folder
// appears by one rename. After an error of a new folder nothing has changed;
// after one of a merge, files that come earlier in the order of their names may
// have been replaced. The Dir is finished either way.
//
// The context ends the work before the first change to the output folder; it is
// not looked at any more after that.
func (d *Dir) Commit(ctx context.Context) error {
	err := d.commit(ctx)
	if err != nil && ctx.Err() == nil {
		err = d.fail("", err)
	}
	if cleanErr := d.finish(err != nil); err == nil {
		err = cleanErr
	}
	return err
}

// Check fails with the *OutputError that Commit would fail with because of what is
// in the output folder. It changes nothing.
func (d *Dir) Check(ctx context.Context) error {
	if _, _, err := d.inspectTarget(ctx); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return d.fail("", err)
	}
	return nil
}

// Open opens a file that was written and closed, to read it before Commit.
func (d *Dir) Open(file string) (*os.File, error) {
	f, err := d.content.Open(file)
	if err != nil {
		return nil, d.outputError(filepath.Join(d.path, filepath.FromSlash(file)), err)
	}
	return f, nil
}

// Abort throws away what was written and leaves everything as it was before
// CreateDir. Files that are still open must not be written any more.
func (d *Dir) Abort() error { return d.finish(true) }

func (d *Dir) commit(ctx context.Context) error {
	if d.failed != nil {
		return d.failed
	}
	if d.open != 0 {
		return fmt.Errorf("%d files are still being written", d.open)
	}
	if d.sync {
		if err := syncTree(ctx, d.content); err != nil {
			return err
		}
	}
	exists, same, err := d.inspectTarget(ctx)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case same:
		d.unchanged = true
		return nil
	case !d.inPlace():
		return ErrReplaced
	case exists && d.options.Merge:
		return d.merge()
	case exists && d.replaced:
		return d.succeed()
	}
	return d.appear()
}

// inPlace reports whether the temporary folder and the content in it are still
// those that this run made.
func (d *Dir) inPlace() bool {
	return d.stagingInPlace() && isCurrent(d.staging, contentName, func() (fs.FileInfo, error) { return d.content.Stat(".") })
}

// inspectTarget reports whether the output folder exists and whether it holds
// exactly the result. One that can be neither replaced nor accepted is an error.
func (d *Dir) inspectTarget(ctx context.Context) (exists, same bool, err error) {
	_, err = d.anchor.Lstat(d.target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil || d.options.Merge || !d.options.AcceptIdentical:
		return true, false, err
	}
	same, empty, err := d.compare(ctx)
	if err == nil && !same && !empty {
		err = d.judge(ctx)
	}
	return true, same, err
}

// appear renames the finished content to the output folder, in place of an
// empty one.
func (d *Dir) appear() error {
	written, err := d.content.Stat(".")
	if err != nil {
		return err
	}
	if err := d.inherit(); err != nil {
		return err
	}
	// Windows renames no folder that is open.
	if err := d.closeContent(); err != nil {
		return err
	}
	if err := rename(d.staging, contentName, d.anchor, d.target); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return ErrExists
		}
		return err
	}
	if d.sync {
		if err := syncFolder(d.anchor); err != nil {
			return err
		}
	}
	return d.confirm(written)
}

// inherit gives the finished content the mode and the group of what it replaces.
func (d *Dir) inherit() error {
	held, err := d.anchor.Lstat(d.target)
	if d.replaced {
		held, err = d.staging.Lstat(previousName)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return d.keepAttributes(held)
}

// confirm makes sure that the output folder is, under its full path, the one that
// was written.
func (d *Dir) confirm(written fs.FileInfo) error {
	found, err := os.Lstat(d.path)
	if err != nil {
		return err
	}
	if !os.SameFile(written, found) {
		return ErrReplaced
	}
	return nil
}

// closeContent closes the folders that were written to.
func (d *Dir) closeContent() error {
	d.folders.close()
	return d.content.Close()
}

// finish removes the temporary folder, gives the lock back and, after a
// failure, removes the folders that were made above the output folder.
func (d *Dir) finish(failed bool) error {
	if d.anchor == nil {
		return nil
	}
	_ = d.closeContent() // they may be closed already
	err := d.release()
	if closeErr := d.anchor.Close(); err == nil {
		err = closeErr
	}
	d.anchor = nil
	if failed {
		d.removeParents()
	}
	if err != nil {
		return d.fail("", err)
	}
	return nil
}
