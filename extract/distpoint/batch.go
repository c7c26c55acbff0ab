package distpoint

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ErrBatch: packages that cannot be staged in one call.
var ErrBatch = errors.New("these packages cannot be staged together")

// StageAll stages several packages side by side, each into a folder below
// Options.Output that is named after the package without its extension. The
// results and the errors stand in the order of refs; a package that fails does
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
		if other, twice := taken[strings.ToLower(name)]; twice {
			return nil, nil, fmt.Errorf("%w: %s and %s would both be staged to %s", ErrBatch, other, ref, name)
		}
		taken[strings.ToLower(name)] = ref
		outputs[i] = filepath.Join(o.Output, name)
	}
	results, errs := make([]*Result, len(refs)), make([]error, len(refs))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, ref := range refs {
		group.Go(func() error {
			each := o
			each.Output = outputs[i]
			results[i], errs[i] = Stage(ctx, ref, each)
			return nil
		})
	}
	return results, errs, group.Wait()
}
