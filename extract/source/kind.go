package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/msi"
)

// Signatures at the start of files.
const (
	cfbSignature = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" // [MS-CFB] 2.2
	cabSignature = "MSCF"                             // [MS-CAB] 2.1
	rpmSignature = "\xED\xAB\xEE\xDB"                 // the lead of an rpm
	peSignature  = "MZ"
	zipSignature = "PK\x03\x04"
)

// container tells from its first bytes which kind of container a file is: CAB,
// RPM, or MSI for any compound file.
func container(r io.ReaderAt) (Kind, error) {
	var head [8]byte
	n, err := r.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	start := head[:n]
	switch {
	case bytes.HasPrefix(start, []byte(cfbSignature)):
		return MSI, nil
	case bytes.HasPrefix(start, []byte(cabSignature)):
		return CAB, nil
	case bytes.HasPrefix(start, []byte(rpmSignature)):
		return RPM, nil
	case bytes.HasPrefix(start, []byte(peSignature)):
		return "", fmt.Errorf("%w: it is a program; if it is a self-extracting download, run it on Windows or unpack it with 7zz first", ErrKind)
	case bytes.HasPrefix(start, []byte(zipSignature)):
		return "", fmt.Errorf("%w: it is a zip archive; unpack it first", ErrKind)
	case n == 0:
		return "", fmt.Errorf("%w: the file is empty", ErrKind)
	}
	return "", ErrKind
}

// databaseKind tells what a compound file is.
func databaseKind(db *msi.Database) (Kind, error) {
	switch db.Kind() {
	case msi.KindPatch:
		return MSP, nil
	case msi.KindTransform:
		return MST, nil
	case msi.KindDatabase:
		// Merge modules have the table ModuleSignature ("Merge Module Database
		// Tables"); a package that modules were merged into has it, too, and a
		// product.
		if db.Table("ModuleSignature") != nil && !hasProduct(db) {
			return MSM, nil
		}
		return MSI, nil
	}
	return "", fmt.Errorf("%w: it is a compound file of another application", ErrKind)
}

func hasProduct(db *msi.Database) bool {
	properties := db.Table("Property")
	if properties == nil {
		return false
	}
	_, ok := properties.Find(msi.String("ProductCode"))
	return ok
}
