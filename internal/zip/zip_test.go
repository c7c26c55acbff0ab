package zip

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/zip/ziptest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

var modified = time.Date(2010, 1, 25, 6, 27, 0, 0, time.UTC)

// text is compressible content of n bytes.
func text(n int) []byte {
	return []byte(strings.Repeat("certificate fix; ", n/17+1)[:n])
}

func build(t testing.TB, password string, members ...ziptest.Member) []byte {
	t.Helper()
	b, err := ziptest.Build(password, members...)
	require.NoError(t, err)
	return b
}

func open(b []byte) (*Archive, error) {
	return Open(bytes.NewReader(b), 0, int64(len(b)))
}

func read(f *File, password string) ([]byte, error) {
	r, err := f.Open(password)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// everyKind is a zip with each way of storing a member.
func everyKind(t testing.TB, password string) []byte {
	var members []ziptest.Member
	for e := ziptest.Plain; e <= ziptest.AES256WithCRC; e++ {
		for _, size := range []int{0, 1, 70_000} {
			for _, stored := range []bool{true, false} {
				members = append(members, ziptest.Member{
					Name: fmt.Sprintf("sub/e%d-%d-%t.txt", e, size, stored), Content: text(size),
					Modified: modified, Stored: stored, Encryption: e,
				})
			}
		}
	}
	return build(t, password, members...)
}

func TestMembersOfEveryKind(t *testing.T) {
	a, err := open(everyKind(t, "secret"))
	require.NoError(t, err)
	require.Len(t, a.Files, 5*3*2)
	for _, f := range a.Files {
		require.True(t, f.Modified.Equal(modified), f.Name)
		got, err := read(f, "secret")
		require.NoError(t, err, f.Name)
		require.True(t, bytes.Equal(text(int(f.Size)), got), f.Name)
		if f.Encryption == Plain {
			continue
		}
		_, err = read(f, "")
		require.ErrorIs(t, err, ErrPasswordNeeded, f.Name)
		_, err = read(f, "wrong")
		require.ErrorIs(t, err, ErrPassword, f.Name)
	}
}

// Whatever password: it is wrong, or, where the check byte fits by chance, the
// content says so.
func TestWrongPasswordsNeverYieldAMember(t *testing.T) {
	b := build(t, "secret", ziptest.Member{Name: "a.msi", Content: text(500), Encryption: ziptest.Traditional},
		ziptest.Member{Name: "b.msi", Content: text(500), Stored: true, Encryption: ziptest.Traditional})
	a, err := open(b)
	require.NoError(t, err)
	byChance := 0
	for i := range 3000 {
		for _, f := range a.Files {
			r, err := f.Open(fmt.Sprint("guess", i))
			if err == nil {
				byChance++
				_, err = io.Copy(io.Discard, r)
			}
			require.ErrorIs(t, err, ErrPassword)
		}
	}
	require.NotZero(t, byChance, "the check byte fits once in 256 times")
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	for e := ziptest.Plain; e <= ziptest.AES256WithCRC; e++ {
		b := build(t, "secret", ziptest.Member{Name: "a", Content: []byte("0123456789abcdef0123"), Stored: true, Encryption: e})
		a, err := open(b)
		require.NoError(t, err)
		from := a.Files[0].offset
		for at := from; at < from+a.Files[0].Packed; at++ {
			damaged := bytes.Clone(b)
			damaged[at] ^= 0x10
			a, err := open(damaged)
			require.NoError(t, err)
			_, err = read(a.Files[0], "secret")
			require.True(t, errors.Is(err, ErrChecksum) || errors.Is(err, ErrPassword), "%d at %d: %v", e, at, err)
		}
	}
}

func TestAroundTheZip(t *testing.T) {
	z := build(t, "", ziptest.Member{Name: "a.txt", Content: text(3000)})
	other := build(t, "", ziptest.Member{Name: "other.txt", Content: text(100)})
	prefix := bytes.Repeat([]byte("MZ program "), 900)
	for name, c := range map[string]struct {
		file    []byte
		earlier bool
		want    string
	}{
		"alone":            {z, false, "a.txt"},
		"behind a program": {append(bytes.Clone(prefix), z...), false, "a.txt"},
		"before padding":   {append(bytes.Clone(z), make([]byte, 200_000)...), false, "a.txt"},
		"two zips":         {append(append(bytes.Clone(prefix), other...), z...), true, "a.txt"},
		"one and another":  {append(append(append(bytes.Clone(prefix), z...), prefix...), other...), true, "other.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := open(c.file)
			require.NoError(t, err)
			require.Len(t, a.Files, 1)
			require.Equal(t, c.want, a.Files[0].Name)
			require.Equal(t, c.earlier, a.Earlier)
			_, err = read(a.Files[0], "")
			require.NoError(t, err)
		})
	}
}

