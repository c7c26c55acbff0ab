package burn

import (
	"bytes"
	"cmp"
	"crypto"
	_ "crypto/sha1"   // of version 3
	_ "crypto/sha512" // of version 4 and later
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
)

const (
	// maxManifest bounds the manifest, in bytes. That of a bundle with 86 packages
	// has 220 KB.
	maxManifest = 8 << 20
	maxPayloads = 50_000

	namespaceV3 = "http://schemas.microsoft.com/wix/2008/Burn"
	namespaceV4 = "http://wixtoolset.org/schemas/v4/2008/Burn"
)

// A Manifest is what a bundle says about itself.
type Manifest struct {
	// ID is the bundle's identifier, a GUID in braces.
	ID                          string
	Name, Version, Manufacturer string
	EngineVersion               string // from version 4 on
	Containers                  []*Container
	// Payloads are those of the application first, then those of the chain.
	Payloads []*Payload
	// Chain is the packages in the order in which they are installed.
	Chain []Package
}

// A Payload is one file that a bundle needs.
type Payload struct {
	ID string
	// Path is the name that the file gets, relative; a backslash separates folders.
	Path string
	// Container is the identifier of the container that holds it, empty for a file
	// next to the bundle.
	Container string
	// Source is the name of the member of the container, or the path of a file
	// next to the bundle, relative to it.
	Source string
	Size   int64 // in bytes; -1 where the manifest does not say it
	Digest
	DownloadURL string
}

// PackageKind is the kind of a package of the chain.
type PackageKind string

// The kinds of packages.
const (
	MSI    PackageKind = "msi"
	MSP    PackageKind = "msp"
	MSU    PackageKind = "msu"
	EXE    PackageKind = "exe"
	Nested PackageKind = "bundle"
)

// A Package is one link of the chain.
type Package struct {
	Kind PackageKind
	ID   string
	// Code is the ProductCode of an .msi, the PatchCode of an .msp, the KB of an
	// .msu, the identifier of a bundle; empty for a program.
	Code      string
	Version   string
	Language  string
	Condition string // of installation; empty: always
	Arguments string // that a program is run with
	// Payloads are the identifiers of the files that belong to the package, its
	// own first.
	Payloads []string
}

// xmlManifest is the part of the XML that is read.
type xmlManifest struct {
	XMLName       xml.Name
	EngineVersion string `xml:",attr"`
	Application   struct {
		Payloads []xmlPayload `xml:"Payload"`
	} `xml:"UX"`
	Containers   []xmlContainer `xml:"Container"`
	Payloads     []xmlPayload   `xml:"Payload"`
	Registration struct {
		ID      string `xml:"Id,attr"`
		Code    string `xml:",attr"`
		Version string `xml:",attr"`
		Arp     struct {
			DisplayName string `xml:",attr"`
			Publisher   string `xml:",attr"`
		}
	}
	Chain struct {
		Packages []xmlPackage `xml:",any"`
	}
}

type xmlContainer struct {
	ID            string `xml:"Id,attr"`
	FileSize      int64  `xml:",attr"`
	Hash          string `xml:",attr"`
	FilePath      string `xml:",attr"`
	AttachedIndex int    `xml:",attr"`
	Attached      string `xml:",attr"`
	DownloadURL   string `xml:"DownloadUrl,attr"`
}

type xmlPayload struct {
	ID          string `xml:"Id,attr"`
	FilePath    string `xml:",attr"`
	FileSize    *int64 `xml:",attr"`
	Hash        string `xml:",attr"`
	Packaging   string `xml:",attr"`
	SourcePath  string `xml:",attr"`
	Container   string `xml:",attr"`
	DownloadURL string `xml:"DownloadUrl,attr"`
}

type xmlPackage struct {
	XMLName          xml.Name
	ID               string `xml:"Id,attr"`
	ProductCode      string `xml:",attr"`
	PatchCode        string `xml:",attr"`
	KB               string `xml:",attr"`
	BundleID         string `xml:"BundleId,attr"`
	BundleCode       string `xml:",attr"`
	Version          string `xml:",attr"`
	Language         string `xml:",attr"`
	InstallCondition string `xml:",attr"`
	InstallArguments string `xml:",attr"`
	PayloadRefs      []struct {
		ID string `xml:"Id,attr"`
	} `xml:"PayloadRef"`
}

