package source_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io/fs"
	"log"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// Open a package and walk its files. Each is hashed while it is decoded, and reported
// only when it is what the package says.
func Example() {
	ctx := context.Background()
	p, err := source.Open(ctx, "../../testdata/kb977203/SCCM2007-SP2-KB977203-ENU.msi", source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	want := func(f *source.File, _ source.Stored) (source.Sink, error) {
		return &hashing{Hash: sha256.New(), name: f.Name()}, nil
	}
	if err := p.Walk(ctx, want, source.WalkOptions{Files: p.Find("CCMCertFix.exe")}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Kind(), len(p.Files()), "files")
	// Output:
	// CCMCertFix.exe 221cb0f3
	// msi 13 files
}

// hashing is a sink that prints what it hashed.
type hashing struct {
	hash.Hash
	name string
}

func (h *hashing) Close(cause error) error {
	if cause == nil {
		fmt.Printf("%s %x\n", h.name, h.Sum(nil)[:4])
	}
	return nil
}

// Read a package as a file system.
func ExamplePackage_FS() {
	p, err := source.Open(context.Background(), "../../testdata/kb977203/SCCM2007-SP2-KB977203-ENU.msi", source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	names, err := fs.Glob(p.FS(), "Client/i386/hotfix/*/*.msp")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(p.FS(), name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, len(data), "bytes")
	}
	// Output:
	// Client/i386/hotfix/KB977203/SCCM2007AC-SP2-KB977203-x86.msp 444928 bytes
}
