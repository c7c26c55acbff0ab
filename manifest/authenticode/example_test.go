package authenticode_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// Checks the signature of a program.
func ExampleVerifyPE() {
	f, err := os.Open(filepath.Join("testdata", "versioned", "tool.exe"))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}

	// Microsoft's roots are built in; this program needs another one.
	root, err := os.ReadFile(filepath.Join("testdata", "versioned", "root.der"))
	if err != nil {
		log.Fatal(err)
	}
	roots, err := authenticode.ParseRoots(root)
	if err != nil {
		log.Fatal(err)
	}
	signature, err := authenticode.VerifyPE(f, stat.Size(), authenticode.Options{Roots: roots})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signature.Status, signature.Signer, signature.Timestamp.Format(time.DateOnly))
	fmt.Println(signature.SignedBy("Example Corp."))
	// Output:
	// valid Example Signer 2010-01-25
	// true
}

// Checks a file that has no signature against a catalog that lists it.
func ExampleParseCatalog() {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", "catalog", name))
		if err != nil {
			log.Fatal(err)
		}
		return data
	}
	roots, err := authenticode.ParseRoots(read("root.der"))
	if err != nil {
		log.Fatal(err)
	}
	catalog, err := authenticode.ParseCatalog("files.cat", read("files.cat"), authenticode.Options{
		Roots: roots,
		At:    time.Date(2010, 1, 25, 0, 0, 0, 0, time.UTC), // it has no timestamp
	})
	if err != nil {
		log.Fatal(err)
	}
	c := authenticode.NewCollector(authenticode.Options{Catalogs: []*authenticode.Catalog{catalog}})
	c.Write(read("readme.txt"))
	signature := c.Finish()
	fmt.Println(signature.Status, signature.Catalog)
	// Output: valid files.cat
}
