package pe_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
)

var le = binary.LittleEndian

func sample() *pe.Version {
	v := petest.Version(pe.Number{4, 0, 6487, 2111}, "Ccmcertfix.exe", "certificate fix", "hotfixkit")
	v.ID, v.Language = 0, 0 // these are in the resource tree
	return v
}

// utf16le returns the bytes of a string as they are in a resource.
func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return b
}

func TestVersionLayouts(t *testing.T) {
	tests := []struct {
		name   string
		change func(b []byte) []byte
		want   func(v *pe.Version)
	}{
		{"as documented", func(b []byte) []byte { return b }, func(*pe.Version) {}},
		{"value lengths in bytes", func(b []byte) []byte {
			at := bytes.Index(b, utf16le("FileDescription")) - 6
			le.PutUint16(b[at+2:], 2*le.Uint16(b[at+2:]))
			return b
		}, func(*pe.Version) {}},
		{"length counts padding that is not there", func(b []byte) []byte {
			le.PutUint16(b, uint16(len(b)+40))
			return b
		}, func(*pe.Version) {}},
		{"padding behind the end", func(b []byte) []byte { return append(b, make([]byte, 30)...) }, func(*pe.Version) {}},
		{"value ends without terminator", func(b []byte) []byte {
			at := bytes.Index(b, utf16le("ProductVersion")) - 6
			le.PutUint16(b[at:], le.Uint16(b[at:])-2)
			return b
		}, func(*pe.Version) {}},
		{"an unknown block", func(b []byte) []byte {
			copy(b[bytes.Index(b, utf16le("VarFileInfo")):], utf16le("XarFileInfo"))
			return b
		}, func(v *pe.Version) { v.Translations = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := sample()
			tt.want(want)
			v, err := pe.ParseVersion(tt.change(petest.EncodeVersion(sample())), false)
			require.NoError(t, err)
			require.Equal(t, want, v)
		})
	}

	t.Run("no fixed part", func(t *testing.T) {
		want := sample()
		want.Fixed = nil
		v, err := pe.ParseVersion(petest.EncodeVersion(want), false)
		require.NoError(t, err)
		require.Equal(t, want, v)
	})
	t.Run("nothing but the fixed part", func(t *testing.T) {
		want := &pe.Version{Fixed: sample().Fixed}
		v, err := pe.ParseVersion(petest.EncodeVersion(want), false)
		require.NoError(t, err)
		require.Equal(t, want, v)
	})
	t.Run("several languages", func(t *testing.T) {
		want := sample()
		want.Tables = append(want.Tables, pe.StringTable{Key: "041104b0", Strings: []pe.String{{Key: "FileDescription", Value: "証明書の修正"}}})
		want.Translations = []pe.Translation{{Language: 0x0411, CodePage: 1200}, {Language: 0x0409, CodePage: 1200}}
		v, err := pe.ParseVersion(petest.EncodeVersion(want), false)
		require.NoError(t, err)
		require.Equal(t, want, v)
		info := pe.Info{Versions: []*pe.Version{v}}
		require.Equal(t, "証明書の修正", info.String("FileDescription"), "the first translation")
		require.Equal(t, "Ccmcertfix.exe", info.String("originalfilename"), "another language where the first has none")
		require.Empty(t, info.String("Comments"))
	})
}

func TestVersionDamaged(t *testing.T) {
	tests := []struct {
		name   string
		change func(b []byte) []byte
		strung bool // the strings before the damage are there
	}{
		{"empty", func([]byte) []byte { return nil }, false},
		{"ends inside the header", func(b []byte) []byte { return b[:5] }, false},
		{"another key", func(b []byte) []byte { b[6] = 'X'; return b }, false},
		{"no signature", func(b []byte) []byte { b[40]++; return b }, false},
		{"a block of no length", func(b []byte) []byte {
			le.PutUint16(b[bytes.Index(b, utf16le("VarFileInfo"))-6:], 0)
			return b
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := pe.ParseVersion(tt.change(petest.EncodeVersion(sample())), false)
			require.ErrorIs(t, err, pe.ErrFormat)
			require.Equal(t, tt.strung, len(v.Tables) > 0)
		})
	}
}

