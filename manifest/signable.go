package manifest

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/magic"
)

// A carriage says whether files of a kind can carry a signature, and whether it
// can be checked here.
type carriage int

const (
	carriesNone     carriage = iota // a text, a picture
	carriesChecked                  // a program, a package, a cabinet, a catalog
	carriesInScript                 // a script, at whose end a signature may be, which is not checked
	carriesOther                    // signed in a way that is not checked
)

// The kinds of files that Windows has a subject interface package for, or that
// carry Authenticode or an equivalent otherwise, by the endings of their names.
var (
	// Programs, Windows Installer packages, cabinets and catalogs.
	checkedEndings = []string{
		".acm", ".arx", ".ax", ".bpl", ".com", ".cpl", ".dll", ".drv", ".efi", ".exe", ".flt", ".iec", ".ime", ".mui",
		".node", ".ocx", ".olb", ".pyd", ".rll", ".scr", ".sys", ".tlb", ".tsp", ".vxd", ".winmd", ".wll", ".xll",
		".msi", ".msm", ".msp", ".mst", ".cab", ".msu", ".cat",
	}
	// Those of Windows Script Host and PowerShell.
	scriptEndings = []string{
		".js", ".jse", ".vbe", ".vbs", ".wsf",
		".cdxml", ".mof", ".ps1", ".ps1xml", ".psc1", ".psd1", ".psm1",
	}
	// Application packages, their signatures and encrypted forms, images of Windows,
	// trust lists, Silverlight, Java, Visual Studio and NuGet packages, and rpms.
	otherEndings = []string{
		".appx", ".appxbundle", ".eappx", ".eappxbundle", ".emsix", ".emsixbundle", ".msix", ".msixbundle", ".p7x",
		".esd", ".stl", ".xap", ".jar", ".vsix", ".nupkg", ".rpm",
	}
)

// carriageOf tells from the name of a file whether it can carry a signature,
// whatever its content looks like.
func carriageOf(name string) carriage {
	ending := fold(path.Ext(name))
	switch {
	case slices.Contains(checkedEndings, ending):
		return carriesChecked
	case slices.Contains(scriptEndings, ending):
		return carriesInScript
	case slices.Contains(otherEndings, ending):
		return carriesOther
	}
	return carriesNone
}

// A content is the kind of a file by its first bytes.
type content int

const (
	contentUnknown content = iota
	contentProgram         // or what starts like one
	contentCompound
	contentCabinet
	contentMessage // PKCS #7, as a catalog is
	contentRPM
)

// magicSize is the number of bytes that tell the kind of a file.
const magicSize = 8

// contentOf tells the kind of a file that starts like that: [MS-CFB] 2.2, [MS-CAB]
// 2.1, and the lead of an rpm.
func contentOf(start []byte) content {
	switch {
	case bytes.HasPrefix(start, []byte(magic.Program)):
		return contentProgram
	case bytes.HasPrefix(start, []byte(magic.CompoundFile)):
		return contentCompound
	case bytes.HasPrefix(start, []byte(magic.Cabinet)):
		return contentCabinet
	case bytes.HasPrefix(start, []byte(magic.RPM)):
		return contentRPM
	case startsMessage(start):
		return contentMessage
	}
	return contentUnknown
}

// startsMessage reports whether a file starts like a PKCS #7 message (RFC 2315, 7):
// a SEQUENCE, of any form of length, that begins with an object identifier of nine
// bytes.
func startsMessage(start []byte) bool {
	if len(start) < magicSize || start[0] != 0x30 {
		return false
	}
	at := 2
	if start[1] > 0x80 {
		at += int(start[1] & 0x7f)
	}
	return at+2 <= len(start) && start[at] == 0x06 && start[at+1] == 9
}

// randomAccess reports whether the signature of such a file can only be checked
// with random access to it, or when all of it is there.
func (c content) randomAccess() bool {
	return c == contentCompound || c == contentCabinet || c == contentMessage
}

// carriage is what is known from content and name. A row of a manifest may call the
// file by another name.
func (a *Actual) carriage(rowName string) carriage {
	switch {
	case a.unchecked:
		return carriesOther
	case a.signable:
		return carriesChecked
	}
	return max(carriageOf(a.Name), carriageOf(rowName))
}

// What a signed file holds somewhere.
var (
	// signatureStream is the name of the stream that holds the signature of a Windows
	// Installer package, as a directory entry has it ([MS-CFB] 2.6.1).
	signatureStream = widened([]byte("\x05DigitalSignature"), binary.LittleEndian)
	// trustList is the type of the content of a catalog, szOID_CTL, in DER.
	trustList = []byte{0x06, 9, 0x2b, 0x06, 1, 4, 1, 0x82, 0x37, 10, 1}
	// signatureBlock begins the signature of a script, in a comment of its language.
	signatureBlock = []byte("Begin signature block")
)

// The attributes of a cabinet, and the one that every signed cabinet has
// ([MS-CAB] 2.1).
const (
	cabinetFlags   = 30
	cabinetReserve = 0x04 // cfhdrRESERVE_PRESENT
)

// A trace looks for what every signed file of a kind holds while its bytes come by.
type trace struct {
	cabinet bool     // its flags are looked at
	needles [][]byte // one of them is looked for
	found   bool
	offset  int64
	tail    []byte // the last bytes, in which a needle may have begun
}

// newTrace returns the trace of a file of that content and name.
func newTrace(c content, name string) trace {
	switch {
	case c == contentCabinet:
		return trace{cabinet: true}
	case c == contentCompound:
		return trace{needles: [][]byte{signatureStream}}
	case c == contentMessage:
		return trace{needles: [][]byte{trustList}}
	case carriageOf(name) == carriesInScript:
		return trace{needles: [][]byte{signatureBlock, widened(signatureBlock, binary.LittleEndian), widened(signatureBlock, binary.BigEndian)}}
	}
	return trace{}
}

// widened is ASCII text in UTF-16.
func widened(text []byte, order binary.AppendByteOrder) []byte {
	var wide []byte
	for _, b := range text {
		wide = order.AppendUint16(wide, uint16(b))
	}
	return wide
}

// Write takes the next bytes of the file. It never fails.
func (t *trace) Write(p []byte) (int, error) {
	switch {
	case t.found:
	case t.cabinet:
		if at := cabinetFlags - t.offset; at >= 0 && at < int64(len(p)) {
			t.found = p[at]&cabinetReserve != 0
		}
	case t.needles != nil:
		t.search(p)
	}
	t.offset += int64(len(p))
	return len(p), nil
}

func (t *trace) search(p []byte) {
	overlap := 0
	for _, needle := range t.needles {
		overlap = max(overlap, len(needle)-1)
	}
	t.tail = append(t.tail, p[:min(overlap, len(p))]...)
	for _, needle := range t.needles {
		t.found = t.found || bytes.Contains(t.tail, needle) || bytes.Contains(p, needle)
	}
	if len(p) >= overlap {
		t.tail = append(t.tail[:0], p[len(p)-overlap:]...)
	} else if drop := len(t.tail) - overlap; drop > 0 {
		t.tail = append(t.tail[:0], t.tail[drop:]...)
	}
}
