package main

import (
	"bytes"
	"fmt"

	"github.com/hotfixkit/hotfixkit/msi"
)

// filler is text that says what it is and compresses to almost nothing.
const filler = "hotfixkit stand-in: filler that brings this file to its published size.\r\n"

func fill(n int) []byte {
	return bytes.Repeat([]byte(filler), n/len(filler)+1)[:n]
}

// saveSized saves db as a file of exactly size bytes, a multiple of the sector
// size, by adding streams of filler to its Binary table.
func saveSized(db *msi.Database, size int64) ([]byte, error) {
	for _, name := range []string{"Filler", "MoreFiller"} {
		if err := insert(db, "Binary", name, []byte{0}); err != nil {
			return nil, err
		}
	}
	// A second stream of a few sectors reaches the sizes that the first one skips
	// where a larger allocation table takes a sector of its own.
	for second := 4096; second < 4096+4*512; second += 512 {
		if err := db.SetStream("Binary.MoreFiller", fill(second)); err != nil {
			return nil, err
		}
		length := 4096
		for range 8 {
			if err := db.SetStream("Binary.Filler", fill(length)); err != nil {
				return nil, err
			}
			file, err := save(db)
			if err != nil {
				return nil, err
			}
			missing := int(size) - len(file)
			if missing == 0 {
				return file, nil
			}
			if length += missing; length < 4096 {
				return nil, fmt.Errorf("the package needs %d bytes more than the %d it may have", -missing, size)
			}
		}
	}
	return nil, fmt.Errorf("no amount of filler gives a file of %d bytes", size)
}
