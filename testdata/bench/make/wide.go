package main

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A wide package is made as WiX makes them: a component with a GUID for every file, keys
// of 35 characters, 8.3 names beside long ones, versions, ten files to a folder and paths
// of 150 characters. There are many files and little in them.
const (
	wideFolder  = 10     // files
	wideCabinet = 50_000 // files: a cabinet lists at most 65,535
)

// wide writes a package of n files.
func wide(n int) ([]byte, error) {
	b, err := newBuilder()
	if err != nil {
		return nil, err
	}
	list := files(n, 256, 0)
	for i, f := range list {
		key, component := "fil"+digits(i, "file"), "cmp"+digits(i, "component")
		folder := fmt.Sprintf("dir%06d", i/wideFolder)
		if i%wideFolder == 0 {
			b.folder(folder, i/wideFolder)
		}
		guid := digits(i, "guid")
		b.insert("Component", msi.String(component), msi.String(fmt.Sprintf("{%s-%s-%s-%s-%s}", guid[:8], guid[8:12], guid[12:16], guid[16:20], guid[20:])),
			msi.String(folder), number(0), msi.Null(), msi.String(key))
		b.insert("FeatureComponents", msi.String("Main"), msi.String(component))
		version, language := msi.String(fmt.Sprintf("4.%d.%d.0", i%7, i)), msi.String("1033")
		if i%2 == 1 {
			version, language = msi.Null(), msi.Null()
			b.hash(key, f.content)
		}
		b.insert("File", msi.String(key), msi.String(component), msi.String(fmt.Sprintf("RES%05X.DLL|Resource of a component number %06d.dll", i, i)),
			number(len(f.content)), version, language, number(512), number(i+1))
		list[i].key = key
	}
	for start := 0; start < n; start += wideCabinet {
		end := min(n, start+wideCabinet)
		name := fmt.Sprintf("part%d.cab", start/wideCabinet+1)
		b.insert("Media", number(start/wideCabinet+1), number(end), msi.Null(), msi.String("#"+name), msi.Null(), msi.Null())
		if err := b.db.SetStream(name, writerCabinet(cab.MSZIP, 1, list[start:end])); err != nil {
			return nil, err
		}
	}
	return b.save()
}

// folder adds a folder five levels below the root, ten to a parent.
func (b *builder) folder(key string, i int) {
	parent := "TARGETDIR"
	for level := 4; level > 0; level-- {
		above := i
		for range level {
			above /= 10
		}
		name := fmt.Sprintf("lev%d_%d", level, above)
		if !b.known[name] {
			b.known[name] = true
			b.insert("Directory", msi.String(name), msi.String(parent), msi.String(fmt.Sprintf("L%d_%d|A folder of level %d number %d", level, above, level, above)))
		}
		parent = name
	}
	b.insert("Directory", msi.String(key), msi.String(parent), msi.String(fmt.Sprintf("D%06d|The folder number %d", i, i)))
}

// digits makes 32 hexadecimal digits, as of a hash.
func digits(i int, of string) string {
	h := fnv.New128a()
	fmt.Fprint(h, of, i)
	return fmt.Sprintf("%X", h.Sum(nil))
}

func number(n int) msi.Value { return msi.Int(int32(n)) }

// hash adds the MsiFileHash row of a file.
func (b *builder) hash(key string, content []byte) {
	sum := md5.Sum(content)
	part := func(k int) msi.Value { return msi.Int(int32(binary.LittleEndian.Uint32(sum[4*k:]))) }
	b.insert("MsiFileHash", msi.String(key), number(0), part(0), part(1), part(2), part(3))
}

// A builder fills the tables of a package and keeps the first error.
type builder struct {
	db     *msi.Database
	tables map[string]*msi.Table
	known  map[string]bool // folders
	err    error
}

// save returns the package.
func (b *builder) save() ([]byte, error) {
	b.db.Summary().SetInt(msi.PIDWordCount, msi.SourceCompressed)
	if b.err != nil {
		return nil, b.err
	}
	var out bytes.Buffer
	err := b.db.Save(&out)
	return out.Bytes(), err
}

func (b *builder) insert(table string, cells ...msi.Value) {
	if _, err := b.tables[table].Insert(cells...); err != nil && b.err == nil {
		b.err = err
	}
}
