package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/sassoftware/go-rpmutils"
	"github.com/sassoftware/go-rpmutils/cpio"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// rpmFile is a file of an rpm that a test builds.
type rpmFile struct {
	name    string
	mode    int
	content string
	link    string // symbolic link to
	inode   int
	ghost   bool
	digest  string // instead of the right one
	header  string // name in the cpio archive, where it is not name
}

const rpmRegular = cpio.S_ISREG | 0o644

// rpmHeaderBlock collects the tags of one header.
type rpmHeaderBlock struct {
	index, store bytes.Buffer
	count        int
}

func (h *rpmHeaderBlock) add(tag, kind, count int, align int, data []byte) {
	for align > 0 && h.store.Len()%align != 0 {
		h.store.WriteByte(0)
	}
	for _, n := range []int{tag, kind, h.store.Len(), count} {
		_ = binary.Write(&h.index, binary.BigEndian, int32(n))
	}
	h.store.Write(data)
	h.count++
}

func (h *rpmHeaderBlock) strings(tag int, values ...string) {
	h.add(tag, rpmutils.RPM_STRING_ARRAY_TYPE, len(values), 0, []byte(strings.Join(values, "\x00")+"\x00"))
}

func (h *rpmHeaderBlock) text(tag int, value string) {
	h.add(tag, rpmutils.RPM_STRING_TYPE, 1, 0, []byte(value+"\x00"))
}

func (h *rpmHeaderBlock) ints(tag int, values ...int) {
	var data bytes.Buffer
	for _, v := range values {
		_ = binary.Write(&data, binary.BigEndian, int32(v))
	}
	h.add(tag, rpmutils.RPM_INT32_TYPE, len(values), 4, data.Bytes())
}

func (h *rpmHeaderBlock) bytes() []byte {
	var out bytes.Buffer
	for _, n := range []uint32{rpmHeaderMagic, 0, uint32(h.count), uint32(h.store.Len())} {
		_ = binary.Write(&out, binary.BigEndian, n)
	}
	out.Write(h.index.Bytes())
	out.Write(h.store.Bytes())
	return out.Bytes()
}

