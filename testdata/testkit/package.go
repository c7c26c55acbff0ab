package testkit

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// Modified is the time of every member of a cabinet.
var Modified = time.Date(2010, 1, 25, 6, 26, 58, 0, time.UTC)

// A File is one row of the File table and its content.
type File struct {
	Key        string
	Name       string // "short|long"; Key when empty
	Directory  string // INSTALLDIR when empty
	Feature    string // Main when empty, none for "-"
	Content    string
	Size       int // of the row, where it is not that of Content
	Attributes int32
	Hash       bool   // with a MsiFileHash row
	WrongHash  bool   // with one of other content
	ZeroHash   bool   // with four zeros
	Member     string // name in the cabinet, where it is not Key
	Lost       bool   // in no cabinet
}

// A Media is one row of the Media table.
type Media struct {
	Files   int    // how many of the package's files, in order, lie on it
	Cabinet string // "#stream", a file name, or nothing
}

// A Package is what is built. The zero value of a field gives something usual.
type Package struct {
	WordCount   int32       // 0: compressed (2); -1: 0
	Directories [][3]string // key, parent, DefaultDir
	Features    [][3]string // key, parent, "0" for Level 0
	Media       []Media     // one embedded cabinet when empty
	Files       []File
	Properties  [][2]string
	Streams     map[string]string
	Module      bool // a merge module: no Media and Feature tables
	Compression cab.Compression
	VolumeSize  int64 // cabinets next to the package run through volumes of this size
}

// Build returns the package and the cabinets that belong next to it.
func Build(t testing.TB, p Package) (database []byte, beside map[string][]byte) {
	t.Helper()
	db, err := msi.New(msi.KindDatabase, 1252)
	require.NoError(t, err)
	b := &builder{t: t, db: db, p: p, beside: map[string][]byte{}}
	b.tables()
	b.media()
	for name, content := range p.Streams {
		require.NoError(t, db.SetStream(name, []byte(content)))
	}
	var out bytes.Buffer
	require.NoError(t, db.Save(&out))
	return out.Bytes(), b.beside
}

// Write builds a package into a folder, its cabinets next to it, and returns its
// path.
func Write(t testing.TB, dir, name string, p Package) string {
	t.Helper()
	database, beside := Build(t, p)
	beside[name] = database
	for name, content := range beside {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o666))
	}
	return filepath.Join(dir, name)
}

type builder struct {
	t      testing.TB
	db     *msi.Database
	p      Package
	beside map[string][]byte
}

func (b *builder) table(name string, columns ...string) {
	b.t.Helper()
	AddTable(b.t, b.db, name, columns...)
}

func (b *builder) insert(table string, cells ...any) {
	b.t.Helper()
	Insert(b.t, b.db, table, cells...)
}

func (b *builder) tables() {
	p := b.p
	wordCount := p.WordCount
	switch wordCount {
	case 0:
		wordCount = msi.SourceCompressed
	case -1:
		wordCount = 0
	}
	b.db.Summary().SetInt(msi.PIDWordCount, wordCount)
	require.NoError(b.t, b.db.Summary().SetString(msi.PIDRevision, "{11111111-2222-3333-4444-555555555555}"))

	if p.Module {
		b.table("ModuleSignature", "*ModuleID:s72", "*Language:i2", "Version:s32")
		b.insert("ModuleSignature", "Module.X", 0, "1.0")
	} else {
		b.table("Property", "*Property:s72", "Value:l0")
		b.insert("Property", "ProductCode", "{AAAAAAAA-2222-3333-4444-555555555555}")
		for _, property := range p.Properties {
			b.insert("Property", property[0], property[1])
		}
	}

	b.table("Directory", "*Directory:s72", "Directory_Parent:S72", "DefaultDir:l255")
	if p.Directories == nil {
		p.Directories = [][3]string{{"TARGETDIR", "", "SourceDir"}, {"INSTALLDIR", "TARGETDIR", "App"}}
	}
	for _, d := range p.Directories {
		b.insert("Directory", d[0], orNull(d[1]), d[2])
	}

	b.table("Component", "*Component:s72", "ComponentId:S38", "Directory_:s72", "Attributes:i2", "Condition:S255", "KeyPath:S72")
	b.table("File", "*File:s72", "Component_:s72", "FileName:l255", "FileSize:i4", "Version:S72", "Language:S20", "Attributes:I2", "Sequence:i4")
	b.table("MsiFileHash", "*File_:s72", "Options:i2", "HashPart1:i4", "HashPart2:i4", "HashPart3:i4", "HashPart4:i4")
	if !p.Module {
		b.table("Feature", "*Feature:s38", "Feature_Parent:S38", "Title:L64", "Level:i2", "Attributes:i2")
		if p.Features == nil {
			p.Features = [][3]string{{"Main", "", "1"}}
		}
		for _, f := range p.Features {
			level := 1
			if f[2] == "0" {
				level = 0
			}
			b.insert("Feature", f[0], orNull(f[1]), f[0], level, 0)
		}
		b.table("FeatureComponents", "*Feature_:s38", "*Component_:s72")
	}
	b.files()
}

