//go:build !windows && !linux

package source

import "os"

// unnamedFile creates a temporary file that has no name and vanishes with its
// last user, however the process ends.
func unnamedFile() (*os.File, error) { return createAndRemove() }