// buildRPM makes an rpm with a gzip payload.
func buildRPM(t testing.TB, files []rpmFile) []byte {
	t.Helper()
	var archive, payload bytes.Buffer
	entry := func(name string, f rpmFile, content string) {
		fmt.Fprintf(&archive, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", f.inode, f.mode, 0, 0, 1, 0,
			len(content), 0, 0, 0, 0, len(name)+1, 0)
		archive.WriteString(name + "\x00")
		for archive.Len()%4 != 0 {
			archive.WriteByte(0)
		}
		archive.WriteString(content)
		for archive.Len()%4 != 0 {
			archive.WriteByte(0)
		}
	}
	var names, users, digests, links []string
	var sizes, modes, times, flags, inodes, devices []int
	for _, f := range files {
		names = append(names, f.name)
		users = append(users, "root")
		links = append(links, f.link)
		modes = append(modes, f.mode)
		times = append(times, int(testkit.Modified.Unix()))
		inodes = append(inodes, f.inode)
		devices = append(devices, 1)
		sizes = append(sizes, len(f.content))
		sum := sha256.Sum256([]byte(f.content))
		digest := hex.EncodeToString(sum[:])
		if f.mode&^0o7777 != cpio.S_ISREG {
			digest = ""
		}
		if f.digest != "" {
			digest = f.digest
		}
		digests = append(digests, digest)
		flag := 0
		if f.ghost {
			flag = rpmFlagGhost
		}
		flags = append(flags, flag)
	}
	for i, f := range files {
		// Of hard links the last one has the content.
		last := !slices.ContainsFunc(files[i+1:], func(o rpmFile) bool { return f.inode != 0 && o.inode == f.inode })
		name := "." + f.name
		if f.header != "" {
			name = f.header
		}
		switch {
		case f.ghost:
		case f.link != "":
			entry(name, f, f.link)
		case last:
			entry(name, f, f.content)
		default:
			entry(name, f, "")
		}
	}
	entry("TRAILER!!!", rpmFile{}, "")
	z := gzip.NewWriter(&payload)
	_, err := z.Write(archive.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())

	var main rpmHeaderBlock
	main.text(rpmutils.NAME, "test")
	main.text(rpmutils.VERSION, "1")
	main.text(rpmutils.RELEASE, "1")
	main.text(rpmutils.ARCH, "noarch")
	main.text(rpmutils.PAYLOADFORMAT, "cpio")
	main.text(rpmutils.PAYLOADCOMPRESSOR, "gzip")
	if len(files) > 0 {
		main.strings(rpmutils.OLDFILENAMES, names...)
		main.ints(rpmutils.FILESIZES, sizes...)
		main.ints(rpmutils.FILEMODES, modes...)
		main.ints(rpmutils.FILEMTIMES, times...)
		main.strings(rpmutils.FILEDIGESTS, digests...)
		main.strings(rpmutils.FILELINKTOS, links...)
		main.ints(rpmutils.FILEFLAGS, flags...)
		main.strings(rpmutils.FILEUSERNAME, users...)
		main.strings(rpmutils.FILEGROUPNAME, users...)
		main.ints(rpmutils.FILEINODES, inodes...)
		main.ints(rpmutils.FILEDEVICES, devices...)
		main.ints(rpmutils.FILEDIGESTALGO, 8)
	}
	sum := sha256.Sum256(payload.Bytes())
	main.strings(rpmutils.PAYLOADDIGEST, hex.EncodeToString(sum[:]))
	main.ints(rpmutils.PAYLOADDIGESTALGO, 8)
	header := main.bytes()

	var signature rpmHeaderBlock
	headerSum := sha256.Sum256(header)
	signature.text(rpmutils.SIG_SHA256, hex.EncodeToString(headerSum[:]))
	all := md5.Sum(append(slices.Clone(header), payload.Bytes()...))
	signature.add(1004, rpmutils.RPM_BIN_TYPE, len(all), 0, all[:])

	rpm := append([]byte("\xED\xAB\xEE\xDB\x03\x00"), make([]byte, rpmLeadSize-6)...)
	rpm = append(rpm, signature.bytes()...)
	for len(rpm)%8 != 0 {
		rpm = append(rpm, 0)
	}
	return append(append(rpm, header...), payload.Bytes()...)
}

func writeTemp(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, content, 0o666))
	return name
}

func TestRPM(t *testing.T) {
	inner, beside := testkit.Build(t, testkit.Package{
		Media: []testkit.Media{{Files: 1, Cabinet: "data.cab"}, {Files: 1}},
		Files: []testkit.File{{Key: "f", Name: "f.txt", Content: "from the cabinet"}, {Key: "u", Name: "u.txt", Content: "uncompressed", Attributes: msi.FileNoncompressed}},
	})
	name := writeTemp(t, "outer.rpm", buildRPM(t, []rpmFile{
		{name: "/opt/x", mode: cpio.S_ISDIR | 0o755},
		{name: "/opt/x/data.cab", mode: rpmRegular, content: string(beside["data.cab"])},
		{name: "/opt/x/inner.msi", mode: rpmRegular, content: string(inner)},
		{name: "/opt/x/link", mode: cpio.S_ISLNK | 0o777, link: "../../../etc/passwd"},
		{name: "/opt/x/u.txt", mode: rpmRegular, content: "uncompressed"},
		{name: "/opt/y/hard1", mode: rpmRegular, content: "linked", inode: 7},
		{name: "/opt/y/hard2", mode: rpmRegular, content: "linked", inode: 7},
		{name: "/var/log/ghost", mode: rpmRegular, ghost: true},
	}))
	p := open(t, name, Options{})
	require.Equal(t, RPM, p.Kind())
	require.Equal(t, []string{"opt/x/data.cab", "opt/x/inner.msi", "opt/x/u.txt", "opt/y/hard1", "opt/y/hard2"}, paths(p.Files()))
	require.Len(t, p.LeftOut(), 2)
	require.Contains(t, p.LeftOut()[0].Reason, "symbolic link to ../../../etc/passwd")
	require.Contains(t, p.LeftOut()[1].Reason, "ghost")
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Len(t, got.whole, 5)
	require.Equal(t, testkit.Modified, got.times["opt/x/data.cab"])
	require.Equal(t, "linked", got.whole["opt/y/hard1"])
	require.Equal(t, "linked", got.whole["opt/y/hard2"])
	require.Equal(t, "uncompressed", got.whole["opt/x/u.txt"])

	got, err = collect(p, WalkOptions{Files: p.Files()[3:4]})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"opt/y/hard1": "linked"}, got.whole)

	got, err = collect(open(t, name+"//opt/x/inner.msi", Options{}), WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"App/f.txt": "from the cabinet", "App/u.txt": "uncompressed"}, got.whole)
}

