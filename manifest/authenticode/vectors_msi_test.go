package authenticode

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// compound changes the bytes of a compound file that package cfb wrote.
type compound struct {
	b      []byte
	sector int
}

func newCompound(b []byte) *compound { return &compound{b, 1 << b[30]} }

func (c *compound) u32(at int) int { return int(binary.LittleEndian.Uint32(c.b[at:])) }

func (c *compound) at(sector int) []byte { return c.b[(sector+1)*c.sector:][:c.sector] }

// sectors is how many follow the header.
func (c *compound) sectors() int { return len(c.b)/c.sector - 1 }

// link returns the entry of a sector in the FAT.
func (c *compound) link(sector int) []byte {
	return c.at(c.u32(76 + sector/(c.sector/4)*4))[sector%(c.sector/4)*4:]
}

// entry returns the directory entry whose name is given.
func (c *compound) entry(name string) []byte {
	var units []byte
	for _, r := range name {
		units = binary.LittleEndian.AppendUint16(units, uint16(r))
	}
	units = append(units, 0, 0)
	for s := c.u32(48); uint32(s) < 0xFFFFFFFA; s = int(binary.LittleEndian.Uint32(c.link(s))) {
		for i := 0; i < c.sector; i += 128 {
			if e := c.at(s)[i : i+128]; int(binary.LittleEndian.Uint16(e[64:])) == len(units) && bytes.Equal(e[:len(units)], units) {
				return e
			}
		}
	}
	panic("no entry " + name)
}

// appendSector adds one to the file, with its link.
func (c *compound) appendSector(link uint32, content string) int {
	n := c.sectors()
	binary.LittleEndian.PutUint32(c.link(n), link)
	sector := make([]byte, c.sector)
	copy(sector, content)
	c.b = append(c.b, sector...)
	return n
}

// archiveEnd is the end of a zip archive with one entry.
const archiveEnd = "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x40\x00\x00\x00\x00\x02\x00\x00\x00\x00"

const payload = "PK\x05\x06 what nobody signed"

