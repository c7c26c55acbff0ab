package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/manifest/authenticode"
)

// ErrSize means that a file had more or fewer bytes than announced.
var ErrSize = errors.New("size differs from what was announced")

// File is a file about to be inspected.
type File struct {
	Target string    // what the user named: a package, a folder or this file
	Path   string    // in the target, "/" between elements; "outer.msp//file" for a file inside a nested package
	Name   string    // base name
	Size   int64     // bytes; -1 where unknown
	Time   time.Time // of the last change; zero where unknown
}

// Actual is what an [Inspector] found out about a file.
type Actual struct {
	Target string `json:"-"`
	Path   string `json:"-"`
	Name   string `json:"-"`

	Version string `json:"version,omitempty"` // of VS_FIXEDFILEINFO, which identifies the build
	// StringVersion is the FileVersion string, where its number differs from Version.
	StringVersion string `json:"string_version,omitempty"`
	Size          int64  `json:"size"`
	Date          string `json:"date,omitempty"` // "2010-01-25", UTC
	Time          string `json:"time,omitempty"` // "06:27", UTC
	Platform      string `json:"platform,omitempty"`
	SHA256        string `json:"sha256,omitempty"`
	OriginalName  string `json:"original_name,omitempty"` // the OriginalFilename string
	// Problems are sentences about what could not be read, as a damaged version
	// resource.
	Problems []string `json:"problems,omitempty"`

	// Signature is nil where signatures were not asked for, for kinds of files that
	// carry none, and as long as SignaturePending.
	Signature *authenticode.Signature `json:"-"`
	// SignaturePending says that the file is a package, a cabinet or a catalog that may
	// be signed, and that its signature was asked for and not checked yet, because it
	// came by only once: see [Actual.CheckSignature].
	SignaturePending bool `json:"-"`

	content   content
	signable  bool // of a kind whose signature is checked
	unchecked bool // it carries a signature, or may, that is not checked
}

// InspectOptions say what to find out besides version, platform and size. What is
// not asked for costs nothing.
type InspectOptions struct {
	SHA256    bool
	Signature *authenticode.Options // nil: signatures are not checked
}

// Inspector finds out what there is to know about one file whose bytes come by
// once, in order. It keeps little: the headers and version resources of an
// executable, and its certificates. The signature of a package, a cabinet or a catalog
// needs random access; of those that may be signed the caller must check it afterwards
// ([Actual.SignaturePending]). Several Inspectors may work at the same time.
type Inspector struct {
	file    File
	options InspectOptions
	size    int64
	start   []byte // the first bytes, until the kind is known
	known   bool

	sha256     hash.Hash
	executable *pe.Collector
	signature  *authenticode.Collector
	content    content
	trace      trace       // of its signature
	random     io.ReaderAt // the same bytes, or nil
}

// minutes is the form of times in manifests.
const minutes = "15:04"

// NewInspector returns an Inspector for one file.
func NewInspector(f File, o InspectOptions) *Inspector {
	i := &Inspector{file: f, options: o}
	if o.SHA256 {
		i.sha256 = sha256.New()
	}
	return i
}

// Write takes the next bytes of the file. It never fails.
func (i *Inspector) Write(p []byte) (int, error) {
	i.size += int64(len(p))
	if i.sha256 != nil {
		i.sha256.Write(p)
	}
	if i.known {
		i.feed(p)
		return len(p), nil
	}
	start := p
	if len(i.start) > 0 || len(p) < magicSize {
		i.start = append(i.start, p...)
		start = i.start
	}
	if len(start) >= magicSize {
		i.decide(start)
	}
	return len(p), nil
}

// decide chooses the collectors by the first bytes and feeds them.
func (i *Inspector) decide(start []byte) {
	i.known, i.start = true, nil
	i.content = contentOf(start)
	if i.content == contentProgram {
		i.executable = pe.NewCollector()
	}
	if o := i.options.Signature; o != nil {
		// A catalog may list files of any kind.
		if i.content == contentProgram || len(o.Catalogs) > 0 {
			i.signature = authenticode.NewCollector(*o)
		}
		i.trace = newTrace(i.content, i.file.Name)
	}
	i.feed(start)
}

func (i *Inspector) feed(p []byte) {
	if i.executable != nil {
		i.executable.Write(p)
	}
	if i.signature != nil {
		i.signature.Write(p)
	}
	i.trace.Write(p)
}

// Finish is called after the last byte and returns what was found. The error
// wraps [ErrSize] when another number of bytes came by than announced.
func (i *Inspector) Finish() (*Actual, error) {
	if i.file.Size >= 0 && i.file.Size != i.size {
		return nil, fmt.Errorf("%s: %w: %d bytes, expected %d", i.file.Path, ErrSize, i.size, i.file.Size)
	}
	if !i.known {
		i.decide(i.start)
	}
	a := newActual(i.file, i.size)
	if i.sha256 != nil {
		a.SHA256 = hex.EncodeToString(i.sha256.Sum(nil))
	}
	if i.executable != nil {
		a.setExecutable(i.executable.Finish())
	}
	a.content = i.content
	if o := i.options.Signature; o != nil {
		var own *authenticode.Signature
		if i.signature != nil {
			own = i.signature.Finish()
		}
		a.judge(own, i.trace.found, i.random, *o)
	} else {
		a.signable = a.signable || i.content.randomAccess()
	}
	return a, nil
}

