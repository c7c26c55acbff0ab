package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// ResultFiles are the files that were written, by path. Each is made when it is asked
// for: there may be hundreds of thousands. In JSON they are a list of ResultFile.
type ResultFiles struct {
	plan  *Plan
	files []writtenFile
	names []string
	sums  [][sha256.Size]byte // empty where they were not asked for
}

// A writtenFile is what is kept of a file that was written.
type writtenFile struct {
	file *source.File // nil for one that is none of the package's
	size int64
	at   uint32 // into ResultFiles.names, where file is nil
	sum  uint32 // into ResultFiles.sums
}

// written returns what was written so far.
func (w *writer) written() ResultFiles {
	r := ResultFiles{plan: w.plan, files: w.files, names: w.names, sums: w.sums}
	r.files = sortedBy(r.files, func(f writtenFile) (folder, name string) {
		if f.file == nil {
			return "", r.names[f.at]
		}
		return r.plan.split(f.file)
	})
	return r
}

func (r ResultFiles) path(f writtenFile) string {
	if f.file == nil {
		return r.names[f.at]
	}
	return r.plan.Path(f.file)
}

// Len returns the number of files.
func (r ResultFiles) Len() int { return len(r.files) }

// Bytes returns the size of all files together.
func (r ResultFiles) Bytes() int64 {
	var n int64
	for _, f := range r.files {
		n += f.size
	}
	return n
}

// All yields the files.
func (r ResultFiles) All() iter.Seq[ResultFile] {
	return func(yield func(ResultFile) bool) {
		for _, f := range r.files {
			one := ResultFile{Path: r.path(f), Size: f.size}
			if len(r.sums) > 0 {
				one.SHA256 = hex.EncodeToString(r.sums[f.sum][:])
			}
			if !yield(one) {
				return
			}
		}
	}
}

// JSONElements yields the files to an encoder that prints one after the other.
func (r ResultFiles) JSONElements() iter.Seq[any] {
	return func(yield func(any) bool) {
		for f := range r.All() {
			if !yield(&f) {
				return
			}
		}
	}
}

// MarshalJSON makes a list of all of them.
func (r ResultFiles) MarshalJSON() ([]byte, error) {
	return json.Marshal(slices.AppendSeq([]ResultFile{}, r.All()))
}
