package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
	"github.com/hotfixkit/hotfixkit/msi"
)

// An Identity says which package was read.
type Identity struct {
	Name        string                  `json:"name"`
	Kind        source.Kind             `json:"kind"`
	Size        int64                   `json:"size"`
	SHA256      string                  `json:"sha256,omitempty"`
	Description string                  `json:"description,omitempty"` // product and version
	Language    int                     `json:"product_language,omitempty"`
	Signature   *authenticode.Signature `json:"signature,omitempty"` // nil where not asked for, and for an rpm
	// Neighbours are the files next to the package, or on the media, that were read as
	// part of it.
	Neighbours []string `json:"neighbours,omitempty"`
	// Inside is the download or other package that this one is inside.
	Inside *Identity `json:"inside,omitempty"`

	keyring bool // an rpm whose signature by one of given keys was checked
}

// identify identifies a package. Its SHA-256 and its signature, which read the
// whole of it, are found out where o asks for them.
func identify(ctx context.Context, p *source.Package, o manifest.InspectOptions) (*Identity, error) {
	id := &Identity{
		Name: p.Name(), Kind: p.Kind(), Size: p.Size(), Language: language(p),
		Description: strings.TrimSpace(Property(p, "ProductName") + " " + Property(p, "ProductVersion")),
	}
	id.keyring = p.Kind() == source.RPM && p.KeyringUsed()
	if o.SHA256 {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(source.Until(ctx, p), 0, p.Size())); err != nil {
			return nil, &source.Error{Package: p.Ref(), Err: err}
		}
		id.SHA256 = hex.EncodeToString(h.Sum(nil))
	}
	if o.Signature != nil {
		var err error
		if id.Signature, err = Signature(ctx, p, *o.Signature); err != nil {
			return nil, err
		}
	}
	if p.Outer() != nil {
		var err error
		if id.Inside, err = identify(ctx, p.Outer(), o); err != nil {
			return nil, err
		}
	}
	return id, nil
}

// Signature checks the Authenticode signature of a compound file, a cabinet or a
// program. It returns nil for an rpm, whose signature is one of another kind, and
// for a zip, which has none.
func Signature(ctx context.Context, p *source.Package, o authenticode.Options) (*authenticode.Signature, error) {
	verify := authenticode.VerifyMSI
	switch p.Kind() {
	case source.RPM, source.ZIP:
		return nil, nil
	case source.CAB:
		verify = authenticode.VerifyCAB
	case source.SFX, source.BURN:
		verify = authenticode.VerifyPE
	}
	signature, err := verify(source.Until(ctx, p), p.Size(), o)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &source.Error{Package: p.Ref(), Place: "signature", Err: err}
	}
	return signature, nil
}

// language returns the ProductLanguage of a package, 0 where it has none.
func language(p *source.Package) int {
	n, err := strconv.Atoi(Property(p, "ProductLanguage"))
	if err != nil {
		return 0
	}
	return n
}

// Property returns a value of the package's Property table, or "".
func Property(p *source.Package, name string) string {
	if p.Database() == nil {
		return ""
	}
	return p.Database().Property(name)
}

// IsImage reports whether the database of a package says that the package is an
// administrative image (Windows Installer: Word Count Summary property).
func IsImage(p *source.Package) bool {
	if p.Kind() != source.MSI {
		return false
	}
	words, _ := p.Database().Summary().Int(msi.PIDWordCount)
	return words&msi.SourceAdminImage != 0
}