// TestVectorsUnsignedBytes hides bytes in a signed package where no stream has them
// (CVE-2020-1464: a Java archive behind a signed package). Real signed packages
// have none of these.
func TestVectorsUnsignedBytes(t *testing.T) {
	const free, endOfChain, fatSector, difatSector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
	w := newWorld(t)
	le := binary.LittleEndian
	changes := []struct {
		name   string
		change func(c *compound)
		want   Status
	}{
		{"nothing", func(*compound) {}, Valid},
		{"a byte behind the end", func(c *compound) { c.b = append(c.b, 0) }, Invalid},
		{"text behind the end", func(c *compound) { c.b = append(c.b, payload...) }, Invalid},
		{"a sector behind the end", func(c *compound) { c.appendSector(free, payload) }, Invalid},
		{"a sector of zeros behind the end", func(c *compound) { c.appendSector(free, "") }, Invalid},
		{"a chain that nobody begins", func(c *compound) { c.appendSector(endOfChain, payload) }, Invalid},
		{"a sector called one of the FAT, not listed", func(c *compound) { c.appendSector(fatSector, payload) }, Invalid},
		{"a sector called one of the DIFAT, not listed", func(c *compound) { c.appendSector(difatSector, payload) }, Invalid},
		{"a further sector of the FAT", func(c *compound) {
			n := c.appendSector(fatSector, payload)
			le.PutUint32(c.b[76+4:], uint32(n))
			le.PutUint32(c.b[44:], 2)
		}, Invalid},
		{"the last of all sectors of the FAT", func(c *compound) {
			n := c.appendSector(fatSector, payload)
			le.PutUint32(c.b[76+4*108:], uint32(n))
		}, Invalid},
		{"a further sector of the mini FAT", func(c *compound) {
			n := c.appendSector(endOfChain, payload)
			le.PutUint32(c.link(c.u32(60)), uint32(n))
			le.PutUint32(c.b[64:], uint32(c.u32(64)+1))
		}, Invalid},
		{"links of sectors that are not there", func(c *compound) {
			copy(c.at(c.u32(76))[c.sector-32:], payload)
		}, Invalid},
		{"links of mini sectors that are not there", func(c *compound) {
			copy(c.at(c.u32(60))[c.sector-32:], payload)
		}, Invalid},
		{"a further sector of a stream", func(c *compound) {
			n := c.appendSector(endOfChain, payload)
			s := int(le.Uint32(c.entry("alpha")[116:]))
			for le.Uint32(c.link(s)) != endOfChain {
				s = int(le.Uint32(c.link(s)))
			}
			le.PutUint32(c.link(s), uint32(n))
		}, Invalid},
		{"a further sector of the directory", func(c *compound) {
			n := c.appendSector(endOfChain, "")
			copy(c.at(n), strings.Repeat(payload, 4))
			s := c.u32(48)
			for le.Uint32(c.link(s)) != endOfChain {
				s = int(le.Uint32(c.link(s)))
			}
			le.PutUint32(c.link(s), uint32(n))
		}, Invalid},
		{"in the last sector, behind the stream", func(c *compound) { copy(c.b[len(c.b)-40:], payload) }, Invalid},
		{"behind the name of an entry", func(c *compound) { copy(c.entry("alpha")[20:64], payload) }, Invalid},
		{"behind the name of a storage", func(c *compound) { copy(c.entry("transform")[30:64], "PK\x05\x06") }, Invalid},
	}
	for _, version := range []int{3, 4} {
		var vectors []vector
		for _, test := range changes {
			for _, extended := range []bool{false, true} {
				c := newCompound(w.signedPackage(t, version, extended, nil))
				test.change(c)
				v := vector{name: fmt.Sprintf("%s, extended %v", test.name, extended), data: c.b, want: test.want}
				if test.want == Invalid {
					v.note, v.differs = "not signed", "it looks at streams alone"
				}
				vectors = append(vectors, v)
			}
		}
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) { w.run(t, vectors) })
	}
}

// TestVectorsPackageNames gives packages further entries named as the signature, or
// nearly so. Of the root's entries only the two streams of these names are left out
// of the digest, and names compare without case in compound files ([MS-CFB] 2.6.4).
func TestVectorsPackageNames(t *testing.T) {
	w := newWorld(t)
	stream := func(name string) *cfb.Node { return streamNode(name, []byte(payload)) }
	storage := func(name string, children ...*cfb.Node) *cfb.Node {
		return &cfb.Node{Name: name, IsStorage: true, Children: children}
	}
	packed := func(n *cfb.Node) *cfb.Node {
		n.RawName = append([]uint16{5}, cfb.EncodeName(n.Name[1:], false)...)
		return n
	}
	entries := map[string]*cfb.Node{
		"stream in lower case":              stream("\x04digitalsignature"),
		"stream in upper case":              stream("\x04DIGITALSIGNATURE"),
		"Ex in lower case":                  stream("\x04msidigitalsignatureex"),
		"packed stream":                     packed(stream(streamSignature)),
		"packed Ex":                         packed(stream(streamSignatureEx)),
		"packed storage":                    packed(storage(streamSignature, stream("x"))),
		"storage in lower case":             storage("\x04digitalsignature", stream("x")),
		"without the mark":                  stream("DigitalSignature"),
		"with another mark":                 stream("\x06DigitalSignature"),
		"with a blank behind it":            stream("\x05DigitalSignature "),
		"the name of other signatures":      stream("_signatures"),
		"in a storage":                      storage("more", stream(streamSignature)),
		"Ex in a storage":                   storage("more", stream(streamSignatureEx)),
		"storage of the name in a storage":  storage("more", storage(streamSignature, stream("x"))),
		"Ex that is a storage in a storage": storage("more", storage(streamSignatureEx)),
	}
	for _, extended := range []bool{false, true} {
		var vectors []vector
		for name, entry := range entries {
			data := w.signedPackage(t, 3, extended, func(root *cfb.Node) { root.Children = append(root.Children, entry) })
			if mark := strings.TrimPrefix(entry.Name, "\x04"); mark != entry.Name {
				newCompound(data).entry(entry.Name)[0] = 5 // the writer refuses names that differ in case alone
			}
			vectors = append(vectors, vector{name: name, data: data, want: Invalid})
		}
		if !extended {
			vectors = append(vectors, vector{name: "Ex that is a storage", want: Invalid, data: w.signedPackage(t, 3, false, func(root *cfb.Node) {
				root.Children = append(root.Children, storage(streamSignatureEx, stream("x")))
			})})
		}
		t.Run(fmt.Sprintf("extended %v", extended), func(t *testing.T) { w.runWithout(t, vectors) })
	}
}