// Offsets that count from the start of the file, as zip -A makes them.
func TestOffsetsFromTheStartOfTheFile(t *testing.T) {
	prefix := bytes.Repeat([]byte("MZ program "), 900)
	var out bytes.Buffer
	out.Write(prefix)
	w := zip.NewWriter(&out)
	w.SetOffset(int64(len(prefix)))
	e, err := w.Create("a.txt")
	require.NoError(t, err)
	_, err = e.Write(text(3000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	a, err := open(out.Bytes())
	require.NoError(t, err)
	got, err := read(a.Files[0], "")
	require.NoError(t, err)
	require.Equal(t, text(3000), got)
}

func TestNames(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(h zip.FileHeader) {
		_, err := w.CreateHeader(&h)
		require.NoError(t, err)
	}
	add(zip.FileHeader{Name: "caf\x82.txt", NonUTF8: true}) // é in code page 437
	add(zip.FileHeader{Name: "grün.txt"})
	add(zip.FileHeader{Name: `sub\back.txt`})
	add(zip.FileHeader{Name: "../up.txt"})
	add(zip.FileHeader{Name: "folder/"})
	require.NoError(t, w.Close())
	a, err := open(out.Bytes())
	require.NoError(t, err)
	var names []string
	for _, f := range a.Files {
		names = append(names, f.Name)
	}
	require.Equal(t, []string{"café.txt", "grün.txt", `sub\back.txt`, "../up.txt"}, names)
}

// patch changes bytes of the only directory entry of a zip.
func patch(b []byte, offset int, value ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[bytes.LastIndex(b, []byte(signatureEntry))+offset:], value)
	return b
}

func TestHostile(t *testing.T) {
	one := build(t, "", ziptest.Member{Name: "a", Content: text(2000), Modified: modified})
	end := len(one) - endSize
	end64 := append(bytes.Clone(one[:end]), make([]byte, end64Size+locatorSize)...)
	end64 = append(end64, one[end:]...)
	copy(end64[len(end64)-endSize+8:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"empty":               {nil, ErrTruncated},
		"cut off":             {one[:len(one)-30], ErrTruncated},
		"cut off in the end":  {one[:len(one)-3], ErrTruncated},
		"comment cut off":     {append(bytes.Clone(one[:len(one)-2]), 9, 0), ErrTruncated},
		"start is missing":    {one[len(one)-endSize-40:], ErrTruncated},
		"directory damaged":   {patch(one, 0, 'X'), ErrFormat},
		"split":               {append(bytes.Clone(one[:end+4]), append([]byte{1, 0}, one[end+6:]...)...), ErrMethod},
		"zip64 without":       {end64, ErrFormat},
		"size beyond the end": {patch(one, 20, 0xff, 0xff, 0xff, 0x7f), ErrTruncated},
		"longer than claimed": {patch(one, 24, 0x10, 0), ErrChecksum},
		"shorter":             {patch(one, 24, 0, 0, 1), ErrChecksum},
		"wrong CRC":           {patch(one, 16, 1, 2, 3, 4), ErrChecksum},
		"LZMA":                {patch(one, 10, 14), ErrMethod},
		"unknown method":      {patch(one, 10, 77), ErrMethod},
		"strong encryption":   {patch(one, 8, flagEncrypted|flagStrong), ErrMethod},
		"AES without a field": {patch(one, 8, flagEncrypted, 0, methodAES), ErrFormat},
		"no local header":     {patch(one, 42, 7), ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := open(c.file)
			if err == nil {
				require.Len(t, a.Files, 1)
				_, err = read(a.Files[0], "password")
			}
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestOverlappingEntriesAreRefused(t *testing.T) {
	b := build(t, "", ziptest.Member{Name: "aaaa", Content: text(4000)}, ziptest.Member{Name: "bbbb", Content: text(4000)})
	second := bytes.LastIndex(b, []byte(signatureEntry))
	copy(b[second+42:], "\x00\x00\x00\x00") // the header of the first
	_, err := open(b)
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, `"aaaa"`)
	require.ErrorContains(t, err, `"bbbb"`)
}

func TestTooManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200,001 entries")
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := range MaxFiles + 1 {
		_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err := open(out.Bytes())
	require.ErrorIs(t, err, ErrLimit)
}

// 7-Zip writes what is read here, and reads what is written.
func TestAgainst7Zip(t *testing.T) {
	sevenZip := corpus.Tool(t, "7zz")
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		c := exec.Command(sevenZip, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), text(300_000), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty.txt"), nil, 0o600))
	for name, args := range map[string][]string{
		"plain":     {},
		"ZipCrypto": {"-mem=ZipCrypto", "-psecret"},
		"AES128":    {"-mem=AES128", "-psecret"},
		"AES192":    {"-mem=AES192", "-psecret"},
		"AES256":    {"-mem=AES256", "-psecret"},
		"stored":    {"-mem=AES256", "-psecret", "-mx0"},
		"bzip2":     {"-mm=BZip2"},
	} {
		t.Run(name, func(t *testing.T) {
			run(append([]string{"a", "-tzip", name + ".zip", "a.txt", "empty.txt"}, args...)...)
			b, err := os.ReadFile(filepath.Join(dir, name+".zip"))
			require.NoError(t, err)
			a, err := open(b)
			require.NoError(t, err)
			require.Len(t, a.Files, 2)
			for _, f := range a.Files {
				got, err := read(f, "secret")
				require.NoError(t, err)
				want, err := os.ReadFile(filepath.Join(dir, f.Name))
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got), f.Name)
			}
		})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ours.zip"), everyKind(t, "secret"), 0o600))
	run("t", "-psecret", "ours.zip")
}

func TestCorpus(t *testing.T) {
	path := corpus.Path(t, "wide", "sfx", "winzip-sfx-vexis.exe")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	a, err := open(b)
	require.NoError(t, err)
	contents, err := os.ReadFile(corpus.Path(t, "wide", "sfx", "CONTENTS.tsv"))
	require.NoError(t, err)
	want := map[string]string{}
	for line := range strings.Lines(string(contents)) {
		if cell := strings.Split(line, "\t"); cell[0] == "winzip-sfx-vexis.exe" {
			want[cell[3]] = cell[5]
		}
	}
	got := map[string]string{}
	for _, f := range a.Files {
		content, err := read(f, "")
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		got[f.Name] = hex.EncodeToString(sum[:])
	}
	require.Equal(t, want, got)
}

func FuzzOpen(f *testing.F) {
	f.Add(everyKind(f, "secret"))
	f.Add(build(f, "", ziptest.Member{Name: "a", Content: text(2000)}))
	f.Add(append([]byte("MZ"), build(f, "x", ziptest.Member{Name: "a", Stored: true, Encryption: ziptest.Traditional})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := open(b)
		if err != nil {
			return
		}
		for _, file := range a.Files {
			r, err := file.Open("secret")
			if err != nil {
				continue
			}
			n, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			if n > file.Size {
				t.Fatalf("%q: %d bytes of %d", file.Name, n, file.Size)
			}
			if err == nil && n < file.Size && n < 1<<20 {
				t.Fatalf("%q: it ended after %d of %d bytes without an error", file.Name, n, file.Size)
			}
		}
	})
}
