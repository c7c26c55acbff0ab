package report

import (
	"slices"

	"github.com/hotfixkit/hotfixkit/internal/display"
)

// maxRows bounds the rows of each table of the page: a browser shows no more in
// reasonable time, and nobody reads them.
const maxRows = 5_000

// fileList is one table of files.
type fileList struct {
	Files     []fileView
	Signature *signatureView // that of each file found, where all have the same
	Remarks   []string       // that are made on each file found
	Hidden    string         // how many more there are; "" when all are shown
}

// add adds a file, unless there are too many.
func (l *fileList) add(make func() fileView) {
	if len(l.Files) < maxRows {
		l.Files = append(l.Files, make())
	}
}

// finish says once what all files have in common. Total is how many files there
// are, shown or not.
func (l *fileList) finish(total int) {
	if n := total - len(l.Files); n > 0 {
		l.Hidden = display.Count(n, "more file is", "more files are")
	}
	found := 0
	same := true
	remarks := make(map[string]int)
	for _, f := range l.Files {
		if f.Word == missingWord || f.Word == unreadableWord {
			continue
		}
		if found++; l.Signature == nil {
			l.Signature = f.Signature
		}
		same = same && f.Signature.equal(l.Signature)
		for _, r := range f.Remarks {
			remarks[r]++
		}
	}
	if !same || found < 2 {
		l.Signature = nil
	}
	for i := range l.Files {
		f := &l.Files[i]
		if l.Signature != nil {
			f.Signature = nil
		}
		f.Remarks = slices.DeleteFunc(f.Remarks, func(r string) bool {
			common := found > 1 && remarks[r] == found && f.Word != missingWord && f.Word != unreadableWord
			if common && !slices.Contains(l.Remarks, r) {
				l.Remarks = append(l.Remarks, r)
			}
			return common
		})
	}
}

// missingWord is the result of a file that was not found, unreadableWord that of one
// that cannot be read.
const (
	missingWord    = "Missing"
	unreadableWord = "Cannot be read"
)

// equal reports whether two signatures read the same.
func (s *signatureView) equal(t *signatureView) bool {
	return s != nil && t != nil && s.Class == t.Class && s.Word == t.Word && slices.Equal(s.Details, t.Details)
}
