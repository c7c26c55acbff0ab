package distpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/safepath"
)

// ErrBatch: packages that cannot be staged in one call.
var ErrBatch = errors.New("these packages cannot be staged together")

// StageAll stages several packages side by side, each into a folder below
// Options.Output that is named after the package without its extension. The
// results and the errors are in the order of refs; a package that fails does
// not stop the others.
func StageAll(ctx context.Context, refs []string, o Options) ([]*Result, []error, error) {
	if o.ClientDir != "" {
		return nil, nil, fmt.Errorf("%w: a copy of the client files takes one at a time", ErrBatch)
	}
	outputs := make([]string, len(refs))
	taken := map[string]string{}
	for i, ref := range refs {
		base := filepath.Base(ref)
		name := strings.TrimSuffix(base, filepath.Ext(base))
		if err := safepath.Check(name); err != nil {
			return nil, nil, fmt.Errorf("%w: %s: no folder can have this name: %w", ErrBatch, ref, err)
		}
		if other, twice := taken[safepath.Fold(name)]; twice {
			return nil, nil, fmt.Errorf("%w: %s and %s would both be staged to %s", ErrBatch, other, ref, name)
		}
		taken[safepath.Fold(name)] = ref
		outputs[i] = filepath.Join(o.Output, name)
	}
	// Made here, because a package that fails takes back the folders it made.
	removeOutput, err := makeFolder(o.Output)
	if err != nil {
		return nil, nil, err
	}
	defer removeOutput()
	results, errs := make([]*Result, len(refs)), make([]error, len(refs))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, ref := range refs {
		group.Go(func() error {
			each := o
			each.Output, each.batch = outputs[i], true
			results[i], errs[i] = Stage(ctx, ref, each)
			return nil
		})
	}
	return results, errs, group.Wait()
}

// makeFolder creates a folder and those above it, and returns what removes those
// that are still empty.
func makeFolder(dir string) (remove func(), err error) {
	var made []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, at)
		if filepath.Dir(at) == at {
			break
		}
	}
	remove = func() {
		for _, folder := range made {
			if os.Remove(folder) != nil {
				return
			}
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		remove()
		return nil, &extract.OutputError{Path: dir, Err: err}
	}
	return remove, nil
}
