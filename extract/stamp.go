package extract

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/hotfixkit/hotfixkit/msi"
)

const (
	adminPropertiesStream    = "AdminProperties" // stream, and the property that lists what else goes there
	digitalSignatureStream   = "\x05DigitalSignature"
	adminPropertiesSeparator = ";"
)

// stamp returns the copy of a database that is in an administrative image:
// Word Count says that the files lie uncompressed next to it, the stream
// AdminProperties marks it, and what no longer holds is gone, that is the
// embedded cabinets and the signature. Everything else stays.
func stamp(source *msi.Database, shortNames bool) (*msi.Database, error) {
	db := source.Clone()
	// Exactly these bits are set, whatever the package had.
	wordCount := int32(msi.SourceAdminImage)
	if shortNames {
		wordCount |= msi.SourceShortNames
	}
	db.Summary().SetInt(msi.PIDWordCount, wordCount)
	if err := dropCabinets(db); err != nil {
		return nil, err
	}
	if err := dropStream(db, digitalSignatureStream); err != nil {
		return nil, err
	}
	if _, err := db.Stream(adminPropertiesStream); err == nil {
		return db, nil // an image already: its properties were given when it was made
	} else if !errors.Is(err, msi.ErrNotFound) {
		return nil, err
	}
	return db, db.SetStream(adminPropertiesStream, adminProperties(db))
}

func dropCabinets(db *msi.Database) error {
	media := db.Table("Media")
	if media == nil {
		return nil
	}
	for row := range media.Rows() {
		stream, embedded := strings.CutPrefix(row.String("Cabinet"), "#")
		if !embedded {
			continue
		}
		if err := dropStream(db, stream); err != nil {
			return err
		}
	}
	return nil
}

func dropStream(db *msi.Database, name string) error {
	if err := db.RemoveStream(name); err != nil && !errors.Is(err, msi.ErrNotFound) {
		return err
	}
	return nil
}

// adminProperties returns the content of the stream AdminProperties: the mark of
// an image and the properties that the property AdminProperties lists, each
// followed by a blank, and a NUL, as UTF-16LE.
func adminProperties(db *msi.Database) []byte {
	var text strings.Builder
	text.WriteString(`IsAdminPackage="1" `)
	for name := range strings.SplitSeq(db.Property(adminPropertiesStream), adminPropertiesSeparator) {
		if value := db.Property(name); value != "" {
			fmt.Fprintf(&text, `%s="%s" `, name, strings.ReplaceAll(value, `"`, `""`))
		}
	}
	text.WriteByte(0)
	var stream []byte
	for _, unit := range utf16.Encode([]rune(text.String())) {
		stream = binary.LittleEndian.AppendUint16(stream, unit)
	}
	return stream
}
