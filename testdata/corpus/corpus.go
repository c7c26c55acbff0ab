// Package corpus finds the files and the independent tools that tests compare
// against. Real installer packages cannot be redistributed with the project, so
// they are looked up in the folder that the environment variable HOTFIX_CORPUS
// names.
package corpus

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Dir returns the corpus folder. The test is skipped, with the reason, when
// HOTFIX_CORPUS is not set.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HOTFIX_CORPUS")
	if dir == "" {
		t.Skip("HOTFIX_CORPUS is not set: this test reads packages that cannot be redistributed")
	}
	return dir
}

// Path returns the path of one corpus file. With HOTFIX_CORPUS set, a file that
// is missing fails the test.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{Dir(t)}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("corpus: %v", err)
	}
	return p
}

// Tool returns the path of an independent tool used as an oracle. Where the
// corpus is in use the tool is required; elsewhere the test is skipped with the
// reason.
func Tool(t testing.TB, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err == nil {
		return p
	}
	if os.Getenv("HOTFIX_CORPUS") != "" {
		t.Fatalf("corpus: the oracle %s is not installed", name)
	}
	t.Skipf("the oracle %s is not installed", name)
	return ""
}