// TestPreferredVersion says which of several version resources stands for a file.
func TestPreferredVersion(t *testing.T) {
	version := func(id uint32, language, last uint16) *pe.Version {
		return &pe.Version{ID: id, Language: language, Fixed: &pe.Fixed{File: pe.Number{1, 0, 0, last}}}
	}
	tests := []struct {
		name     string
		versions []*pe.Version
		want     string
	}{
		{"none", nil, ""},
		{"the only one", []*pe.Version{version(1, 0x0411, 1)}, "1.0.0.1"},
		{"neutral first", []*pe.Version{version(1, 0x0409, 1), version(1, 0, 2)}, "1.0.0.2"},
		{"English before others", []*pe.Version{version(1, 0x0407, 1), version(1, 0x0409, 2)}, "1.0.0.2"},
		{"the first of others", []*pe.Version{version(1, 0x0407, 1), version(1, 0x0411, 2)}, "1.0.0.1"},
		{"the documented number before others", []*pe.Version{version(2, 0, 1), version(1, 0x0411, 2)}, "1.0.0.2"},
		{"without fixed part", []*pe.Version{{ID: 1}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, (&pe.Info{Versions: tt.versions}).FileVersion())
		})
	}
}

// narrowNode writes a block as 16-bit resource compilers do: 8-bit key and
// strings, no type.
func narrowNode(key string, value []byte, children ...[]byte) []byte {
	b := le.AppendUint16(make([]byte, 2), uint16(len(value)))
	b = append(b, key+"\x00"...)
	b = append(pad4(b), value...)
	for _, c := range children {
		b = append(pad4(b), c...)
	}
	le.PutUint16(b, uint16(len(b)))
	return b
}

func pad4(b []byte) []byte { return append(b, make([]byte, (4-len(b)%4)%4)...) }

// neImage is a 16-bit library with one version resource.
func neImage(resource []byte) []byte {
	const header, table, shift = 64, 64, 4
	b := make([]byte, 128)
	copy(b, "MZ")
	le.PutUint32(b[60:], header)
	ne := b[header:]
	copy(ne, "NE")
	le.PutUint16(ne[12:], 0x8000)
	le.PutUint16(ne[36:], table)
	le.PutUint16(ne[38:], table+100)
	data := uint16(256 >> shift)
	for _, v := range []uint16{
		shift,
		0x8003, 1, 0, 0, data, 1, 0, 0x8001, 0, 0, // an icon
		0x8010, 1, 0, 0, data, uint16((len(resource) + 15) >> shift), 0, 0x8001, 0, 0,
		0,
	} {
		b = le.AppendUint16(b, v)
	}
	b = append(b, make([]byte, 256-len(b))...)
	b = append(b, resource...)
	return append(b, make([]byte, 16)...)
}

func neVersion() []byte {
	wide := petest.EncodeVersion(sample())
	fixed := wide[40:92]
	return narrowNode("VS_VERSION_INFO", fixed,
		narrowNode("StringFileInfo", nil,
			narrowNode("040704E4", nil,
				narrowNode("FileVersion", []byte("4.00.6487\x00")),
				narrowNode("LegalCopyright", []byte("\xa9 M\xfcller\x00")))),
		narrowNode("VarFileInfo", nil, narrowNode("Translation", []byte{7, 4, 0xe4, 4})))
}

func TestNE(t *testing.T) {
	info, err := readBoth(t, neImage(neVersion()))
	require.NoError(t, err)
	require.Equal(t, pe.NE, info.Format)
	require.Equal(t, "x86-16", info.Machine.String())
	require.True(t, info.DLL)
	require.Equal(t, "4.0.6487.2111", info.FileVersion())
	require.Equal(t, "4.00.6487", info.String("FileVersion"))
	require.Equal(t, "© Müller", info.String("LegalCopyright"))
	require.Equal(t, []pe.Translation{{Language: 0x0407, CodePage: 1252}}, info.Versions[0].Translations)
}

// image is an executable for x86 with one version resource behind 8 KiB of data.
func image(t testing.TB) []byte {
	t.Helper()
	v := sample()
	v.ID, v.Language = 1, 0x0409
	b, err := petest.Image{Machine: pe.MachineI386, Versions: []*pe.Version{v}, Size: 17768, Seed: 5}.Build()
	require.NoError(t, err)
	return b
}