// TestVectorsPackage changes what the two digests of a package cover. Without
// MsiDigitalSignatureEx only contents, in the order of the names, and class
// identifiers are.
func TestVectorsPackage(t *testing.T) {
	w := newWorld(t)
	drop := func(root *cfb.Node, name string) {
		root.Children = slices.DeleteFunc(root.Children, func(n *cfb.Node) bool { return n.Name == name })
	}
	find := func(root *cfb.Node, name string) *cfb.Node { return child(t, root, name) }
	changes := []struct {
		name            string
		change          func(root *cfb.Node)
		plain, extended Status
	}{
		{"order of the streams", func(root *cfb.Node) { slices.Reverse(root.Children) }, Valid, Valid},
		{"times of the root", func(root *cfb.Node) { root.Created, root.Modified = 5, 6 }, Valid, Valid},
		{"state bits of the root", func(root *cfb.Node) { root.StateBits ^= 0x100 }, Valid, Invalid},
		{"state bits of a storage", func(root *cfb.Node) { find(root, "transform").StateBits ^= 0x100 }, Valid, Invalid},
		{"class of the root", func(root *cfb.Node) { root.CLSID[3] ^= 1 }, Invalid, Invalid},
		{"class of a storage", func(root *cfb.Node) { find(root, "transform").CLSID[0] ^= 1 }, Invalid, Invalid},
		{"no class of the root", func(root *cfb.Node) { clear(root.CLSID[:]) }, Invalid, Invalid},
		{"creation of a storage", func(root *cfb.Node) { find(root, "transform").Created++ }, Valid, Invalid},
		{"stream renamed in another case", func(root *cfb.Node) { rename(find(root, "Zeta"), "zeta") }, Valid, Invalid},
		{"stream renamed, first in order", func(root *cfb.Node) { rename(find(root, "alpha"), "\x01alpha") }, Invalid, Invalid},
		{"stream becomes a storage", func(root *cfb.Node) {
			n := find(root, "Zeta")
			n.IsStorage, n.Open = true, nil
		}, Invalid, Invalid},
		{"storage becomes a stream", func(root *cfb.Node) {
			drop(root, "transform")
			root.Children = append(root.Children, streamNode("transform", nil))
		}, Invalid, Invalid},
		{"storage emptied into the root", func(root *cfb.Node) {
			n := find(root, "transform")
			root.Children = append(root.Children, n.Children...)
			n.Children = nil
		}, Invalid, Invalid},
		{"two streams joined", func(root *cfb.Node) {
			n := find(root, "transform")
			n.Children = []*cfb.Node{streamNode("one", slices.Concat(bytes.Repeat([]byte("o"), 100), bytes.Repeat([]byte("t"), 9000)))}
		}, Valid, Invalid},
		{"an empty storage more", func(root *cfb.Node) {
			root.Children = append(root.Children, &cfb.Node{Name: "z", IsStorage: true})
		}, Invalid, Invalid},
		{"an empty stream more", func(root *cfb.Node) { root.Children = append(root.Children, streamNode("z", nil)) }, Valid, Invalid},
		{"a stream less", func(root *cfb.Node) { drop(root, "alpha") }, Invalid, Invalid},
		{"an empty stream less", func(root *cfb.Node) { drop(root, "Zeta") }, Valid, Invalid},
		{"a byte more in a stream", func(root *cfb.Node) { replace(find(root, "alpha"), bytes.Repeat([]byte("a"), 4097)) }, Invalid, Invalid},
		{"signature removed", func(root *cfb.Node) { drop(root, streamSignature) }, None, None},
		{"signature that is a storage", func(root *cfb.Node) {
			drop(root, streamSignature)
			root.Children = append(root.Children, &cfb.Node{Name: streamSignature, IsStorage: true})
		}, None, None},
		{"signature empty", func(root *cfb.Node) { replace(find(root, streamSignature), nil) }, Invalid, Invalid},
	}
	ex := map[string]func(root *cfb.Node){
		"Ex removed":      func(root *cfb.Node) { drop(root, streamSignatureEx) },
		"Ex emptied":      func(root *cfb.Node) { replace(find(root, streamSignatureEx), nil) },
		"Ex cut off":      func(root *cfb.Node) { replace(find(root, streamSignatureEx), make([]byte, 31)) },
		"Ex of zeros":     func(root *cfb.Node) { replace(find(root, streamSignatureEx), make([]byte, 32)) },
		"Ex very long":    func(root *cfb.Node) { replace(find(root, streamSignatureEx), make([]byte, 100_000)) },
		"Ex by SHA-1":     func(root *cfb.Node) { replace(find(root, streamSignatureEx), make([]byte, 20)) },
		"Ex in lowercase": func(root *cfb.Node) { rename(find(root, streamSignatureEx), strings.ToLower(streamSignatureEx)) },
	}
	var plain, extended []vector
	for _, c := range changes {
		plain = append(plain, vector{name: c.name, data: w.signedPackage(t, 3, false, c.change), want: c.plain})
		extended = append(extended, vector{name: c.name, data: w.signedPackage(t, 3, true, c.change), want: c.extended})
	}
	for name, change := range ex {
		extended = append(extended, vector{name: name, data: w.signedPackage(t, 3, true, change), want: Invalid})
	}
	for name, length := range map[string]int{"Ex added, empty": 0, "Ex added, zeros": 32, "Ex added, 1 byte": 1} {
		plain = append(plain, vector{name: name, want: Invalid, data: w.signedPackage(t, 3, false, func(root *cfb.Node) {
			root.Children = append(root.Children, streamNode(streamSignatureEx, make([]byte, length)))
		})})
	}
	t.Run("plain", func(t *testing.T) { w.runWithout(t, plain) })
	t.Run("extended", func(t *testing.T) { w.runWithout(t, extended) })
}

