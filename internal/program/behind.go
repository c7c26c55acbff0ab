package program

import (
	"bytes"
	"errors"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/magic"
	"github.com/hotfixkit/hotfixkit/internal/zip"
)

const (
	// head and tail are how many bytes behind a program are searched for the marks
	// of installers.
	head = 64 << 10
	tail = 4 << 10
)

// marks are what installers have at the start of what follows the program, or
// at its end.
var marks = []struct {
	name  string
	bytes string
	atEnd bool
}{
	{"InstallShield", "ISSetupStream\x00", false},
	{"InstallShield", "InstallShield\x00", false},
	{"NSIS (Nullsoft)", "\xEF\xBE\xAD\xDENullsoftInst", false},
	{"7-Zip self-extractor", "7z\xBC\xAF\x27\x1C", false},
	{"WinRAR self-extractor", "Rar!\x1A\x07", false},
	{"Inno Setup", "zlb\x1a", false},
	{"Inno Setup", "idska32\x1a", false},
	{"Advanced Installer", "ADVINSTSFX", true},
}

// identifyBehind tells what is between from and to, where a program has ended.
func identifyBehind(r io.ReaderAt, from, to int64) (*Content, error) {
	first, err := readRange(r, from, min(to, from+head))
	if err != nil {
		return nil, err
	}
	// A zip that is cut off has only its start.
	if zip.Has(r, from, to) || bytes.HasPrefix(first, []byte(magic.ZIPMember)) {
		return &Content{Kind: Zip, From: from, To: to}, nil
	}
	if size := cabinetAt(r, from, to); size > 0 {
		return &Content{Kind: Cabinet, From: from, To: from + size}, nil
	}
	last, err := readRange(r, max(from, to-tail), to)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		where := first
		if m.atEnd {
			where = last
		}
		if bytes.Contains(where, []byte(m.bytes)) {
			return &Content{Kind: Installer, Name: m.name}, nil
		}
	}
	at, size, err := findCabinet(r, from, to)
	if err != nil || size == 0 {
		return &Content{}, err
	}
	return &Content{Kind: Cabinet, From: at, To: at + size}, nil
}

func readRange(r io.ReaderAt, from, to int64) ([]byte, error) {
	b := make([]byte, max(0, to-from))
	n, err := r.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
