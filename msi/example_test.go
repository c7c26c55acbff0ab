package msi_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
)

// The files of a package, with the paths that an administrative image gives them.
func Example() {
	db, err := msi.Open("testdata/example.msi")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	model, err := db.Model()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Property("ProductName"), db.Property("ProductVersion"))
	for f := range model.Files() {
		fmt.Println(strings.Join(f.SourcePath(false), "/"), f.Size(), f.Cabinet())
	}
	// Output:
	// Example 1.0.0
	// PFiles/Example 1.0/Hello world.txt 16 #files.cab
}

// What a transform does to a package.
func ExampleTransform_Apply() {
	db, err := msi.Open("testdata/example.msi")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	storage, err := msi.Open("testdata/japanese.mst")
	if err != nil {
		log.Fatal(err)
	}
	defer storage.Close()
	transform, err := msi.LoadTransform(storage)
	if err != nil {
		log.Fatal(err)
	}
	if err := transform.Apply(db, msi.ApplyOptions{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Property("ProductLanguage"), db.Property("Greeting"))
	// Output: 1041 おはようございます
}