// judge takes what came by of a file's signature: the verdict of its own signature,
// as far as it is a program, and of catalogs, which may be nil; and whether it holds
// the trace of another signature. With random access, which may be nil, that is checked
// at once.
func (a *Actual) judge(s *authenticode.Signature, traced bool, random io.ReaderAt, o authenticode.Options) {
	switch a.content {
	case contentCompound, contentCabinet:
		a.signable = true
	case contentMessage:
		a.signable = traced
	case contentRPM:
		a.unchecked = true
	case contentUnknown:
		a.unchecked = traced
	}
	// What cannot carry a signature is not unsigned, and an untrusted catalog that lists
	// it makes it no worse.
	switch {
	case s == nil:
	case a.content == contentProgram, s.Status == authenticode.Valid,
		s.Status != authenticode.None && a.carriage("") != carriesNone:
		a.Signature = s
	}
	if !a.signable || a.content == contentProgram {
		return
	}
	switch {
	case traced && random != nil:
		a.CheckSignature(random, o)
	case traced:
		a.SignaturePending = true
	case a.Signature == nil:
		a.Signature = &authenticode.Signature{Status: authenticode.None}
	}
}

// Inspect finds out what there is to know about a file of which r holds the
// content. Where r is an io.ReaderAt too and no hash is asked for, only a few KiB
// are read, and signatures of packages of any size are checked.
func Inspect(f File, r io.Reader, o InspectOptions) (*Actual, error) {
	at, random := r.(io.ReaderAt)
	random = random && f.Size >= 0
	if random && !o.SHA256 {
		a, err := inspectAt(f, at, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		return a, nil
	}
	i := NewInspector(f, o)
	if random {
		i.random = at
	}
	if _, err := io.Copy(i, r); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return i.Finish()
}

func inspectAt(f File, r io.ReaderAt, o InspectOptions) (*Actual, error) {
	a := newActual(f, f.Size)
	magic := make([]byte, min(magicSize, f.Size))
	if n, err := r.ReadAt(magic, 0); n < len(magic) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %d bytes, expected %d", ErrSize, n, f.Size)
		}
		return nil, err
	}
	a.content = contentOf(magic)
	if a.content == contentProgram {
		a.setExecutable(pe.Read(r, f.Size))
	}
	if o.Signature == nil {
		a.signable = a.signable || a.content.randomAccess()
		return a, nil
	}
	var s *authenticode.Signature
	if a.content == contentProgram || len(o.Signature.Catalogs) > 0 && !a.content.randomAccess() {
		var err error
		if s, err = authenticode.VerifyPE(r, f.Size, *o.Signature); err != nil {
			return nil, err
		}
	}
	traced, err := traceAt(a, r)
	if err != nil {
		return nil, err
	}
	a.judge(s, traced, r, *o.Signature)
	return a, nil
}

// traceAt looks for the trace of a signature. What is checked at once needs none.
func traceAt(a *Actual, r io.ReaderAt) (bool, error) {
	if a.content == contentCompound || a.content == contentCabinet {
		return true, nil
	}
	t := newTrace(a.content, a.Name)
	if t.needles == nil {
		return false, nil
	}
	_, err := io.Copy(&t, io.NewSectionReader(r, 0, a.Size))
	return t.found, err
}

func newActual(f File, size int64) *Actual {
	a := &Actual{Target: f.Target, Path: f.Path, Name: f.Name, Size: size}
	if !f.Time.IsZero() {
		t := f.Time.UTC()
		a.Date, a.Time = t.Format(time.DateOnly), t.Format(minutes)
	}
	return a
}

func (a *Actual) problem(format string, args ...any) {
	a.Problems = append(a.Problems, fmt.Sprintf(format, args...))
}

// setExecutable takes what package pe found. A file that starts like an
// executable and is none, as a program for MS-DOS, has neither version nor
// platform.
func (a *Actual) setExecutable(info *pe.Info, err error) {
	if err != nil && !errors.Is(err, pe.ErrNotExecutable) {
		a.problem("%s", err)
	}
	// What starts like an executable is taken for one that can be signed.
	a.signable = info == nil || info.Format != pe.NE
	if info == nil {
		return
	}
	a.Platform = info.Machine.String()
	a.Version = info.FileVersion()
	a.OriginalName = info.String("OriginalFilename")
	if s := info.String("FileVersion"); s != "" && !sameNumber(s, a.Version) {
		a.StringVersion = s
	}
}

// CheckSignature checks the signature of a package, a cabinet or a catalog, of which r
// holds the content: what an [Inspector] leaves to its caller where SignaturePending.
func (a *Actual) CheckSignature(r io.ReaderAt, o authenticode.Options) {
	verify := authenticode.VerifyMSI
	switch a.content {
	case contentCabinet:
		verify = authenticode.VerifyCAB
	case contentMessage:
		verify = authenticode.VerifyCatalog
	}
	a.SignaturePending = false
	s, err := verify(r, a.Size, o)
	if err != nil {
		a.problem("the signature could not be read: %s", err)
		s = &authenticode.Signature{Status: authenticode.Invalid, Notes: []string{err.Error()}}
	}
	a.Signature = s
}
