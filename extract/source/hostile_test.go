package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// A bomb is a cabinet whose folders all have the same blocks, which no writer
// makes.
type bomb struct {
	compression     cab.Compression
	block           []byte // without header
	size            int    // of a block, decompressed
	blocks, folders int
	members         []bombMember
}

type bombMember struct {
	name         string
	size, offset uint32
	folder       int
}

func (b bomb) build() []byte {
	le := binary.LittleEndian
	var files, data []byte
	for _, m := range b.members {
		files = le.AppendUint32(files, m.size)
		files = le.AppendUint32(files, m.offset)
		files = le.AppendUint16(files, uint16(m.folder))
		files = append(files, 0, 0, 0, 0, 0, 0)
		files = append(files, m.name+"\x00"...)
	}
	for range b.blocks {
		data = append(data, 0, 0, 0, 0) // no checksum
		data = le.AppendUint16(data, uint16(len(b.block)))
		data = le.AppendUint16(data, uint16(b.size))
		data = append(data, b.block...)
	}
	const header, folder = 36, 8
	start := header + folder*b.folders + len(files)
	out := append([]byte("MSCF"), make([]byte, header-4)...)
	le.PutUint32(out[8:], uint32(start+len(data)))
	le.PutUint32(out[16:], uint32(header+folder*b.folders))
	out[24], out[25] = 3, 1
	le.PutUint16(out[26:], uint16(b.folders))
	le.PutUint16(out[28:], uint16(len(b.members)))
	for range b.folders {
		out = le.AppendUint32(out, uint32(start))
		out = le.AppendUint16(out, uint16(b.blocks))
		out = le.AppendUint16(out, uint16(b.compression))
	}
	return append(append(out, files...), data...)
}

// zeros is an MSZIP block of 32 KiB.
func zeros(t *testing.T) []byte {
	packed := bytes.NewBufferString("CK")
	w, err := flate.NewWriter(packed, flate.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 32<<10))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.Bytes()
}

// A cabinet of a few MB can ask for 128 TiB to be decoded although its members
// are one byte each: the work is bounded, not only what is written.
func TestWorkIsBounded(t *testing.T) {
	const folders, blocks = 1000, 65535
	var lastBytes []bombMember
	for i := range folders {
		lastBytes = append(lastBytes, bombMember{fmt.Sprint(i), 1, blocks - 1, i})
	}
	for name, b := range map[string]bomb{
		"MSZIP":  {cab.MSZIP, zeros(t), 32 << 10, blocks, folders, lastBytes},
		"stored": {cab.None, []byte{0}, 1, blocks, folders, lastBytes},
	} {
		if b.compression == cab.MSZIP {
			for i := range b.members {
				b.members[i].offset = blocks*32<<10 - 1
			}
		}
		file := filepath.Join(t.TempDir(), "bomb.cab")
		require.NoError(t, os.WriteFile(file, b.build(), 0o666))
		p, err := Open(t.Context(), file, Options{MaxBytes: 50 << 20})
		require.NoError(t, err)
		start := time.Now()
		err = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return discard{}, nil }, WalkOptions{})
		require.ErrorIs(t, err, ErrTooLarge, name)
		require.ErrorAs(t, err, new(*Error))
		require.Less(t, time.Since(start), 20*time.Second)
		require.NoError(t, p.Close())
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close(error) error           { return nil }

