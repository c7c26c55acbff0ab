package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// previousName is the entry of the temporary folder that holds the output folder
// while another one takes its place.
const previousName = "previous"

// judge asks DirOptions.Succeed whether the output folder may be replaced.
func (d *Dir) judge(ctx context.Context) error {
	if d.options.Succeed == nil {
		return ErrExists
	}
	old, err := openRealFolder(d.anchor, d.target)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := d.options.Succeed(ctx, old); err != nil {
		return err
	}
	held, err := old.Stat(".")
	if err != nil {
		return err
	}
	if here, err := os.Stat("."); err == nil && os.SameFile(here, held) {
		return fmt.Errorf("%w: it is the current folder", ErrReplace)
	}
	d.replaced = true
	return nil
}

// succeed puts the finished content in the place of an output folder that is not
// empty. What was there is in the temporary folder in between: a run that is killed
// at that moment leaves it there, and the next one puts it back.
func (d *Dir) succeed() error {
	if err := removeAll(d.staging, previousName); err != nil {
		return err
	}
	if err := rename(d.anchor, d.target, d.staging, previousName); err != nil {
		return err
	}
	if err := d.appear(); err != nil {
		return errors.Join(err, d.putBack())
	}
	return removeAll(d.staging, previousName)
}

// putBack undoes the first half of succeed, where a run ended after it.
func (d *Dir) putBack() error {
	if _, err := d.staging.Lstat(previousName); err != nil {
		return nil
	}
	if _, err := d.anchor.Lstat(d.target); errors.Is(err, fs.ErrNotExist) {
		return rename(d.staging, previousName, d.anchor, d.target)
	}
	return removeAll(d.staging, previousName)
}

// keepAttributes gives the finished content the mode and the group of the folder
// whose place it takes, if that is one of the user who runs this: another user could
// have opened his to himself.
func (d *Dir) keepAttributes(held fs.FileInfo) error {
	if !isOwnFolder(held) {
		return nil
	}
	if err := keepGroup(d.staging, contentName, held); err != nil {
		return fmt.Errorf("its group cannot be kept: %w", err)
	}
	return d.staging.Chmod(contentName, held.Mode()&(fs.ModePerm|fs.ModeSetgid|fs.ModeSticky))
}