func TestRPMDamage(t *testing.T) {
	whole := buildRPM(t, []rpmFile{
		{name: "/a", mode: rpmRegular, content: "first file"},
		{name: "/b", mode: rpmRegular, content: strings.Repeat("second", 1000)},
	})
	for at := rpmLeadSize; at < len(whole); at += 3 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x11
		p, err := Open(t.Context(), writeTemp(t, "x.rpm", damaged), Options{})
		if err != nil {
			require.True(t, isOneOf(err, ErrFormat, ErrMismatch), "byte %d: %v", at, err)
			continue
		}
		got, err := collect(p, WalkOptions{})
		require.NoError(t, p.Close())
		if err == nil {
			// The signature header itself is covered by nothing.
			require.Equal(t, map[string]string{"a": "first file", "b": strings.Repeat("second", 1000)}, got.whole, "byte %d", at)
			continue
		}
		require.True(t, isOneOf(err, ErrFormat, ErrMismatch), "byte %d: %v", at, err)
	}
	for end := 0; end < len(whole); end += 7 {
		p, err := Open(t.Context(), writeTemp(t, "x.rpm", whole[:end]), Options{})
		if err == nil {
			_, err = collect(p, WalkOptions{})
			require.NoError(t, p.Close())
		}
		require.True(t, isOneOf(err, ErrKind, ErrFormat, ErrMismatch), "cut off at %d: %v", end, err)
	}

	p := open(t, writeTemp(t, "x.rpm", buildRPM(t, []rpmFile{
		{name: "/good", mode: rpmRegular, content: "good"},
		{name: "/bad", mode: rpmRegular, content: "bad", digest: strings.Repeat("00", 32)},
		{name: "/other", mode: rpmRegular, content: "other"},
	})), Options{})
	_, err := collect(p, WalkOptions{})
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorContains(t, err, "bad")
	got, err := collect(p, WalkOptions{KeepGoing: true})
	require.ErrorIs(t, err, ErrMismatch)
	require.Equal(t, map[string]string{"good": "good", "other": "other"}, got.whole)

	p = open(t, writeTemp(t, "x.rpm", buildRPM(t, []rpmFile{
		{name: "/a", mode: rpmRegular, content: "a"},
		{name: "/b", mode: rpmRegular, content: "b", header: "./c"},
	})), Options{})
	_, err = collect(p, WalkOptions{})
	require.ErrorIs(t, err, ErrFormat)
}

