//go:build !windows

package extract

import "os"

// remove removes a file or an empty folder below root.
func remove(root *os.Root, name string) error { return root.Remove(name) }

// removeAll removes a file or a folder below root with all that is in it.
func removeAll(root *os.Root, name string) error { return root.RemoveAll(name) }
