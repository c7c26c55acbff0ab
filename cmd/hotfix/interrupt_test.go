//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/testdata/testkit"
)

// A rig is a folder in which the real command is run, killed and starved.
type rig struct {
	t      *testing.T
	dir    string // readable and searchable for everybody
	hotfix string // the command
	sp2    string // the stand-in for the package of SP2
}

func newRig(t *testing.T) *rig {
	t.Helper()
	// A file system in memory where there is one: the tests run the command hundreds of times.
	base := "/dev/shm"
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "hotfix")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	r := &rig{t: t, dir: dir, hotfix: filepath.Join(dir, "hotfix"), sp2: filepath.Join(dir, "SCCM2007-SP2-KB977203-ENU.msi")}
	out, err := exec.Command("go", "build", "-o", r.hotfix, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.copyFixture("SCCM2007-SP2-KB977203-ENU.msi", r.sp2)
	return r
}

func (r *rig) copyFixture(name, to string) {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "kb977203", name))
	require.NoError(r.t, err)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(r.t, os.WriteFile(to, b, 0o644))
}

// client makes a copy of the client files of SP2.
func (r *rig) client(dir string) string {
	r.t.Helper()
	r.copyFixture("client-sp2/client.msi", filepath.Join(dir, "i386", "client.msi"))
	return dir
}

// run runs the command to its end and returns exit code and standard error.
func (r *rig) run(prepare func(*exec.Cmd), args ...string) (int, string) {
	r.t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(r.hotfix, args...)
	c.Stderr = &stderr
	if prepare != nil {
		prepare(c)
	}
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), stderr.String()
	}
	require.NoError(r.t, err)
	return 0, stderr.String()
}

// complete requires that a staged folder is whole, by its own list of sums.
func (r *rig) complete(dir string) {
	r.t.Helper()
	sums := exec.Command("sha256sum", "-c", "--quiet", "SHA256SUMS")
	if _, err := exec.LookPath("sha256sum"); err != nil {
		sums = exec.Command("shasum", "-a", "256", "-c", "SHA256SUMS")
	}
	sums.Dir = dir
	out, err := sums.CombinedOutput()
	require.NoError(r.t, err, "%s", out)
}

// TestStageDisturbed runs the real command where it is killed, starved of disk or
// not allowed to write.
func TestStageDisturbed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the command some hundred times")
	}
	r := newRig(t)
	for name, test := range map[string]func(*rig){
		"killed":             (*rig).testKilled,
		"unchanged":          (*rig).testUnchanged,
		"disk full":          (*rig).testDiskFull,
		"without permission": (*rig).testWithoutPermission,
		"memory":             (*rig).testMemory,
		"side by side":       (*rig).testSideBySide,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(r.dir, "test")
			require.NoError(t, os.Mkdir(dir, 0o755))
			defer func() { require.NoError(t, os.RemoveAll(dir)) }()
			test(&rig{t: t, dir: dir, hotfix: r.hotfix, sp2: r.sp2})
		})
	}
}

// testKilled ends the command at many points of its run. Whenever that is,
// DIR is absent or complete, the client files hold all of the patch or nothing,
// and the next run succeeds and clears away what was left.
func (r *rig) testKilled() {
	r.killAtManyPoints(syscall.SIGKILL, false, 40)
	r.killAtManyPoints(syscall.SIGKILL, true, 40)
	r.killAtManyPoints(syscall.SIGINT, true, 20)
}