func TestDamagedImages(t *testing.T) {
	root := func(b []byte) int { return bytes.Index(b, utf16le("VS_VERSION_INFO")) - 6 - 88 }
	tests := []struct {
		name    string
		change  func(b []byte) []byte
		err     error
		message string
		machine string // known nevertheless
	}{
		{"empty", func([]byte) []byte { return nil }, pe.ErrNotExecutable, "MZ", ""},
		{"text", func([]byte) []byte { return []byte("MS") }, pe.ErrNotExecutable, "MZ", ""},
		{"MZ and nothing else", func(b []byte) []byte { return b[:40] }, pe.ErrNotExecutable, "40 bytes", ""},
		{"a DOS program", func(b []byte) []byte { copy(b[64:], "LE"); return b }, pe.ErrNotExecutable, "without a PE or NE header", ""},
		{"cut off in the headers", func(b []byte) []byte { return b[:200] }, pe.ErrTruncated, "200", ""},
		{"cut off before the resources", func(b []byte) []byte { return b[:0x400] }, pe.ErrTruncated, "resources", "x86"},
		{"cut off in the version resource", func(b []byte) []byte { return b[:root(b)+100] }, pe.ErrTruncated, "12 of", "x86"},
		{"header far away", func(b []byte) []byte { le.PutUint32(b[60:], 0xfffffff0); return b }, pe.ErrLimit, "at offset 4294967280", ""},
		{"optional header of another kind", func(b []byte) []byte { b[88] = 7; return b }, pe.ErrFormat, "magic", ""},
		{"resources nowhere", func(b []byte) []byte { le.PutUint32(b[88+96+16:], 0x7fffffff); return b }, pe.ErrFormat, "in no section", "x86"},
		{"more entries than bytes", func(b []byte) []byte { le.PutUint16(b[root(b)+14:], 0xffff); return b }, pe.ErrFormat, "beyond its section", "x86"},
		{"a tree that runs in circles", func(b []byte) []byte { le.PutUint32(b[root(b)+20:], 1<<31); return b }, pe.ErrFormat, "fourth level", "x86"},
		{"data nowhere", func(b []byte) []byte { le.PutUint32(b[root(b)+72:], 0x7fffffff); return b }, pe.ErrFormat, "in no section", "x86"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := readBoth(t, tt.change(image(t)))
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.message)
			if tt.machine == "" {
				require.Nil(t, info)
				return
			}
			require.Equal(t, tt.machine, info.Machine.String())
			require.Empty(t, info.FileVersion())
		})
	}
}

// TestManyVersions refuses a tree that would keep the whole file in memory.
func TestManyVersions(t *testing.T) {
	var versions []*pe.Version
	for i := range 257 {
		v := sample()
		v.ID, v.Language = 1, uint16(i)
		versions = append(versions, v)
	}
	b, err := petest.Image{Machine: pe.MachineAMD64, Versions: versions}.Build()
	require.NoError(t, err)
	_, err = readBoth(t, b)
	require.ErrorIs(t, err, pe.ErrLimit)
}

func TestMachineNames(t *testing.T) {
	for m, want := range map[pe.Machine]string{
		pe.MachineI386: "x86", pe.MachineAMD64: "x64", pe.MachineIA64: "ia64", pe.MachineARMNT: "arm",
		pe.MachineARM64: "arm64", pe.MachineAlpha: "alpha", pe.MachineR4000: "mips", 0x1234: "0x1234",
	} {
		require.Equal(t, want, m.String())
	}
}

func FuzzRead(f *testing.F) {
	f.Add(image(f)[:0x600])
	f.Add(image(f))
	f.Add(neImage(neVersion()))
	b, err := petest.Image{Machine: pe.MachineIA64, Versions: []*pe.Version{sample()}, ResourcesFirst: true}.Build()
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := pe.Read(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			require.NotNil(t, info)
		}
		forward, forwardErr := collect(t, b, 100)
		if err == nil && forwardErr == nil {
			require.Equal(t, info, forward)
		}
		if forwardErr != nil && err == nil {
			require.ErrorIs(t, forwardErr, pe.ErrLimit, "only what lies before the resource directory may be missed")
		}
		if info != nil {
			require.LessOrEqual(t, strings.Count(info.FileVersion(), "."), 3)
			info.String("FileVersion")
		}
	})
}
