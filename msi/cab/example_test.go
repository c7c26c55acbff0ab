package cab_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// sized is a Sink that prints the size of a member once it is known to be whole.
type sized struct {
	name string
	size int
}

func (s *sized) Write(p []byte) (int, error) {
	s.size += len(p)
	return len(p), nil
}

func (s *sized) Close(err error) error {
	if err == nil {
		fmt.Printf("%s: %d bytes\n", s.name, s.size)
	}
	return err
}

func ExampleSet_Decode() {
	file, err := os.Open("testdata/mszip.cab")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	cabinet, err := cab.Open(file, info.Size(), cab.Options{Name: "mszip.cab"})
	if err != nil {
		log.Fatal(err)
	}
	set, err := cab.NewSet([]*cab.Cabinet{cabinet}, cab.SetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	err = set.Decode(context.Background(), func(f *cab.File) (cab.Sink, error) {
		if !strings.HasSuffix(f.Name, ".txt") {
			return nil, nil // not wanted
		}
		return &sized{name: f.Name}, nil
	}, cab.DecodeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// empty.txt: 0 bytes
	// one.txt: 1 bytes
	// text.txt: 385890 bytes
}