func (r *rig) killAtManyPoints(signal syscall.Signal, withClient bool, steps int) {
	r.t.Helper()
	patch := "i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp"
	work := filepath.Join(r.dir, "work")
	args := []string{"stage", r.sp2, "-o", filepath.Join(work, "out")}
	want := []string{"out"}
	prepare := func() {
		require.NoError(r.t, os.RemoveAll(work))
		require.NoError(r.t, os.MkdirAll(work, 0o755))
		if withClient {
			r.client(filepath.Join(work, "client"))
		}
	}
	if withClient {
		args = append(args, "--client-dir", filepath.Join(work, "client"))
		want = []string{"client", "out"}
	}
	full := time.Minute
	for range 3 {
		prepare()
		start := time.Now()
		code, stderr := r.run(nil, args...)
		require.Zero(r.t, code, stderr)
		full = min(full, time.Since(start))
	}

	ended := map[string]int{}
	for step := range steps + 1 {
		prepare()
		c := exec.Command(r.hotfix, args...)
		require.NoError(r.t, c.Start())
		// Beyond the shortest time, so that the end of slower runs is met as well.
		time.Sleep(full * 13 / 10 * time.Duration(step) / time.Duration(steps))
		_ = c.Process.Signal(signal) // it may have ended
		var exit *exec.ExitError
		switch err := c.Wait(); {
		case err == nil:
			ended["done"]++
			r.complete(filepath.Join(work, "out"))
		case errors.As(err, &exit) && exit.ExitCode() == exitInterrupted:
			ended["interrupted"]++
			for _, name := range testkit.Names(r.t, work) {
				require.NotContains(r.t, name, ".hotfix-partial", "an interrupted run clears away after itself")
			}
		default:
			// SIGINT ends it too before the command listens to it.
			status := exit.Sys().(syscall.WaitStatus)
			require.True(r.t, status.Signaled() && status.Signal() == signal, "%v", err)
			ended["killed"]++
		}
		if _, err := os.Stat(filepath.Join(work, "out")); err == nil {
			r.complete(filepath.Join(work, "out"))
			if withClient {
				require.FileExists(r.t, filepath.Join(work, "client", patch))
			}
		}
		if info, err := os.Stat(filepath.Join(work, "client", patch)); err == nil {
			require.EqualValues(r.t, 444_928, info.Size())
		}
		code, stderr := r.run(nil, args...)
		require.Zero(r.t, code, stderr)
		r.complete(filepath.Join(work, "out"))
		require.Equal(r.t, want, testkit.Names(r.t, work), "nothing else is left")
		if withClient {
			require.Equal(r.t, []string{"client.msi", "hotfix"}, testkit.Names(r.t, filepath.Join(work, "client", "i386")))
			require.FileExists(r.t, filepath.Join(work, "client", patch))
		}
	}
	r.t.Logf("%v in %v: %v", signal, full, ended)
	require.NotZero(r.t, ended["killed"]+ended["interrupted"], "no run was ended early")
}

// testUnchanged runs the same command twice: the second changes nothing, times
// included, whatever the package is called by.
func (r *rig) testUnchanged() {
	client := r.client(filepath.Join(r.dir, "client"))
	out := filepath.Join(r.dir, "out")
	code, stderr := r.run(nil, "stage", r.sp2, "-o", out, "--client-dir", client)
	require.Zero(r.t, code, stderr)
	before := []map[string]string{testkit.Snapshot(r.t, out), testkit.Snapshot(r.t, client)}
	code, stderr = r.run(func(c *exec.Cmd) { c.Dir = filepath.Dir(r.sp2) }, "stage", filepath.Base(r.sp2), "-o", out, "--client-dir", client)
	require.Zero(r.t, code, stderr)
	require.Equal(r.t, before, []map[string]string{testkit.Snapshot(r.t, out), testkit.Snapshot(r.t, client)})
}

// testDiskFull runs the command on disks that are too small, larger and larger
// ones, until it succeeds.
func (r *rig) testDiskFull() {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		r.t.Skip("NOT TESTED: only root on Linux can mount a small file system")
	}
	disk := filepath.Join(r.dir, "disk")
	require.NoError(r.t, os.Mkdir(disk, 0o755))
	for _, forClient := range []bool{false, true} {
		full := 0
		for size := 8 << 10; !r.stageOnDisk(disk, size, forClient); size += 24 << 10 {
			require.Less(r.t, size, 2<<20, "it never succeeds")
			full++
		}
		require.Greater(r.t, full, 10)
	}
}

