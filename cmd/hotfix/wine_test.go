//go:build wine

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// A winePrefix runs the Windows build of the command.
type winePrefix struct {
	dir, exe string
	env      []string
}

func newWinePrefix(t *testing.T) *winePrefix {
	t.Helper()
	w := &winePrefix{dir: t.TempDir()}
	prefix := filepath.Join(w.dir, "prefix")
	w.env = append(os.Environ(), "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY=",
		"GODEBUG=asyncpreemptoff=1") // Wine crashes now and then when a thread is stopped to move its program counter
	w.exe = filepath.Join(w.dir, "hotfix.exe")
	build := exec.Command("go", "build", "-o", w.exe, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	w.wine(t, "wineboot", "-i")
	w.wine(t, "wineserver", "-w")
	system := filepath.Join(prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(system); errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, os.WriteFile(system, randomDLL(), 0o666))
	}
	t.Cleanup(func() { w.wine(t, "wineserver", "-k") })
	return w
}

// wine runs a program of Wine itself.
func (w *winePrefix) wine(t *testing.T, args ...string) {
	t.Helper()
	if args[0] != "wineserver" {
		args = append([]string{"wine"}, args...)
	}
	name, err := exec.LookPath(args[0])
	if err != nil && args[0] == "wineserver" {
		name = "/usr/lib/wine/wineserver" // Debian keeps it out of the path
	}
	cmd := exec.Command(name, args[1:]...)
	cmd.Env = w.env
	_ = cmd.Run() // wineserver -k without a server fails; the command shows whether the prefix works
}

