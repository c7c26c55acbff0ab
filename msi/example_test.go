package msi_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

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

// A package with another property, an added stream and a new title. What was not
// changed is copied as it is.
func ExampleDatabase_Save() {
	db, err := msi.Open("testdata/example.msi")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	changed := db.Clone()
	if _, err := changed.Table("Property").Insert(msi.String("ARPNOREPAIR"), msi.String("1")); err != nil {
		log.Fatal(err)
	}
	notes := "kept next to the tables"
	err = changed.SetStreamFrom("notes.txt", int64(len(notes)), func() (io.Reader, error) { return strings.NewReader(notes), nil })
	if err != nil {
		log.Fatal(err)
	}
	if err := changed.Summary().SetString(msi.PIDTitle, "Example, changed"); err != nil {
		log.Fatal(err)
	}
	changed.Summary().SetTime(msi.PIDLastSaved, time.Date(2010, 1, 25, 0, 0, 0, 0, time.UTC))

	var file bytes.Buffer
	if err := changed.Save(&file); err != nil {
		log.Fatal(err)
	}
	again, err := msi.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Property("ARPNOREPAIR"), again.Summary().String(msi.PIDTitle), again.Streams())
	// Output: 1 Example, changed [files.cab notes.txt]
}

// A transform that makes one package of another.
func ExampleDiff_Transform() {
	old, err := msi.Open("testdata/example.msi")
	if err != nil {
		log.Fatal(err)
	}
	defer old.Close()
	changed := old.Clone()
	row, ok := changed.Table("Property").Find(msi.String("ProductVersion"))
	if !ok {
		log.Fatal("no version")
	}
	if err := row.SetCol("Value", msi.String("1.0.1")); err != nil {
		log.Fatal(err)
	}
	diff, err := msi.Compare(old, changed)
	if err != nil {
		log.Fatal(err)
	}
	storage, err := diff.Transform(msi.TransformOptions{Validation: msi.ValidateProduct})
	if err != nil {
		log.Fatal(err)
	}

	transform, err := msi.LoadTransform(storage)
	if err != nil {
		log.Fatal(err)
	}
	copy := old.Clone()
	if err := transform.Apply(copy, msi.ApplyOptions{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(copy.Property("ProductVersion"))
	// Output: 1.0.1
}
