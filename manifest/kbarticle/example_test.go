package kbarticle_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
)

// A manifest from the file table of an article, here a list of tab-separated cells.
func Example() {
	f, err := os.Open("../../testdata/kb977203/KB9000012_FileList.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	manifests, err := kbarticle.Import(context.Background(), f, filepath.Base(f.Name()), kbarticle.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range manifests {
		for _, row := range m.Files {
			fmt.Println(row.Name, *row.Size, row.Date)
		}
		for _, w := range m.Warnings {
			fmt.Println("line", w.Line, w.Message)
		}
	}
	// Output:
	// configmgr2012adminui-sp1-kb9000012-i386.msp 262144 2013-04-25
	// configmgr2012ac-sp1-kb9000012-i386.msp 262144 2013-04-25
	// configmgr2012ac-sp1-kb9000012-x64.msp 262144 2013-04-25
}
