package manifest_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// The version and the signature of a program.
func ExampleInspect() {
	f, err := os.Open("authenticode/testdata/versioned/tool.exe")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	// Microsoft's roots are built in; this program needs another one.
	root, err := os.ReadFile("authenticode/testdata/versioned/root.der")
	if err != nil {
		log.Fatal(err)
	}
	roots, err := authenticode.ParseRoots(root)
	if err != nil {
		log.Fatal(err)
	}
	facts, err := manifest.Inspect(
		manifest.File{Path: "tool.exe", Name: "tool.exe", Size: stat.Size()}, f,
		manifest.InspectOptions{Signature: &authenticode.Options{Roots: roots}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(facts.Version, facts.Platform)
	fmt.Println(facts.Signature.Status, facts.Signature.Signer, facts.Signature.Timestamp.Format(time.DateOnly))
	// Output:
	// 1.2.3.4 x64
	// valid Example Signer 2010-01-25
}