// The streams of a database may share their sectors, so that one cabinet in it
// counts as thousands.
func TestMembersAreBounded(t *testing.T) {
	var members []bombMember
	for i := range 65535 {
		members = append(members, bombMember{fmt.Sprint(i), 0, 0, 0})
	}
	db, err := msi.New(msi.KindPatch, 1252)
	require.NoError(t, err)
	require.NoError(t, db.SetStream("cab", bomb{block: []byte{0}, size: 1, blocks: 1, folders: 1, members: members}.build()))
	require.NoError(t, db.Summary().SetString(msi.PIDRevision, "{11111111-2222-3333-4444-555555555555}"))
	const names = "copy%04d"
	for i := range 2000 {
		require.NoError(t, db.SetStream(fmt.Sprintf(names, i), []byte("MSCF!")))
	}
	var out bytes.Buffer
	require.NoError(t, db.Save(&out))
	file := filepath.Join(t.TempDir(), "bomb.msp")
	require.NoError(t, os.WriteFile(file, shareSectors(t, out.Bytes()), 0o666))
	_, err = Open(t.Context(), file, Options{})
	require.ErrorContains(t, err, "members")
}

// shareSectors makes every stream of five bytes one with the largest stream.
func shareSectors(t *testing.T, file []byte) []byte {
	const entry, kind, stream, start, size = 128, 66, 2, 116, 120
	le := binary.LittleEndian
	var largest []byte
	each := func(f func(e []byte)) {
		for at := 0; at+entry <= len(file); at += entry {
			e := file[at:][:entry]
			if length := le.Uint16(e[64:]); e[kind] == stream && length > 2 && length <= 64 && le.Uint64(e[size:]) < uint64(len(file)) {
				f(e)
			}
		}
	}
	each(func(e []byte) {
		if largest == nil || le.Uint64(e[size:]) > le.Uint64(largest[size:]) {
			largest = e
		}
	})
	shared := 0
	each(func(e []byte) {
		if le.Uint64(e[size:]) == 5 {
			copy(e[start:], largest[start:])
			shared++
		}
	})
	require.Greater(t, shared, 1000)
	return file
}

// Sixteen packages inside one another must fit into MaxBytes together, however
// small each of them is.
func TestNestedPackagesShareTheLimit(t *testing.T) {
	inner := make([]byte, 1<<20)
	name := "data"
	for range maxDepth {
		var out bytes.Buffer
		w := cabtest.NewWriter(&out, cabtest.WriterOptions{})
		require.NoError(t, w.Add(cabtest.FileHeader{Name: name}, bytes.NewReader(inner)))
		require.NoError(t, w.Close())
		inner, name = out.Bytes(), "x"
	}
	file := filepath.Join(t.TempDir(), "nest.cab")
	require.NoError(t, os.WriteFile(file, inner, 0o666))
	ref := file + strings.Repeat("//x", maxDepth-1)
	p, err := Open(t.Context(), ref, Options{MaxBytes: 20 << 20})
	require.NoError(t, err)
	require.Equal(t, "data", p.Files()[0].Path())
	require.NoError(t, p.Close())
	require.Zero(t, p.inside.unpacked.spent.Load())
	_, err = Open(t.Context(), ref, Options{MaxBytes: 10 << 20})
	require.ErrorIs(t, err, ErrLimit)
}

// Names of external cabinets and of uncompressed files that lead out of the
// package's folder are refused, whatever lies there.
func TestNamesBesideThePackage(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "in")
	require.NoError(t, os.Mkdir(dir, 0o777))
	for _, name := range []string{`..\secret.cab`, "../secret.cab", filepath.Join(top, "secret.cab"), `C:\secret.cab`, `\\server\share\secret.cab`, "NUL", "COM1", "secret.cab:stream", "secret.cab."} {
		database, beside := testkit.Build(t, testkit.Package{
			Media: []testkit.Media{{Files: 1, Cabinet: name}},
			Files: []testkit.File{{Key: "a", Content: "a"}},
		})
		require.NoError(t, os.WriteFile(filepath.Join(top, "secret.cab"), beside[name], 0o666))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p.msi"), database, 0o666))
		p, err := Open(t.Context(), filepath.Join(dir, "p.msi"), Options{})
		require.NoError(t, err)
		err = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return discard{}, nil }, WalkOptions{})
		require.ErrorContains(t, err, "unsafe name", name)
		require.NoError(t, p.Close())
	}
}