// stageOnDisk stages on a disk of that size and reports whether it succeeded.
// Otherwise it must have said so, and nothing may be left.
func (r *rig) stageOnDisk(disk string, size int, forClient bool) bool {
	mount := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", size), "tmpfs", disk)
	if out, err := mount.CombinedOutput(); err != nil {
		r.t.Skipf("NOT TESTED: no file system can be mounted here: %s", out)
	}
	defer func() { require.NoError(r.t, exec.Command("umount", disk).Run()) }()
	out := filepath.Join(disk, "out")
	args := []string{"stage", r.sp2, "-o", out}
	if forClient {
		out = filepath.Join(r.dir, "out")
		client := filepath.Join(disk, "client")
		b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "kb977203", "client-sp2", "client.msi"))
		require.NoError(r.t, err)
		require.NoError(r.t, os.MkdirAll(filepath.Join(client, "i386"), 0o755))
		if os.WriteFile(filepath.Join(client, "i386", "client.msi"), b, 0o644) != nil {
			return false // not even room for the client
		}
		args = []string{"stage", r.sp2, "-o", out, "--client-dir", client}
	}
	before := testkit.Names(r.t, disk)
	code, stderr := r.run(nil, args...)
	if code == 0 {
		r.complete(out)
		require.NoError(r.t, os.RemoveAll(out))
		return true
	}
	require.Equal(r.t, exitOutput, code, stderr)
	require.Contains(r.t, stderr, "make room on the disk")
	require.Equal(r.t, before, testkit.Names(r.t, disk))
	require.NoDirExists(r.t, out)
	if forClient {
		require.Equal(r.t, []string{"client.msi"}, testkit.Names(r.t, filepath.Join(disk, "client", "i386")))
	}
	return false
}

// testWithoutPermission runs the command as a user who may not write.
func (r *rig) testWithoutPermission() {
	asNobody := func(*exec.Cmd) {}
	const nobody = 65534
	if os.Geteuid() == 0 {
		asNobody = func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
	}
	open := filepath.Join(r.dir, "open")
	closed := filepath.Join(r.dir, "closed")
	require.NoError(r.t, os.Mkdir(open, 0o777))
	require.NoError(r.t, os.Chmod(open, 0o777))
	client := r.client(filepath.Join(open, "client"))
	require.NoError(r.t, os.Mkdir(closed, 0o755))
	for _, dir := range []string{closed, filepath.Join(client, "i386"), client} {
		require.NoError(r.t, os.Chmod(dir, 0o555))
	}
	defer func() {
		for _, dir := range []string{closed, client, filepath.Join(client, "i386")} {
			require.NoError(r.t, os.Chmod(dir, 0o755))
		}
	}()
	for _, args := range [][]string{
		{"-o", filepath.Join(closed, "out")},
		{"-o", filepath.Join(closed, "a", "b", "out")},
		{"-o", filepath.Join(open, "out"), "--client-dir", client},
		{"-o", filepath.Join(closed, "out"), "--client-dir", client},
	} {
		code, stderr := r.run(asNobody, append([]string{"stage", r.sp2}, args...)...)
		require.Equal(r.t, exitOutput, code, stderr)
		require.Contains(r.t, stderr, "permission denied")
		require.Contains(r.t, stderr, "may write to")
		require.Empty(r.t, testkit.Names(r.t, closed))
		require.Equal(r.t, []string{"client"}, testkit.Names(r.t, open))
		require.Equal(r.t, []string{"client.msi"}, testkit.Names(r.t, filepath.Join(client, "i386")))
	}
	// What may not be read.
	secret := filepath.Join(open, "client", "secret")
	require.NoError(r.t, os.Chmod(client, 0o755))
	require.NoError(r.t, os.MkdirAll(secret, 0o755))
	require.NoError(r.t, os.Chmod(secret, 0))
	defer func() { require.NoError(r.t, os.Chmod(secret, 0o755)) }()
	code, stderr := r.run(asNobody, "verify", client, "--manifest", "kb977203-sp2")
	require.Equal(r.t, exitInput, code, stderr)
	require.Contains(r.t, stderr, "secret")
}

// testMemory measures the peak memory of runs over the stand-in, in which packages
// of 9 MB lie.
func (r *rig) testMemory() {
	if runtime.GOOS != "linux" {
		r.t.Skip("NOT TESTED: the unit of the peak memory differs between systems")
	}
	for _, args := range [][]string{
		{"verify", r.sp2, "--manifest", "kb977203", "--json"},
		{"verify", r.sp2, "--manifest", "kb977203", "--deep"},
		{"stage", r.sp2, "-o", filepath.Join(r.dir, "out")},
	} {
		c := exec.Command(r.hotfix, args...)
		require.NoError(r.t, c.Start())
		ended := make(chan error)
		go func() { ended <- c.Wait() }()
		peak := 0
		for running := true; running; {
			select {
			case err := <-ended:
				require.NoError(r.t, err)
				running = false
			case <-time.After(time.Millisecond):
				peak = max(peak, peakMemory(c.Process.Pid))
			}
		}
		r.t.Logf("%s: %d KiB", args[0], peak)
		require.NotZero(r.t, peak)
		require.Less(r.t, peak, 64<<10)
	}
}

