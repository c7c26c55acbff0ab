package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// WriteTree writes files below dir and makes the folders that they need, dir
// included. Files that exist are overwritten; others stay.
func WriteTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o666))
	}
}

// ReadTree returns the files below dir with their content. Folders are not in it.
func ReadTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	walk(t, dir, func(name, path string, entry fs.DirEntry) {
		if !entry.IsDir() {
			files[path] = read(t, name)
		}
	})
	return files
}

// SumTree returns the files below dir with the SHA-256 of their content in lower
// case hexadecimal digits: what ReadTree is for trees whose difference nobody
// could read.
func SumTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	walk(t, dir, func(name, path string, entry fs.DirEntry) {
		if !entry.IsDir() {
			sums[path] = sum(read(t, name))
		}
	})
	return sums
}

// Snapshot describes everything below dir, folders and dir itself ("") included,
// by mode, time and SHA-256. Two of them are equal when nothing was touched
// between them.
func Snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	walk(t, dir, func(name, path string, entry fs.DirEntry) {
		info, err := entry.Info()
		require.NoError(t, err)
		found[path] = fmt.Sprint(info.Mode(), " ", info.ModTime().Format(time.RFC3339Nano))
		if !entry.IsDir() {
			found[path] += " " + sum(read(t, name))
		}
	})
	return found
}

// Names returns the entries of the folder dir in order, without those of its
// folders.
func Names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// walk calls visit for everything below dir; path is that below dir, "" for dir
// itself.
func walk(t testing.TB, dir string, visit func(name, path string, entry fs.DirEntry)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(dir, name)
		if path == "." {
			path = ""
		}
		if err == nil {
			visit(name, filepath.ToSlash(path), entry)
		}
		return err
	}))
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

func sum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
