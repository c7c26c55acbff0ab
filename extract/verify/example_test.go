package verify_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// unpacked extracts a package to a folder.
func unpacked(ctx context.Context, ref, dir string) error {
	p, err := source.Open(ctx, ref, source.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	plan, err := extract.NewPlan(p, extract.Options{})
	if err != nil {
		return err
	}
	_, err = plan.Write(ctx, dir, extract.WriteOptions{})
	return err
}

// Whether the files in a folder are those of Microsoft's table.
func Example() {
	ctx := context.Background()
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "image")
	if err := unpacked(ctx, "../../testdata/kb977203/SCCM2007-SP2-KB977203-ENU.msi", dir); err != nil {
		log.Fatal(err)
	}

	set, err := manifest.Open("kb977203")
	if err != nil {
		log.Fatal(err)
	}
	check := func() {
		result, _, err := verify.Check(ctx, []string{dir}, verify.Options{Manifest: set}, manifest.CompareOptions{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Manifest, result.OK)
		for _, f := range result.Files {
			if f.Status != manifest.OK {
				fmt.Println(" ", f.Name, f.Status)
			}
		}
	}
	check()
	if err := os.Remove(filepath.Join(dir, "bin", "i386", "Mcs.msi")); err != nil {
		log.Fatal(err)
	}
	check()
	// Output:
	// kb977203-sp2 true
	// kb977203-sp2 false
	//   Mcs.msi missing
}