// TestVectorsKinds puts signatures that were made for one kind of file into another,
// with the digest that this kind has. The kind is SpcSipInfo's identifier or the
// type of the content.
func TestVectorsKinds(t *testing.T) {
	w := newWorld(t)
	link := []byte{0xa2, 0x02, 0x80, 0x00}
	kinds := map[string]func(hash crypto.Hash, digest []byte) []byte{
		"PE":         func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypePE, peImageData, h, d) },
		"cabinet":    func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypeCAB, link, h, d) },
		"link":       func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypeLink, link, h, d) },
		"package":    func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypeSIP, sipInfoOf(t, installerSIP), h, d) },
		"script":     func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypeSIP, sipInfoOf(t, scriptSIP), h, d) },
		"no package": func(h crypto.Hash, d []byte) []byte { return indirect(t, oidTypeSIP, []byte{0x30, 0}, h, d) },
	}
	var vectors []vector
	for name, content := range kinds {
		want := func(kinds ...string) Status {
			if slices.Contains(kinds, name) {
				return Valid
			}
			return Invalid
		}
		vectors = append(vectors,
			vector{name: "PE signed as " + name, want: want("PE"), data: w.program(t, func(s *signing) {
				s.content = content(crypto.SHA256, peDigest(t, crypto.SHA256))
			})},
			vector{name: "cabinet signed as " + name, want: want("cabinet", "link"), data: signedCabinet(t, func(digest []byte) []byte {
				return signing{by: w.code, content: content(crypto.SHA256, digest)}.der(t)
			})},
			vector{name: "package signed as " + name, want: want("package"), data: w.signedPackage(t, 3, false, func(root *cfb.Node) {
				var own indirectData
				unmarshal(t, packageContent(t, installerSIP), &own)
				replace(child(t, root, streamSignature), signing{by: w.code, content: content(crypto.SHA256, own.MessageDigest.Digest)}.der(t))
			})})
	}
	w.runWithout(t, vectors)
}

