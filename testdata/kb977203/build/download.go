package main

import (
	"bytes"
	"path"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/internal/zip/ziptest"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// The downloads. Names of the self-extracting zips are of the form that KB2477182
// gives: <FixID>_<Language>_<Platform>_zip.exe.
const (
	zipName       = "977203_ENU_i386_zip.exe"
	protectedName = "977203_ENU_i386_password_zip.exe"
	protectedWith = "stand-in"
	updateName    = "SCCM2007-SP1-KB977203-x86-ENU.exe"
)

// downloads builds the programs in which a hotfix is downloaded: before Service
// Pack 2 they were built with Update.exe, from then on a zip with the package.
func (sp *servicePack) downloads(client *client, name string, hotfix []byte) (map[string][]byte, error) {
	if sp.name == "SP1" {
		content, err := sp.update(client)
		return map[string][]byte{updateName: content}, err
	}
	at, err := sp.newest()
	if err != nil {
		return nil, err
	}
	member := ziptest.Member{Name: name, Content: hotfix, Modified: at}
	open, err := selfExtractor(at, "", member)
	if err != nil {
		return nil, err
	}
	member.Encryption = ziptest.Traditional
	protected, err := selfExtractor(at, protectedWith, member)
	return map[string][]byte{zipName: open, protectedName: protected}, err
}

// newest is the latest of the published times.
func (sp *servicePack) newest() (time.Time, error) {
	var newest time.Time
	for _, row := range sp.rows {
		at, err := modified(row)
		if err != nil {
			return at, err
		}
		if at.After(newest) {
			newest = at
		}
	}
	return newest, nil
}

// selfExtractor is a program with a zip behind it. The program does nothing.
func selfExtractor(at time.Time, password string, members ...ziptest.Member) ([]byte, error) {
	program, err := stub("zip", at).Build()
	if err != nil {
		return nil, err
	}
	archive, err := ziptest.Build(password, members...)
	return append(program, archive...), err
}

// stub is a program that does nothing.
func stub(what string, at time.Time) petest.Image {
	return petest.Image{
		Machine:   pe.MachineI386,
		Timestamp: uint32(at.Unix()),
		Versions:  []*pe.Version{petest.Version(pe.Number{1}, what+".exe", standIn, "hotfixkit stand-ins")},
	}
}

// update is a program of the form that Update.exe packages have: a cabinet in the
// file behind what a section loads.
func (sp *servicePack) update(client *client) ([]byte, error) {
	files, err := sp.payloads(client)
	if err != nil {
		return nil, err
	}
	at, err := sp.newest()
	if err != nil {
		return nil, err
	}
	var cabinet bytes.Buffer
	w := cabtest.NewWriter(&cabinet, cabtest.WriterOptions{Compression: cab.MSZIP})
	for _, f := range files {
		name := strings.ReplaceAll(path.Join(folder(f.directory), f.name), "/", `\`)
		h := cabtest.FileHeader{Name: name, Modified: f.modified, Attributes: cab.AttrArchive}
		if err := w.Add(h, bytes.NewReader(f.content)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	image := stub("update", at)
	image.Sections = []petest.Section{{Name: ".data", Data: make([]byte, 4), Hidden: cabinet.Bytes()}}
	return image.Build()
}

// folder is the path of a directory of the hotfix package.
func folder(key string) string {
	for _, d := range directories {
		if d[0] == key && d[1] != "" {
			return path.Join(folder(d[1]), d[2])
		}
	}
	return ""
}
