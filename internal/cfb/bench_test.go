package cfb_test

import (
	"bytes"
	"testing"

	"github.com/richardlehane/mscfb"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

func BenchmarkNewReader(b *testing.B) {
	file := write(b, sample(), 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cfb.NewReader(bytes.NewReader(file), int64(len(file))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewReaderMSCFB(b *testing.B) {
	file := write(b, sample(), 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mscfb.New(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
