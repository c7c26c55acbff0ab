package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readSmallFile reads a whole file that is named by a flag and has a known limit.
// Only ordinary files have an end that can be relied on: a pipe waits for ever, and
// some devices never end.
func readSmallFile(name string, limit int64) ([]byte, error) {
	stat, err := os.Stat(name)
	if err != nil {
		return nil, plain(name, err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: it is not an ordinary file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, plain(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: it has more than %d bytes", name, limit)
	}
	return data, nil
}

// plain is an error of the operating system about a file, without the system call.
func plain(name string, err error) error {
	var onDisk *fs.PathError
	if errors.As(err, &onDisk) {
		err = onDisk.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}
