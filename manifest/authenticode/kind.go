package authenticode

import (
	"encoding/asn1"
	"encoding/binary"
	"fmt"
)

// fileKind is what a signature says about the kind of the file that it was made
// for: the type of its SpcAttributeTypeAndOptionalValue and, where that is
// SPC_SIPINFO_OBJID, which subject interface package made the digest.
type fileKind struct {
	oid string // dotted
	sip string // GUID
}

func (k fileKind) equal(other fileKind) bool { return k == other }

// String describes the kind for people.
func (k fileKind) String() string {
	if k.sip != "" {
		return "its subject interface package is " + k.sip
	}
	return "its content is of the type " + k.oid
}

// The types of the digest in a signature: SPC_PE_IMAGE_DATA_OBJID, SPC_SIPINFO_OBJID,
// SPC_CAB_DATA_OBJID and SPC_LINK_OBJID.
const (
	typePE      = "1.3.6.1.4.1.311.2.1.15"
	typeSIPInfo = "1.3.6.1.4.1.311.2.1.30"
	typeCAB     = "1.3.6.1.4.1.311.2.1.25"
	typeLink    = "1.3.6.1.4.1.311.2.1.28"
)

// sipInstaller is the subject interface package of Windows Installer, which is also
// the class of its storages.
const sipInstaller = "{000C10F1-0000-0000-C000-000000000046}"

// The kinds that a signature of each kind of file may state. All subject interface
// packages of other files, scripts among them, share the type of Windows
// Installer's.
var (
	kindsPE  = []fileKind{{oid: typePE}}
	kindsMSI = []fileKind{{oid: typeSIPInfo, sip: sipInstaller}}
	kindsCAB = []fileKind{{oid: typeCAB}, {oid: typeLink}}
)

// sipInfo is SpcSipInfo up to the identifier.
type sipInfo struct {
	Version int
	ID      []byte
}

// kind returns what the content says about the kind of its file.
func (c *indirectData) kind() (fileKind, error) {
	k := fileKind{oid: c.Data.Type.String()}
	if k.oid != typeSIPInfo {
		return k, nil
	}
	var info sipInfo
	if _, err := asn1.Unmarshal(c.Data.Value.FullBytes, &info); err != nil || len(info.ID) != 16 {
		return k, fmt.Errorf("%w: its SpcSipInfo, which says for what kind of file it was made, cannot be read", errSignedData)
	}
	k.sip = guidString(info.ID)
	return k, nil
}

// guidString returns the 16 bytes of a GUID as they are written.
func guidString(b []byte) string {
	return fmt.Sprintf("{%08X-%04X-%04X-%X-%X}", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16])
}
