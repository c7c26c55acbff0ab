package extract

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// TestCancelAnywhere ends an extraction at many points. Nothing is left: no
// folder, no goroutine.
func TestCancelAnywhere(t *testing.T) {
	dir := t.TempDir()
	p := testkit.Package{Compression: cab.MSZIP}
	for i := range 40 {
		f := testkit.File{Key: fmt.Sprint("f", i), Content: strings.Repeat(fmt.Sprint(i, " "), 20_000), Hash: i%2 == 0}
		if i >= 30 {
			f.Attributes, f.Lost = msi.FileNoncompressed, true
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "App"), 0o777))
			require.NoError(t, os.WriteFile(filepath.Join(dir, f.Key), []byte(f.Content), 0o666))
		}
		p.Files = append(p.Files, f)
	}
	p.Media = []testkit.Media{{Files: 10, Cabinet: "#a"}, {Files: 10, Cabinet: "b.cab"}, {Files: 20, Cabinet: "#c"}}
	name := testkit.Write(t, dir, "p.msi", p)
	top := t.TempDir()
	out := filepath.Join(top, "out")

	run := func(ctx context.Context, keepGoing bool, progress func(done, total int64)) error {
		pkg, err := source.Open(t.Context(), name, source.Options{})
		require.NoError(t, err)
		defer pkg.Close()
		plan, err := NewPlan(pkg, Options{})
		require.NoError(t, err)
		_, err = plan.Write(ctx, out, WriteOptions{KeepGoing: keepGoing, Workers: 4, Progress: progress})
		return err
	}
	start := time.Now()
	require.NoError(t, run(context.Background(), false, nil))
	full := time.Since(start)
	require.NoError(t, os.RemoveAll(out))

	before := runtime.NumGoroutine()
	cancelled := 0
	rounds := 60
	if testing.Short() {
		rounds = 12
	}
	for i := range rounds {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		ctx, cancel := context.WithCancel(context.Background())
		var progress func(done, total int64)
		if i%2 == 0 {
			at := r.Int64N(4_000_000)
			progress = func(done, _ int64) {
				if done >= at {
					cancel()
				}
			}
		} else {
			time.AfterFunc(time.Duration(r.Int64N(int64(full))), cancel)
		}
		err := run(ctx, i%3 == 0, progress)
		cancel()
		if err == nil {
			require.DirExists(t, out)
			require.NoError(t, os.RemoveAll(out))
			continue
		}
		cancelled++
		require.True(t, errors.Is(err, context.Canceled), "%v", err)
		require.Empty(t, testkit.Names(t, top))
	}
	require.Greater(t, cancelled, rounds/6)
	for range 500 { // they may need a moment to end
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}
