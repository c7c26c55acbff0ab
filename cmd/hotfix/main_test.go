package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hotfix": main})
}

// TestScripts runs the command as a user would. Beside the commands of
// testscript there are:
//
//	exits CODE PROGRAM ARGS...  run a program and require its exit code
//	field PATH VALUE            require a value in the JSON on standard output
//	length PATH N               require a number of elements there
//	damage FILE OUT             copy a package with its first cabinet damaged in the middle
//
// A PATH is keys and indices joined by full stops; VALUE is JSON, or a string.
func TestScripts(t *testing.T) {
	fixtures, err := filepath.Abs(filepath.Join("..", "..", "testdata", "kb977203"))
	require.NoError(t, err)
	actions := actionsPackage(t, filepath.Join(t.TempDir(), "actions.msi"))
	external := testkit.Write(t, t.TempDir(), "external.msi", testkit.Package{
		Media: []testkit.Media{{Files: 1, Cabinet: "#inside.cab"}, {Files: 2, Cabinet: "outside.cab"}},
		Files: []testkit.File{{Key: "a.txt", Content: "a"}, {Key: "b.txt", Content: "b"}, {Key: "c.txt", Content: "c"}},
	})
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SP1", filepath.Join(fixtures, "SCCM2007-SP1-KB977203-ENU.msi"))
			env.Setenv("SP2", filepath.Join(fixtures, "SCCM2007-SP2-KB977203-ENU.msi"))
			env.Setenv("KB", fixtures)
			env.Setenv("ACTIONS", actions)
			env.Setenv("EXTERNAL", external)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"field":  field,
			"length": length,
			"damage": damage,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE OUT")
	}
	data := []byte(ts.ReadFile(args[0]))
	at := bytes.Index(data, []byte("MSCF"))
	if at < 0 {
		ts.Fatalf("%s: no cabinet", args[0])
	}
	size := int(binary.LittleEndian.Uint32(data[at+8:])) // cbCabinet ([MS-CAB] 2.1)
	for i := range 64 {
		data[at+size/2+i] ^= 0x55
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

// look finds a value in the JSON document on standard output.
func look(ts *testscript.TestScript, path string) any {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, step := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[step]
			if !ok {
				ts.Fatalf("no %q in the document", path)
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				ts.Fatalf("no %q in the document", path)
			}
			v = at[i]
		default:
			ts.Fatalf("no %q in the document", path)
		}
	}
	return v
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field PATH VALUE")
	}
	got := look(ts, args[0])
	var want any
	if err := json.Unmarshal([]byte(args[1]), &want); err != nil {
		want = args[1]
	}
	a, err := json.Marshal(got)
	ts.Check(err)
	b, err := json.Marshal(want)
	ts.Check(err)
	if (string(a) == string(b)) == neg {
		ts.Fatalf("%s is %s", args[0], a)
	}
}

func length(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: length PATH N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	list, ok := look(ts, args[0]).([]any)
	if !ok || len(list) != want {
		ts.Fatalf("%s has %d elements, not %d", args[0], len(list), want)
	}
}

// TestFixtures builds the stand-ins again and compares them with those in
// testdata.
func TestFixtures(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "run", "./testdata/kb977203/build", dir)
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{
		"SCCM2007-SP1-KB977203-ENU.msi", "SCCM2007-SP2-KB977203-ENU.msi",
		"SCCM2007-SP1-KB977203-x86-ENU.exe", "977203_ENU_i386_zip.exe", "977203_ENU_i386_password_zip.exe",
		"9000012_ENU_x64.zip", "KB9000012_FileList.txt",
		filepath.Join("client-sp1", "client.msi"), filepath.Join("client-sp2", "client.msi"),
	} {
		want, err := os.ReadFile(filepath.Join("..", "..", "testdata", "kb977203", name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.True(t, string(want) == string(got), "%s is not what the program in testdata/kb977203/build writes", name)
	}
}
