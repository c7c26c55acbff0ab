package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// maxCatalog is the largest catalog that is read, in bytes.
const maxCatalog = 16 << 20

// readCatalog reads a catalog that is to vouch for files. One that does not hold
// is an error: nobody names it to have it ignored.
func readCatalog(name string, o authenticode.Options) (*authenticode.Catalog, error) {
	data, err := readSmallFile(name, maxCatalog)
	if err != nil {
		return nil, err
	}
	catalog, err := authenticode.ParseCatalog(filepath.Base(name), data, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if catalog.Signature.Status == authenticode.Invalid {
		return nil, fmt.Errorf("%s: the signature of the catalog is invalid: %s", name, catalog.Signature.Notes[0])
	}
	return catalog, nil
}

// readCatalog reports whether the file is a security catalog on the disk.
func (i *fileInfo) readCatalog(ref string, trust *authenticode.Options) bool {
	stat, err := os.Stat(ref)
	if err != nil || stat.Size() > maxCatalog {
		return false
	}
	data, err := readSmallFile(ref, maxCatalog)
	if err != nil {
		return false
	}
	var o authenticode.Options
	if trust != nil {
		o = *trust
	}
	catalog, err := authenticode.ParseCatalog(filepath.Base(ref), data, o)
	if err != nil {
		return false
	}
	i.Kind, i.Size = "cat", int64(len(data))
	i.Catalog = &catalogInfo{catalog.Identifier, catalog.Created.Format(time.RFC3339), catalog.Attributes, catalog.Members}
	if trust != nil {
		i.Signature = newSignatureInfo(catalog.Signature)
		i.SHA256 = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return true
}

// catalogInfo is what the JSON document of info says about a catalog.
type catalogInfo struct {
	Identifier string                          `json:"identifier,omitempty"`
	Created    string                          `json:"created"`
	Attributes []authenticode.CatalogAttribute `json:"attributes,omitempty"`
	Members    []authenticode.CatalogMember    `json:"members"`
}

func (c *catalogInfo) write(w io.Writer, line func(name, value string)) {
	if c == nil {
		return
	}
	line("created", c.Created)
	for _, a := range c.Attributes {
		line("attribute", a.Name+": "+a.Value)
	}
	line("members", display.Count(len(c.Members), "file"))
	for _, m := range c.Members {
		text := fmt.Sprintf("%s %s", m.Algorithm, m.Digest)
		switch m.Kind {
		case authenticode.MemberPE:
			text += " (PE)"
		case authenticode.MemberOther:
			text += " (another kind of digest)"
		}
		if m.Name != "" {
			text += " " + m.Name
		}
		if m.OS != "" {
			text += " " + m.OS
		}
		fmt.Fprintf(w, "    %s\n", display.Text(text))
	}
}
