package msp_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/msp"
)

// Where the bytes of the files come from that a patch changes.
func Example() {
	ctx := context.Background()
	base, err := source.Open(ctx, "../testdata/kb977203/client-sp2/client.msi", source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer base.Close()
	file, err := source.Open(ctx, "../testdata/kb977203/SCCM2007-SP2-KB977203-ENU.msi//SCCM2007AC-SP2-KB977203-x86.msp", source.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()

	patch, err := msp.New(file.Database())
	if err != nil {
		log.Fatal(err)
	}
	plan, err := msp.Apply(ctx, base.Database(), patch)
	if err != nil {
		log.Fatal(err)
	}
	var keys []string
	for key, f := range plan.Files {
		how := "deltas"
		if f.Whole != nil {
			how = "a whole file"
		}
		keys = append(keys, key+": "+how)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Println(key)
	}
	// Output:
	// ccmgencert.dll: a whole file
	// certfix.mof: a whole file
	// osdsmpclient.dll: deltas
}