// peakMemory returns the largest resident size so far of a process in KiB, 0 when
// it has ended. The kernel's record of its resources is of no use: it counts what
// the test itself used before it became another program.
func peakMemory(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		return 0
	}
	return n
}

// testSideBySide runs the same command several times at once: one writes, others
// say that it is being written or find it done.
func (r *rig) testSideBySide() {
	for round := range 8 {
		work := filepath.Join(r.dir, strconv.Itoa(round))
		client := r.client(filepath.Join(work, "client"))
		out := filepath.Join(work, "out")
		type ending struct {
			code   int
			stderr string
		}
		endings := make(chan ending)
		for range 4 {
			go func() {
				var stderr bytes.Buffer
				c := exec.Command(r.hotfix, "stage", "-q", r.sp2, "-o", out, "--client-dir", client)
				c.Stderr = &stderr
				_ = c.Run() // the exit code tells
				endings <- ending{c.ProcessState.ExitCode(), stderr.String()}
			}()
		}
		done := 0
		for range 4 {
			e := <-endings
			if e.code == exitOK {
				done++
				continue
			}
			require.Equal(r.t, exitOutput, e.code, e.stderr)
			require.Contains(r.t, e.stderr, "another run is writing this folder")
		}
		require.NotZero(r.t, done)
		r.complete(out)
		require.Equal(r.t, []string{"client", "out"}, testkit.Names(r.t, work))
	}
}

// TestSecondSignalEndsAtOnce runs a command that does not get to see that it was
// interrupted: it waits for somebody to write to a pipe.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	r := newRig(t)
	pipe := filepath.Join(r.dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := exec.Command(r.hotfix, "manifest", "import", pipe)
		require.NoError(t, c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		deadline := time.After(10 * time.Second)
		for running := true; running; {
			_ = c.Process.Signal(signal) // the first ones may come before it listens
			select {
			case <-ended:
				running = false
			case <-deadline:
				_ = c.Process.Kill()
				t.Fatal("it goes on")
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// TestInterruptedIsSaidOnce runs commands that were told to stop.
func TestInterruptedIsSaidOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sp2 := filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")
	for _, args := range [][]string{
		{"stage", sp2, "-o", filepath.Join(t.TempDir(), "out"), "--json"},
		{"stage", sp2, sp2 + "//Mp.msi", "-o", filepath.Join(t.TempDir(), "out"), "--json"},
		{"verify", sp2, "--manifest", "kb977203", "--json"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitInterrupted, run(ctx, args, &stdout, &stderr), args)
		require.Equal(t, "hotfix: "+interrupted+"\n", stderr.String(), args)
		var document struct{ Error errorDetail }
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &document), args)
		require.Equal(t, interrupted, document.Error.Message, args)
	}
}

// TestEndsAlthoughNobodyReads: a command that cannot go on, because the pipe that it
// prints to is full, ends a second after it was told to.
func TestEndsAlthoughNobodyReads(t *testing.T) {
	r := newRig(t)
	files := map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("%060d.txt", i)] = ""
	}
	target := filepath.Join(r.dir, "many.zip")
	require.NoError(t, os.WriteFile(target, []byte(writeZip(t, files)), 0o600))
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		cmd := exec.Command(r.hotfix, "list", target)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = writer, &stderr
		require.NoError(t, cmd.Start())
		require.NoError(t, writer.Close())
		_, err = reader.Read(make([]byte, 1)) // it prints: the rest does not fit the pipe
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(sig))
		start := time.Now()
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &exit)
		require.Equal(t, exitInterrupted, exit.ExitCode())
		require.Less(t, time.Since(start), 5*time.Second) // a second, and a busy machine
		require.Contains(t, stderr.String(), "interrupted")
		require.NoError(t, reader.Close())
	}
}
