package pe_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func readLayout(b []byte) (*pe.Layout, error) {
	return pe.ReadLayout(bytes.NewReader(b), int64(len(b)))
}

// TestLayoutOfDownloads reads the parts that hold the payload of real
// self-extracting programs.
func TestLayoutOfDownloads(t *testing.T) {
	tests := []struct {
		file, section   string // section that must be there
		resource        pe.ResourceID
		overlay, signed bool
	}{
		{"instmsiw.exe", ".rsrc", pe.ResourceID{Name: "CABINET"}, true, true},
		{"htmlhelp.exe", ".rsrc", pe.ResourceID{Name: "CABINET"}, true, true},
		{"winsdksetup-signed-wix3-bundle.exe", ".wixburn", pe.ResourceID{}, true, true},
		{"wix314-signed-engine.exe", ".wixburn", pe.ResourceID{}, true, true},
		{"winzip-sfx-vexis.exe", "_winzip_", pe.ResourceID{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			b, err := os.ReadFile(corpus.Path(t, "wide", "sfx", tt.file))
			require.NoError(t, err)
			l, err := readLayout(b)
			require.NoError(t, err)
			s, ok := l.Section(tt.section)
			require.True(t, ok, "%v", l.Sections)
			require.LessOrEqual(t, s.Offset+s.Size, int64(len(b)))
			require.Equal(t, tt.overlay, l.Overlay() < int64(len(b)), "overlay from %d of %d", l.Overlay(), len(b))
			offset, size, entry := l.CertificateTable()
			require.Positive(t, entry)
			require.Equal(t, tt.signed, offset > 0)
			if tt.signed {
				require.GreaterOrEqual(t, offset, l.Overlay())
				require.Equal(t, int64(len(b)), offset+size)
			}
			list, err := l.Resources(bytes.NewReader(b), pe.ResourceID{Number: pe.TypeRCData})
			require.NoError(t, err)
			i := slices.IndexFunc(list, func(r pe.Resource) bool { return r.Name == tt.resource })
			require.Equal(t, tt.resource.Name != "", i >= 0, "%v", list)
			if i >= 0 {
				require.Equal(t, "MSCF", string(b[list[i].Offset:][:4]))
			}
		})
	}
}

func TestLayoutOfBuiltImage(t *testing.T) {
	b := image(t)
	l, err := readLayout(b)
	require.NoError(t, err)
	require.Equal(t, pe.PE32, l.Format)
	require.Equal(t, pe.MachineI386, l.Machine)
	require.Equal(t, int64(64+4+20+64), l.Checksum)
	require.Equal(t, int64(0x400), l.HeadersSize)
	require.Len(t, l.Directories, 16)
	require.Equal(t, int64(len(b)&^0x1ff), l.Overlay())
	var names []string
	for _, s := range l.Sections {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{".text", ".data", ".rsrc"}, names)
	list, err := l.Resources(bytes.NewReader(b), pe.ResourceID{Number: pe.TypeVersion})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, pe.ResourceID{Number: 1}, list[0].Name)
	require.Equal(t, "#1", list[0].Name.String())
	require.Equal(t, uint16(0x0409), list[0].Language)
	require.Contains(t, string(b[list[0].Offset:][:list[0].Size]), string(utf16le("VS_VERSION_INFO")))
	_, ok := l.Section(".none")
	require.False(t, ok)
}

func TestDamagedLayouts(t *testing.T) {
	root := func(b []byte) int { return bytes.Index(b, utf16le("VS_VERSION_INFO")) - 6 - 88 }
	tests := []struct {
		name    string
		change  func(b []byte) []byte
		err     error
		message string
	}{
		{"NE", func([]byte) []byte { return neImage(neVersion()) }, pe.ErrNotExecutable, "without a PE header"},
		{"cut off in the section table", func(b []byte) []byte { return b[:0x150] }, pe.ErrTruncated, "the headers need"},
		{"65,535 sections", func(b []byte) []byte { le.PutUint16(b[70:], 0xffff); return b }, pe.ErrTruncated, "need 2621"},
		{"resource longer than its section", func(b []byte) []byte { le.PutUint32(b[root(b)+76:], 1<<31); return b }, pe.ErrFormat, "reaches out of its section"},
		{"directory outside", func(b []byte) []byte { le.PutUint32(b[root(b)+20:], 1<<31|0x7ffffff0); return b }, pe.ErrFormat, "beyond its section"},
		{"a name without end", func(b []byte) []byte {
			le.PutUint32(b[root(b)+24+16:], 1<<31|88)
			return b
		}, pe.ErrLimit, "a resource name of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.change(image(t))
			l, err := readLayout(b)
			if err == nil {
				_, err = l.Resources(bytes.NewReader(b), pe.ResourceID{Number: pe.TypeVersion})
			}
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

// TestManyNETypes reads a resource table of 300,000 types in time that is linear
// in its size.
func TestManyNETypes(t *testing.T) {
	b := neImage(neVersion())[:130]
	for len(b) < 130+8*300_000 {
		b = append(b, 1, 0x80, 0, 0, 0, 0, 0, 0)
	}
	b = append(b, 0, 0)
	start := time.Now()
	info, err := readBoth(t, b)
	require.NoError(t, err)
	require.Equal(t, pe.NE, info.Format)
	require.Less(t, time.Since(start), 10*time.Second)
}

// FuzzLayout looks for layouts whose parts break a promise.
func FuzzLayout(f *testing.F) {
	f.Add(image(f)[:0x600])
	f.Add(image(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := readLayout(b)
		if err != nil {
			return
		}
		if _, _, entry := l.CertificateTable(); entry > int64(len(b)) {
			t.Fatal("the entry of the certificate table is outside the file")
		}
		for _, kind := range []pe.ResourceID{{Number: pe.TypeRCData}, {Number: pe.TypeVersion}, {Name: "CABINET"}} {
			list, err := l.Resources(bytes.NewReader(b), kind)
			if err != nil {
				continue
			}
			for _, r := range list {
				if r.Size < 0 || r.Offset < 0 || len(r.Name.String()) == 0 || strings.Count(r.Name.String(), "") > 257 {
					t.Fatal(r)
				}
			}
		}
	})
}
