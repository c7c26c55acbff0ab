package extract_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

// This writes the patches in a package to a folder, shows how far it is, and gives up
// on a package that holds more than it should.
func Example() {
	ctx := context.Background()
	p, err := source.Open(ctx, filepath.Join("..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi"), source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	plan, err := extract.NewPlan(p, extract.Options{
		Layout:  extract.Flat,
		Include: []string{"*.msp"},
		Limits:  extract.Limits{MaxBytes: 100 << 20, MaxFiles: 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	var done, total int64
	result, err := plan.Write(ctx, filepath.Join(parent, "out"), extract.WriteOptions{
		Progress: func(d, t int64) { done, total = d, t }, // calls do not overlap
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done == total)
	for f := range result.Files.All() {
		fmt.Println(f.Path, f.Size)
	}
	// Output:
	// true
	// SCCM2007AC-SP2-KB977203-x86.msp 444928
}