// parseManifest reads the manifest.
func parseManifest(text []byte) (Manifest, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var x xmlManifest
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("a manifest in %s", charset)
	}
	if err := decoder.Decode(&x); err != nil {
		return Manifest{}, fmt.Errorf("%w: its manifest cannot be read: %w", ErrFormat, err)
	}
	if x.XMLName.Local != "BurnManifest" {
		return Manifest{}, fmt.Errorf("%w: its manifest is a %q", ErrFormat, x.XMLName.Local)
	}
	if space := x.XMLName.Space; space != namespaceV3 && space != namespaceV4 {
		return Manifest{}, fmt.Errorf("%w: the namespace of its manifest is %q", ErrVersion, space)
	}
	if n := len(x.Payloads) + len(x.Application.Payloads); n > maxPayloads {
		return Manifest{}, fmt.Errorf("%w: %d payloads, at most %d are read", ErrLimit, n, maxPayloads)
	}
	m := Manifest{
		ID:            x.Registration.ID,
		Name:          x.Registration.Arp.DisplayName,
		Version:       x.Registration.Version,
		Manufacturer:  x.Registration.Arp.Publisher,
		EngineVersion: x.EngineVersion,
	}
	if m.ID == "" {
		m.ID = x.Registration.Code // from version 7 on
	}
	if err := m.readContainers(x.Containers); err != nil {
		return m, err
	}
	if err := m.readPayloads(&x); err != nil {
		return m, err
	}
	return m, m.readChain(x.Chain.Packages)
}

func (m *Manifest) readContainers(list []xmlContainer) error {
	seen := map[string]bool{ApplicationID: true}
	for _, x := range list {
		digest, err := parseDigest(x.Hash)
		if err != nil {
			return fmt.Errorf("%w in the container %q", err, x.ID)
		}
		if x.ID == "" || seen[x.ID] || x.FileSize < 0 {
			return fmt.Errorf("%w: the container %q of %d bytes", ErrFormat, x.ID, x.FileSize)
		}
		seen[x.ID] = true
		c := &Container{ID: x.ID, Size: x.FileSize, Digest: digest, DownloadURL: x.DownloadURL, index: x.AttachedIndex}
		if c.Attached = x.Attached == "yes"; !c.Attached {
			c.Path = x.FilePath
		}
		m.Containers = append(m.Containers, c)
	}
	return nil
}

func (m *Manifest) readPayloads(x *xmlManifest) error {
	containers := map[string]bool{}
	for _, c := range m.Containers {
		containers[c.ID] = true
	}
	for _, p := range x.Application.Payloads {
		p.Container = ApplicationID
		if err := m.addPayload(p); err != nil {
			return err
		}
	}
	for _, p := range x.Payloads {
		// A container is named by embedded payloads only.
		if p.Container != "" && !containers[p.Container] {
			return fmt.Errorf("%w: the payload %q is in the container %q, which does not exist", ErrFormat, p.ID, p.Container)
		}
		if (p.Packaging == "embedded") != (p.Container != "") {
			return fmt.Errorf("%w: the payload %q is %q and its container %q", ErrFormat, p.ID, p.Packaging, p.Container)
		}
		if err := m.addPayload(p); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) addPayload(x xmlPayload) error {
	digest, err := parseDigest(x.Hash)
	if err != nil {
		return fmt.Errorf("%w in the payload %q", err, x.ID)
	}
	p := &Payload{
		ID: x.ID, Path: x.FilePath, Container: x.Container, Source: x.SourcePath,
		Size: -1, Digest: digest, DownloadURL: x.DownloadURL,
	}
	if x.FileSize != nil {
		if p.Size = *x.FileSize; p.Size < 0 {
			return fmt.Errorf("%w: the payload %q of %d bytes", ErrFormat, x.ID, p.Size)
		}
	}
	if p.Path == "" || p.Source == "" {
		return fmt.Errorf("%w: the payload %q has no name", ErrFormat, x.ID)
	}
	m.Payloads = append(m.Payloads, p)
	return nil
}

// parseDigest reads a hash in hexadecimal; its length tells the algorithm.
func parseDigest(text string) (Digest, error) {
	if text == "" {
		return Digest{}, nil
	}
	sum, err := hex.DecodeString(text)
	if err == nil {
		for _, algorithm := range []crypto.Hash{crypto.SHA1, crypto.SHA512} {
			if len(sum) == algorithm.Size() {
				return Digest{algorithm, sum}, nil
			}
		}
	}
	return Digest{}, fmt.Errorf("%w: the hash %q", ErrFormat, text)
}

var packageKinds = map[string]PackageKind{
	"MsiPackage": MSI, "MspPackage": MSP, "MsuPackage": MSU, "ExePackage": EXE, "BundlePackage": Nested,
}

func (m *Manifest) readChain(list []xmlPackage) error {
	known := map[string]bool{}
	for _, p := range m.Payloads {
		known[p.ID] = true
	}
	for _, x := range list {
		kind, ok := packageKinds[x.XMLName.Local]
		if !ok {
			continue // boundaries of a rollback and the like
		}
		p := Package{
			Kind: kind, ID: x.ID, Version: x.Version, Language: x.Language,
			Condition: x.InstallCondition, Arguments: x.InstallArguments,
			Code: cmp.Or(x.ProductCode, x.PatchCode, x.KB, x.BundleID, x.BundleCode),
		}
		for _, ref := range x.PayloadRefs {
			if !known[ref.ID] {
				return fmt.Errorf("%w: the package %q needs the payload %q, which does not exist", ErrFormat, x.ID, ref.ID)
			}
			p.Payloads = append(p.Payloads, ref.ID)
		}
		m.Chain = append(m.Chain, p)
	}
	return nil
}
