package cab_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// printed is a Sink that shows a member once it is known to be whole.
type printed struct {
	name string
	bytes.Buffer
}

func (p *printed) Close(err error) error {
	if err == nil {
		fmt.Printf("%s: %s\n", p.name, p.String())
	}
	return err
}

func ExampleSet_Decode() {
	var file bytes.Buffer
	w := cab.NewWriter(&file, cab.WriterOptions{Compression: cab.MSZIP})
	for _, name := range []string{"first.txt", "second.txt"} {
		if err := w.Add(cab.FileHeader{Name: name}, strings.NewReader("content of "+name)); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	cabinet, err := cab.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), cab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	set, err := cab.NewSet([]*cab.Cabinet{cabinet}, cab.SetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	err = set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		return &printed{name: f.Name}, nil
	}, cab.DecodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// first.txt: content of first.txt
	// second.txt: content of second.txt
}