// files fills the tables that describe files.
func (b *builder) files() {
	for i, f := range b.p.Files {
		component := "C" + f.Key
		b.insert("Component", component, nil, cmp.Or(f.Directory, "INSTALLDIR"), 0, nil, f.Key)
		size := len(f.Content)
		if f.Size != 0 {
			size = f.Size
		}
		b.insert("File", f.Key, component, cmp.Or(f.Name, f.Key), size, nil, nil, f.Attributes, i+1)
		if !b.p.Module && f.Feature != "-" {
			b.insert("FeatureComponents", cmp.Or(f.Feature, "Main"), component)
		}
		if f.Hash || f.WrongHash || f.ZeroHash {
			sum := md5.Sum([]byte(f.Content))
			if f.WrongHash {
				sum[3] ^= 1
			}
			if f.ZeroHash {
				sum = [16]byte{}
			}
			b.hash(f.Key, sum)
		}
	}
}

// hash adds a row to MsiFileHash.
func (b *builder) hash(key string, sum [md5.Size]byte) {
	part := func(i int) int32 { return int32(binary.LittleEndian.Uint32(sum[4*i:])) }
	b.insert("MsiFileHash", key, 0, part(0), part(1), part(2), part(3))
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// media writes the cabinets and the Media table.
func (b *builder) media() {
	if b.p.Module {
		b.cabinet("#MergeModule.CABinet", b.p.Files)
		return
	}
	media := b.p.Media
	if media == nil {
		media = []Media{{Files: len(b.p.Files), Cabinet: "#data.cab"}}
	}
	b.table("Media", "*DiskId:i2", "LastSequence:i4", "DiskPrompt:L64", "Cabinet:S255", "VolumeLabel:S32", "Source:S72")
	at := 0
	for i, m := range media {
		last := min(at+m.Files, len(b.p.Files))
		b.insert("Media", i+1, last, nil, orNull(m.Cabinet), nil, nil)
		if m.Cabinet != "" {
			b.cabinet(m.Cabinet, b.p.Files[at:last])
		}
		at = last
	}
}

func (b *builder) cabinet(where string, files []File) {
	var out bytes.Buffer
	volumes := map[string]*bytes.Buffer{}
	o := cabtest.WriterOptions{Compression: b.p.Compression, SetID: 77}
	if b.p.VolumeSize > 0 {
		o.VolumeSize = b.p.VolumeSize
		name := func(index int) string {
			if index == 0 {
				return where
			}
			return strings.TrimSuffix(where, ".cab") + string(rune('0'+index)) + ".cab"
		}
		o.VolumeName = func(index int) (string, string) { return strings.TrimPrefix(name(index), "#"), "disk" }
		o.OpenVolume = func(index int) (io.Writer, error) {
			volumes[name(index)] = &bytes.Buffer{}
			return volumes[name(index)], nil
		}
	}
	w := cabtest.NewWriter(&out, o)
	for _, f := range files {
		if f.Lost {
			continue
		}
		header := cabtest.FileHeader{Name: cmp.Or(f.Member, f.Key), Modified: Modified}
		require.NoError(b.t, w.Add(header, strings.NewReader(f.Content)))
	}
	require.NoError(b.t, w.Close())
	volumes[where] = &out
	for name, data := range volumes {
		if stream, embedded := strings.CutPrefix(name, "#"); embedded {
			require.NoError(b.t, b.db.SetStream(stream, data.Bytes()))
		} else {
			b.beside[name] = data.Bytes()
		}
	}
}