func isOneOf(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// rpmutilsTestdata is where the module go-rpmutils keeps its test packages.
func rpmutilsTestdata(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sassoftware/go-rpmutils").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "testdata")
}

func TestRPMPayloadCompressions(t *testing.T) {
	dir := rpmutilsTestdata(t)
	for _, compression := range []string{"w.ufdio", "w3.zstdio", "w6.lzdio", "w6.xzdio", "w9.bzdio", "w9.gzdio"} {
		p := open(t, filepath.Join(dir, "payload-test-0.1-"+compression+".x86_64.rpm"), Options{})
		require.Len(t, p.Files(), 1, compression)
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err, compression)
		require.Len(t, got.whole, 1, compression)
		for name, content := range got.whole {
			require.Len(t, content, int(p.Files()[0].Size), name)
		}
	}
	for _, name := range []string{"empty-0.1-1.x86_64.rpm", "simple-1.0.1-1.i386.rpm", "one-epoch-0.1-1.x86_64.rpm", "nfpm/test-1.0.0.x86_64.rpm"} {
		p := open(t, filepath.Join(dir, filepath.FromSlash(name)), Options{})
		got, err := collect(p, WalkOptions{})
		require.NoError(t, err, name)
		require.Len(t, got.whole, len(p.Files()), name)
	}
}

func TestRPMSignature(t *testing.T) {
	unsigned := buildRPM(t, []rpmFile{{name: "/a", mode: rpmRegular, content: "a"}})
	signer, err := openpgp.NewEntity("Signer", "", "signer@example.com", nil)
	require.NoError(t, err)
	stranger, err := openpgp.NewEntity("Stranger", "", "stranger@example.com", nil)
	require.NoError(t, err)
	ring := func(entity *openpgp.Entity) string {
		var out bytes.Buffer
		require.NoError(t, entity.Serialize(&out))
		return writeTemp(t, "ring.pgp", out.Bytes())
	}
	header, err := rpmutils.SignRpmStream(bytes.NewReader(unsigned), signer.PrivateKey, nil)
	require.NoError(t, err)
	start, err := header.DumpSignatureHeader(false)
	require.NoError(t, err)
	signed := append(start, unsigned[header.OriginalSignatureHeaderSize():]...)

	p := open(t, writeTemp(t, "signed.rpm", signed), Options{Keyring: ring(signer)})
	got, err := collect(p, WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "a"}, got.whole)

	_, err = Open(t.Context(), writeTemp(t, "unsigned.rpm", unsigned), Options{Keyring: ring(signer)})
	require.ErrorIs(t, err, ErrSignature)
	require.ErrorContains(t, err, "not signed")
	_, err = Open(t.Context(), writeTemp(t, "signed.rpm", signed), Options{Keyring: ring(stranger)})
	require.ErrorIs(t, err, ErrSignature)
	tampered := slices.Clone(signed)
	tampered[len(tampered)-1] ^= 1
	_, err = Open(t.Context(), writeTemp(t, "tampered.rpm", tampered), Options{Keyring: ring(signer)})
	require.ErrorIs(t, err, ErrSignature)
	_, err = Open(t.Context(), writeTemp(t, "signed.rpm", signed), Options{Keyring: writeTemp(t, "ring", []byte("no keys"))})
	require.ErrorIs(t, err, ErrSignature)
}

func TestRPMWalkCancelled(t *testing.T) {
	p := open(t, writeTemp(t, "x.rpm", buildRPM(t, []rpmFile{{name: "/a", mode: rpmRegular, content: strings.Repeat("a", 1<<20)}})), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	err := p.Walk(ctx, func(*File, Stored) (Sink, error) { return cancelling{cancel}, nil }, WalkOptions{})
	require.ErrorIs(t, err, context.Canceled)
	err = p.Walk(context.Background(), func(*File, Stored) (Sink, error) { return failing{write: io.ErrShortWrite}, nil }, WalkOptions{})
	require.Equal(t, io.ErrShortWrite, err)
}

type cancelling struct{ cancel func() }

func (c cancelling) Write(p []byte) (int, error) { c.cancel(); return len(p), nil }
func (c cancelling) Close(error) error           { return nil }
