package source

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// enough stops a walk: a fuzzer soon finds a decompression bomb.
var errEnough = errors.New("enough")

type bounded struct{ left *atomic.Int64 }

func (b bounded) Write(p []byte) (int, error) {
	if b.left.Add(-int64(len(p))) < 0 {
		return 0, errEnough
	}
	return len(p), nil
}

func (bounded) Close(error) error { return nil }

// FuzzPackage opens whatever it is given and walks over it.
func FuzzPackage(f *testing.F) {
	files := []testkit.File{
		{Key: "a", Name: "SHORT|long name", Content: "aaaa", Hash: true},
		{Key: "b", Content: "bb", Feature: "-"},
		{Key: "c", Content: "c", Attributes: msi.FileNoncompressed},
	}
	for _, p := range []testkit.Package{{Files: files}, {Files: files, Module: true}, {Files: files, Compression: cab.MSZIP, WordCount: 4}} {
		database, _ := testkit.Build(f, p)
		f.Add(database)
	}
	var cabinet bytes.Buffer
	w := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{Compression: cab.MSZIP})
	require.NoError(f, w.Add(cabtest.FileHeader{Name: `dir\file`}, bytes.NewReader(make([]byte, 1000))))
	require.NoError(f, w.Close())
	f.Add(cabinet.Bytes())
	f.Add(buildRPM(f, []rpmFile{
		{name: "/a", mode: rpmRegular, content: "linked", inode: 1},
		{name: "/b", mode: rpmRegular, content: "linked", inode: 1},
	}))
	if dir := os.Getenv("HOTFIX_CORPUS"); dir != "" {
		for _, name := range []string{"msi/psmsi-Example.msi", "msp/synth/synth.msp", "msi/wix5-MergeModule1.msm"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		p := &Package{ref: "fuzz", name: "fuzz", content: inMemory{bytes.NewReader(data)}, inside: newInsideBudget(0)}
		defer p.Close()
		if p.open(context.Background()) != nil {
			return
		}
		left := &atomic.Int64{}
		left.Store(8 << 20)
		for _, keepGoing := range []bool{false, true} {
			_ = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return bounded{left}, nil }, WalkOptions{KeepGoing: keepGoing, Workers: 2})
		}
		p.Find("a")
	})
}
