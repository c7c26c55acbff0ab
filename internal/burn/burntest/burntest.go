// Package burntest builds WiX Burn bundles for tests: our own program, our own
// manifest, cabinets with given files. The same bundle always gives the same
// bytes.
package burntest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/binary"
	"encoding/xml"
	"fmt"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A Bundle describes the bundle to build.
type Bundle struct {
	V3          bool // the format of WiX 3: SHA-1, other namespace
	Application []File
	Containers  []Container
	External    []File // next to the bundle
	Chain       string // XML inside the Chain element
}

// A Container is a cabinet with payloads of the chain.
type Container struct {
	ID    string
	Path  string // of a detached container; empty for an attached one
	Files []File
}

// A File is a payload. Its identifier is its path.
type File struct {
	Path    string // a backslash separates folders
	Content []byte
}

// Build returns the bundle, and the detached containers by their paths.
func (b Bundle) Build() (bundle []byte, detached map[string][]byte, err error) {
	var attached [][]byte
	var list bytes.Buffer
	detached = map[string][]byte{}
	member := 0
	for _, c := range b.Containers {
		cabinet, names, err := pack("a", &member, c.Files)
		if err != nil {
			return nil, nil, err
		}
		where := fmt.Sprintf(`FilePath=%s`, quote(c.Path))
		if c.Path == "" {
			attached = append(attached, cabinet)
			where = fmt.Sprintf(`FilePath="test.exe" AttachedIndex="%d" Attached="yes" Primary="yes"`, len(attached))
		} else {
			detached[c.Path] = cabinet
		}
		fmt.Fprintf(&list, `<Container Id=%s %s %s />`, quote(c.ID), b.facts(cabinet), where)
		for i, f := range c.Files {
			fmt.Fprintf(&list, `<Payload Id=%[1]s FilePath=%[1]s %[2]s Packaging="embedded" SourcePath="%[3]s" Container=%[4]s />`,
				quote(f.Path), b.facts(f.Content), names[i], quote(c.ID))
		}
	}
	for _, f := range b.External {
		fmt.Fprintf(&list, `<Payload Id=%[1]s FilePath=%[1]s %[2]s Packaging="external" SourcePath=%[1]s />`, quote(f.Path), b.facts(f.Content))
	}
	first, err := b.application(list.String())
	if err != nil {
		return nil, nil, err
	}
	bundle, err = stub(first, attached)
	return bundle, detached, err
}

func quote(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return `"` + b.String() + `"`
}

// facts are the attributes that say what bytes must be.
func (b Bundle) facts(content []byte) string {
	sum512 := sha512.Sum512(content)
	sum := sum512[:]
	if b.V3 {
		sum1 := sha1.Sum(content)
		sum = sum1[:]
	}
	return fmt.Sprintf(`FileSize="%d" Hash="%X"`, len(content), sum)
}

// application returns the first container.
func (b Bundle) application(list string) ([]byte, error) {
	space := "http://wixtoolset.org/schemas/v4/2008/Burn"
	if b.V3 {
		space = "http://schemas.microsoft.com/wix/2008/Burn"
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><BurnManifest xmlns=%q><UX>", space)
	files := []File{{}}
	for i, f := range b.Application {
		facts := ""
		if b.V3 {
			facts = b.facts(f.Content)
		}
		fmt.Fprintf(&text, `<Payload Id=%[1]s FilePath=%[1]s %[2]s Packaging="embedded" SourcePath="u%[3]d" />`, quote(f.Path), facts, i)
		files = append(files, f)
	}
	fmt.Fprintf(&text, `</UX>%s<Registration Id="{11111111-2222-3333-4444-555555555555}" Version="1.2.3.4"><Arp DisplayName="Test bundle" Publisher="hotfixkit" /></Registration><Chain>%s</Chain></BurnManifest>`, list, b.Chain)
	files[0].Content = text.Bytes()
	zero := 0
	cabinet, _, err := pack("", &zero, files)
	return cabinet, err
}

// pack makes a cabinet whose members are named by numbers behind a prefix. With
// no prefix they are named as the application's: 0, u0, u1.
func pack(prefix string, member *int, files []File) ([]byte, []string, error) {
	var out bytes.Buffer
	var names []string
	w := cabtest.NewWriter(&out, cabtest.WriterOptions{Compression: cab.MSZIP})
	for i, f := range files {
		name := fmt.Sprint(prefix, *member)
		if prefix == "" && i > 0 {
			name = fmt.Sprint("u", i-1)
		}
		*member++
		names = append(names, name)
		if err := w.Add(cabtest.FileHeader{Name: name}, bytes.NewReader(f.Content)); err != nil {
			return nil, nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), names, err
}

// stub returns a program with the containers behind it.
func stub(first []byte, attached [][]byte) ([]byte, error) {
	program, err := petest.Image{Machine: pe.MachineI386, Sections: []petest.Section{{Name: ".wixburn", Data: make([]byte, 512)}}}.Build()
	if err != nil {
		return nil, err
	}
	layout, err := pe.ReadLayout(bytes.NewReader(program), int64(len(program)))
	if err != nil {
		return nil, err
	}
	s, _ := layout.Section(".wixburn")
	section := program[s.Offset:]
	le := binary.LittleEndian
	le.PutUint32(section, 0x00f14300)
	le.PutUint32(section[4:], 2)
	le.PutUint32(section[24:], uint32(len(program)))
	le.PutUint32(section[40:], 1)
	le.PutUint32(section[44:], uint32(1+len(attached)))
	all := append([][]byte{first}, attached...)
	for i, c := range all {
		le.PutUint32(section[48+4*i:], uint32(len(c)))
	}
	return append(program, bytes.Join(all, nil)...), nil
}