// TestVectorsArchive ends a zip archive in a signed file. Java finds it wherever it
// is in the last 64 KiB. In a stream it is signed.
func TestVectorsArchive(t *testing.T) {
	w := newWorld(t)
	hidden := func([]byte) []any {
		return []any{attributeOf(t, asn1.ObjectIdentifier{1, 2, 3}, []byte("an archive "+archiveEnd))}
	}
	resigned := func(change func(*signing)) []byte {
		return w.signedPackage(t, 3, false, func(root *cfb.Node) {
			s := signing{by: w.code, content: packageContent(t, installerSIP)}
			change(&s)
			replace(child(t, root, streamSignature), s.der(t))
		})
	}
	slack := func(version int) []byte {
		c := newCompound(w.signedPackage(t, version, true, nil))
		e := c.entry("䡀㬿䏲") // of 5,000 bytes
		s := int(binary.LittleEndian.Uint32(e[116:]))
		for binary.LittleEndian.Uint32(c.link(s)) < 0xFFFFFFFA {
			s = int(binary.LittleEndian.Uint32(c.link(s)))
		}
		copy(c.at(s)[c.sector-40:], archiveEnd)
		return c.b
	}
	vectors := []vector{
		{name: "behind the end of a stream, sectors of 512 bytes", data: slack(3), want: Invalid, note: "a zip archive ends"},
		{name: "behind the end of a stream, sectors of 4,096 bytes", data: slack(4), want: Invalid, note: "a zip archive ends"},
		{name: "in the signature of a package", data: resigned(func(s *signing) { s.unsigned = hidden }), want: Invalid, note: "zip archive"},
		{name: "in a certificate of a package", data: resigned(func(s *signing) {
			s.certificates = append(certificates(w.code), marshal(t, []byte(archiveEnd)))
		}), want: Invalid, note: "zip archive"},
		{name: "in the table of a program", data: w.program(t, func(s *signing) { s.unsigned = hidden }), want: Invalid, note: "zip archive"},
		{name: "only its mark in the signature", data: w.program(t, func(s *signing) {
			s.unsigned = func([]byte) []any {
				return []any{attributeOf(t, asn1.ObjectIdentifier{1, 2, 3}, []byte("PK\x05\x06, and no archive, but text"))}
			}
		}), want: Valid},
		{name: "in a stream that is signed", data: func() []byte {
			node := buildPackage()
			node.Children = append(node.Children, streamNode("zip", []byte(strings.Repeat("PK\x01\x02", 20)+archiveEnd)))
			data := writeVersion(t, node, 3)
			file, err := cfb.NewReader(bytes.NewReader(data), int64(len(data)))
			require.NoError(t, err)
			h := crypto.SHA256.New()
			require.NoError(t, digestContent(h, file.Root(), true))
			content := indirect(t, oidTypeSIP, sipInfoOf(t, installerSIP), crypto.SHA256, h.Sum(nil))
			node.Children = append(node.Children, streamNode(streamSignature, signing{by: w.code, content: content}.der(t)))
			return writeVersion(t, node, 3)
		}(), want: Valid},
	}
	w.runWithout(t, vectors)
}
