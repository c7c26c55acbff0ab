//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// largePackage writes a package of many small files. HOTFIX_CANCEL names another
// number of files.
func largePackage(t *testing.T) string {
	t.Helper()
	count := 10_000
	if text := os.Getenv("HOTFIX_CANCEL"); text != "" {
		_, err := fmt.Sscan(text, &count)
		require.NoError(t, err)
	}
	p := testkit.Package{Files: make([]testkit.File, count)}
	for i := range p.Files {
		p.Files[i] = testkit.File{Key: fmt.Sprintf("file%06d.dat", i), Content: fmt.Sprint(i), Hash: true}
	}
	return testkit.Write(t, t.TempDir(), "large.msi", p)
}

// TestCancelledSoon tells commands to stop at many points of time: each returns with
// no more than a tenth of a second of work after that. (extract has to remove what it
// has written, file by file.)
func TestCancelledSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a large package again and again")
	}
	large := largePackage(t)
	dir := t.TempDir()
	list := filepath.Join(dir, "list.json")
	require.Equal(t, exitOK, run(t.Context(), []string{"manifest", "create", large, "-o", list}, io.Discard, io.Discard))
	for _, args := range [][]string{
		{"info", large},
		{"list", large},
		{"list", "--json", large},
		{"tables", large, "File"},
		{"tables", "--format", "csv", large, "File"},
		{"tables", "--format", "json", large},
		{"diff", large, large},
		{"verify", large, "--manifest", "kb977203"},
		{"verify", large, "--manifest", list, "--report", filepath.Join(dir, "report.html")},
		{"verify", large, "--manifest", list, "--sbom", filepath.Join(dir, "bom.json")},
		{"manifest", "show", list},
	} {
		var worst time.Duration
		start := time.Now()
		cancelAfter(t, 0, args)
		full := time.Since(start)
		const points = 6
		for i := range points {
			worst = max(worst, cancelAfter(t, full*time.Duration(2*i+1)/(2*points), args))
		}
		t.Logf("%v: of %v, %v of work after the end was asked for", args[:len(args)-1], full, worst)
		require.Less(t, worst, cancelSlack*100*time.Millisecond, args)
	}
}

// cancelAfter runs a command, tells it to stop after that time, or not for 0, and
// returns how much processor time it took to return.
func cancelAfter(t *testing.T, after time.Duration, args []string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan time.Duration, 1)
	if after > 0 {
		defer time.AfterFunc(after, func() {
			asked <- processorTime(t)
			cancel()
		}).Stop()
	}
	var stdout bytes.Buffer
	code := run(ctx, args, &stdout, io.Discard)
	now := processorTime(t)
	select {
	case at := <-asked:
		if code == exitInterrupted && args[1] == "--json" && stdout.Len() > 0 {
			require.True(t, json.Valid(stdout.Bytes()), "one whole document")
		}
		return now - at
	default:
		return 0
	}
}

// processorTime is how long the process has worked.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
