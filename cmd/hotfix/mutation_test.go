package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

const (
	// mutationHeap is what a command may hold in memory, whatever it is given.
	mutationHeap = 64 << 20
	// mutationTime is far more than any package here takes.
	mutationTime = 30 * time.Second
)

// TestMutations damages every package of the corpus in many ways. Whatever the
// damage, a command ends soon, with an exit code that says what happened and
// without an output folder after a failure.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the command a thousand times")
	}
	paceCollector() // as main does
	peak := watchHeap(t)
	seeds := mutationSeeds(t, corpus.Dir(t))
	const mutations = 1000
	for i := range mutations {
		name := seeds[i%len(seeds)]
		r := rand.New(rand.NewPCG(977203, uint64(i)))
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		data = mutate(r, data)
		// The folder's name tells which one it was should the test crash.
		dir := filepath.Join(t.TempDir(), fmt.Sprint("mutation-", i))
		require.NoError(t, os.Mkdir(dir, 0o777))
		file := filepath.Join(dir, filepath.Base(name))
		require.NoError(t, os.WriteFile(file, data, 0o666))
		place := fmt.Sprintf("mutation %d of %s", i, name)
		tryMutation(t, peak, place, dir, file, r.IntN(4) == 0)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// mutationSeeds are the packages that are small enough to be damaged often.
func mutationSeeds(t *testing.T, dir string) []string {
	t.Helper()
	var seeds []string
	for _, dir := range []string{dir, filepath.Join("..", "..", "testdata", "kb977203")} {
		require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			switch filepath.Ext(name) {
			case ".msi", ".MSI", ".msm", ".msp", ".mst", ".cab":
				if info, err := entry.Info(); err != nil || info.Size() > 3<<20 {
					return err
				}
				seeds = append(seeds, name)
			}
			return nil
		}))
	}
	slices.Sort(seeds)
	require.Greater(t, len(seeds), 80)
	return seeds
}

// mutate damages data in one to four places.
func mutate(r *rand.Rand, data []byte) []byte {
	interesting := []uint32{0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFD, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFA, 0xFFFFFFFE, 0xFFFFFFFF}
	// Structures lie at the start of cabinets and anywhere in compound files.
	at := func(n int) int {
		end := max(1, len(data)-n)
		if r.IntN(2) == 0 {
			end = min(end, 1024)
		}
		return r.IntN(end)
	}
	for range 1 + r.IntN(4) {
		if len(data) < 16 {
			return data
		}
		switch r.IntN(8) {
		case 0, 1, 2:
			data[at(1)] ^= 1 << r.IntN(8)
		case 3:
			data[at(1)] = byte(r.Uint32())
		case 4:
			binary.LittleEndian.PutUint16(data[at(2):], uint16(interesting[r.IntN(len(interesting))]))
		case 5:
			binary.LittleEndian.PutUint32(data[at(4):], interesting[r.IntN(len(interesting))])
		case 6:
			n := min(1<<r.IntN(12), len(data)/2)
			copy(data[at(n):][:n], data[at(n):])
		case 7:
			if r.IntN(4) == 0 {
				data = data[:1+r.IntN(len(data)-1)]
			} else {
				n := min(1<<r.IntN(10), len(data)/2)
				clear(data[at(n):][:n])
			}
		}
	}
	return data
}

// tryMutation runs the commands that read packages.
func tryMutation(t *testing.T, peak *atomic.Int64, place, dir, file string, keepGoing bool) {
	t.Helper()
	out := filepath.Join(dir, "out")
	extract := []string{"extract", file, "-o", out, "--max-bytes", "100000000", "--json"}
	if keepGoing {
		extract = append(extract, "--keep-going")
	}
	for _, args := range [][]string{
		{"info", file, "--json"},
		{"list", file, "--json", "--all-features"},
		{"tables", file, "--json"},
		{"verify", file, "--manifest", "KB977203-SP2", "--json", "--deep", "--max-bytes", "100000000"},
		extract,
	} {
		var stdout, stderr bytes.Buffer
		runtime.GC()
		peak.Store(0)
		start := time.Now()
		code := run(context.Background(), args, &stdout, &stderr)
		require.Less(t, time.Since(start), mutationTime, "%s: %v", place, args)
		switch {
		case code == exitOK, code == exitInput:
		case code == exitDifference && args[0] == "verify":
		case code == exitUsage && args[0] == "tables": // a cabinet has none
		default:
			require.Fail(t, "exit code", "%s: %v: exit code %d: %s", place, args, code, stderr.String())
		}
		require.Less(t, peak.Load(), int64(mutationHeap), "%s: %v", place, args)
		require.NotContains(t, stderr.String(), "goroutine ", place)
		require.True(t, json.Valid(stdout.Bytes()), "%s: %v: %s", place, args, stdout.String())
		if code == exitInput {
			require.Contains(t, stdout.String(), `"error"`, "%s: %v", place, args)
			if !keepGoing {
				require.NoDirExists(t, out, place)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.hotfix-partial"))
	require.NoError(t, err)
	require.Empty(t, left, place)
}

// watchHeap notes the most memory that objects take.
func watchHeap(t *testing.T) *atomic.Int64 {
	peak := &atomic.Int64{}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			if n := int64(sample[0].Value.Uint64()); n > peak.Load() {
				peak.Store(n)
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return peak
}