// run runs hotfix.exe in a folder and returns its exit code and what it printed.
func (w *winePrefix) run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.Command(corpus.Tool(t, "wine"), append([]string{w.exe}, args...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = w.env, dir, &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// randomDLL is bcryptprimitives.dll with the one function that Go's runtime
// cannot start without, ProcessPrng(buffer, length), which Wine 8 lacks.
func randomDLL() []byte {
	const (
		rva, raw, base = 0x1000, 0x200, 0x180000000
		exports        = 0x40 // within the section
	)
	code := []byte{
		0x48, 0x85, 0xD2, // test rdx, rdx
		0x74, 0x0D, // jz done
		0x0F, 0xC7, 0xF0, // next: rdrand eax
		0x88, 0x01, // mov [rcx], al
		0x48, 0xFF, 0xC1, // inc rcx
		0x48, 0xFF, 0xCA, // dec rdx
		0x75, 0xF3, // jnz next
		0xB8, 1, 0, 0, 0, // done: mov eax, 1
		0xC3, // ret
	}
	le := binary.LittleEndian
	image := make([]byte, 2*raw)
	put16 := func(at int, v uint16) { le.PutUint16(image[at:], v) }
	put32 := func(at int, v uint32) { le.PutUint32(image[at:], v) }
	copy(image, "MZ")
	put32(0x3C, 0x40) // e_lfanew
	copy(image[0x40:], "PE\x00\x00")
	put16(0x44, 0x8664) // Machine: x64
	put16(0x46, 1)      // NumberOfSections
	put16(0x54, 240)    // SizeOfOptionalHeader
	put16(0x56, 0x2022) // DLL, executable, large addresses
	const optional = 0x58
	put16(optional, 0x20B) // PE32+
	le.PutUint64(image[optional+24:], base)
	put32(optional+32, 0x1000)       // SectionAlignment
	put32(optional+36, raw)          // FileAlignment
	put16(optional+40, 6)            // MajorOperatingSystemVersion
	put16(optional+48, 6)            // MajorSubsystemVersion
	put32(optional+56, rva+0x1000)   // SizeOfImage
	put32(optional+60, raw)          // SizeOfHeaders
	put16(optional+68, 3)            // Subsystem: console
	put16(optional+70, 0x100)        // DllCharacteristics: NX
	put32(optional+108, 16)          // NumberOfRvaAndSizes
	put32(optional+112, rva+exports) // export directory
	put32(optional+116, 0x100)       // and its size
	section := optional + 240
	copy(image[section:], ".text")
	put32(section+8, raw)         // VirtualSize
	put32(section+12, rva)        // VirtualAddress
	put32(section+16, raw)        // SizeOfRawData
	put32(section+20, raw)        // PointerToRawData
	put32(section+36, 0x60000020) // code, execute, read
	copy(image[raw:], code)
	at := raw + exports
	put32(at+12, rva+0x80) // Name
	put32(at+16, 1)        // Base
	put32(at+20, 1)        // NumberOfFunctions
	put32(at+24, 1)        // NumberOfNames
	put32(at+28, rva+0x70) // AddressOfFunctions
	put32(at+32, rva+0x74) // AddressOfNames
	put32(at+36, rva+0x78) // AddressOfNameOrdinals
	put32(raw+0x70, rva)
	put32(raw+0x74, rva+0xA0)
	copy(image[raw+0x80:], "bcryptprimitives.dll\x00")
	copy(image[raw+0xA0:], "ProcessPrng\x00")
	return image
}

// TestWine requires of the Windows build what the others do: the same output, byte
// for byte, and the same folders.
func TestWine(t *testing.T) {
	w := newWinePrefix(t)
	t.Run("same", w.testSame)
	t.Run("folders", w.testFolders)
	t.Run("read-only files", w.testReadOnly)
	t.Run("busy", w.testBusy)
	t.Run("image", w.testImage)
}

// testImage installs an image that we wrote with the installer of Wine: its
// database must be accepted, and the files be found where it says. (Wine has no
// administrative installation to compare with.)
func (w *winePrefix) testImage(t *testing.T) {
	dir := t.TempDir()
	const name = "SCCM2007-SP2-KB977203-ENU.msi"
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "kb977203", name))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	code, _, stderr := w.run(t, dir, "extract", name, "-o", "image")
	require.Zero(t, code, stderr)

	windows := func(elem ...string) string {
		return "Z:" + strings.ReplaceAll(filepath.Join(append([]string{dir}, elem...)...), "/", `\`)
	}
	cmd := exec.Command(corpus.Tool(t, "wine"), "msiexec", "/qn", "/i", windows("image", name), "TARGETDIR="+windows("installed"))
	cmd.Env = w.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	image := contents(t, filepath.Join(dir, "image"))
	require.Len(t, image, 10, "without the packages inside, which contents passes over")
	require.True(t, maps.Equal(image, contents(t, filepath.Join(dir, "installed"))))
}

func (w *winePrefix) testSame(t *testing.T) {
	dir := t.TempDir()
	add := func(name string, elem ...string) {
		data, err := os.ReadFile(filepath.Join(elem...))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	fixtures := filepath.Join("..", "..", "testdata", "kb977203")
	add("SP1.msi", fixtures, "SCCM2007-SP1-KB977203-ENU.msi")
	add("SP2.msi", fixtures, "SCCM2007-SP2-KB977203-ENU.msi")
	commands := [][]string{
		{"stage", "SP1.msi", "-o", "out", "--json"},
		{"stage", "SP2.msi", "-o", "out", "--json"},
		{"verify", "SP1.msi", "--manifest", "KB977203-SP1", "--deep", "--json", "--report", "report.html", "--sbom", "sbom.json"},
		{"verify", "SP2.msi", "--manifest", "KB977203-SP2", "--json"},
		{"verify", "SP1.msi", "--manifest", "KB977203-SP2", "--json"},
		{"extract", "SP2.msi//bin/i386/Mp.msi", "-o", "out", "--json"},
		{"extract", "SP2.msi", "-o", "out", "--layout", "flat", "--json"},
		{"extract", "missing.msi", "-o", "out", "--json"},
		{"info", "SP1.msi", "SP2.msi", "--json"},
		{"manifest", "show", "KB977203-SP2", "--json"},
		{"diff", "SP1.msi", "SP2.msi", "--json"},
	}
	packages := []string{"SP1.msi", "SP2.msi"}
	if os.Getenv("HOTFIX_CORPUS") != "" {
		for _, name := range []string{
			"msi/NUnit-2.5.2.9222.msi", "msi/VBRuntime.msi", "msi/wix5-wixstdba-lzx.msi", "msi/wix3-he-il.msi", "msi/wix3-simplemedia.msi",
			"msp/synth/synth.msp", "cab/enc/lzx21-3folders.cab", "cab/enc/qtm18.cab", "cab/crafted/bad-none-csum.cab",
		} {
			add(filepath.Base(name), corpus.Path(t, name))
			packages = append(packages, filepath.Base(name))
		}
	}
	for _, name := range packages {
		commands = append(commands,
			[]string{"extract", name, "-o", "out", "--json"},
			[]string{"list", name, "--json"},
			[]string{"tables", name, "--json"},
		)
	}
	for _, args := range commands {
		ended, stdout, stderr := native(dir, nil, args...)
		tree := takeTree(t, dir)
		wineEnded, wineStdout, wineStderr := w.run(t, dir, args...)
		require.Equal(t, ended, wineEnded, "%v: %s", args, wineStderr)
		if args[1] != "missing.msi" { // the text is the operating system's
			require.Equal(t, stdout, wineStdout, "%v", args)
			require.Equal(t, stderr, strings.ReplaceAll(wineStderr, "\r\n", "\n"), "%v", args)
		}
		require.Equal(t, tree, takeTree(t, dir), "%v", args)
	}
}

// testFolders meets folders that exist.
func (w *winePrefix) testFolders(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "SP2.msi"), data, 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o777))
	code, _, stderr := w.run(t, dir, "extract", "SP2.msi", "-o", "empty")
	require.Zero(t, code, stderr)
	require.FileExists(t, filepath.Join(dir, "empty", "bin", "i386", "Mp.msi"))

	code, _, stderr = w.run(t, dir, "extract", "SP2.msi", "-o", "empty")
	require.Equal(t, exitOutput, code, stderr)
	require.Contains(t, stderr, "--merge")

	// What exists in another case is the same file.
	full := filepath.Join(dir, "full")
	require.NoError(t, os.MkdirAll(filepath.Join(full, "BIN", "I386"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(full, "BIN", "I386", "MP.MSI"), []byte("old"), 0o444))
	require.NoError(t, os.WriteFile(filepath.Join(full, "keep"), []byte("kept"), 0o666))
	code, _, stderr = w.run(t, dir, "extract", "SP2.msi", "-o", "full", "--merge")
	require.Zero(t, code, stderr)
	merged, err := os.ReadFile(filepath.Join(full, "BIN", "I386", "MP.MSI"))
	require.NoError(t, err)
	require.Greater(t, len(merged), 1<<20)
	require.FileExists(t, filepath.Join(full, "keep"))
	require.NoDirExists(t, filepath.Join(full, "bin"))

	for range 2 { // the second run finds the same result
		code, _, stderr = w.run(t, dir, "stage", "SP2.msi", "-o", "staged")
		require.Zero(t, code, stderr)
	}
	require.Len(t, testkit.Names(t, dir), 4, "no temporary folder is left")
}

// testReadOnly merges twice over files that the package marks read-only.
func (w *winePrefix) testReadOnly(t *testing.T) {
	dir := t.TempDir()
	var cabinet bytes.Buffer
	c := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{})
	require.NoError(t, c.Add(cabtest.FileHeader{Name: "ro.txt", Attributes: cab.AttrReadOnly}, strings.NewReader("read-only")))
	require.NoError(t, c.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ro.cab"), cabinet.Bytes(), 0o666))
	for range 2 {
		code, _, stderr := w.run(t, dir, "extract", "ro.cab", "-o", "out", "--merge")
		require.Zero(t, code, stderr)
		info, err := os.Stat(filepath.Join(dir, "out", "ro.txt"))
		require.NoError(t, err)
		require.Zero(t, info.Mode()&0o222, "the attribute is set")
	}
}

// testBusy runs the command twice for one folder at a time.
func (w *winePrefix) testBusy(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 64<<20)
	var cabinet bytes.Buffer
	c := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{})
	require.NoError(t, c.Add(cabtest.FileHeader{Name: "large"}, bytes.NewReader(data)))
	require.NoError(t, c.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.cab"), cabinet.Bytes(), 0o666))
	var codes [3]int
	var group sync.WaitGroup
	for i := range codes {
		group.Go(func() { codes[i], _, _ = w.run(t, dir, "extract", "p.cab", "-o", "out") })
	}
	group.Wait()
	slices.Sort(codes[:])
	require.Zero(t, codes[0], "one of them wins: %v", codes)
	for _, code := range codes[1:] {
		require.Equal(t, exitOutput, code, "%v", codes)
	}
	require.Len(t, testkit.Names(t, dir), 2)
}
