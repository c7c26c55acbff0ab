//go:build !windows

package source

import "os"

// createAndRemove makes a temporary file whose name is gone at once.
func createAndRemove() (*os.File, error) {
	f, err := os.CreateTemp("", "hotfix-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
