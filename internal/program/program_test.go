package program

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/internal/cabtest"
	"github.com/hotfixkit/hotfixkit/internal/pe"
	"github.com/hotfixkit/hotfixkit/internal/pe/petest"
	"github.com/hotfixkit/hotfixkit/internal/zip/ziptest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

func TestCorpus(t *testing.T) {
	for name, want := range map[string]Content{
		"downloads/INSTMSIA.EXE":                         {Kind: Cabinet, Name: IExpress, From: 62848, To: 62848 + 1422335, Title: "Installation of System Software Installer SHIP", Runs: []string{"msiinst.exe /i instmsi.msi /qb+"}},
		"downloads/WindowsInstaller-KB893803-v2-x86.exe": {Kind: Cabinet, From: 41472, To: 41472 + 2537185},
		"downloads/wix3-bundle.exe":                      {Kind: Burn, Name: "WiX Burn"},
		"downloads/installshield2010-setup.exe":          {Kind: Installer, Name: "InstallShield"},
		"wide/sfx/installshield2018-setup.exe":           {Kind: Installer, Name: "InstallShield"},
		"wide/sfx/vcredist2008sp1-deu.exe":               {Kind: Cabinet, From: 41472, To: 41472 + 4081313},
		"wide/sfx/winzip-sfx-vexis.exe":                  {Kind: Zip, Name: WinZip, From: 147456, To: 1548288},
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(corpus.Path(t, filepath.FromSlash(name)))
			require.NoError(t, err)
			c, err := Identify(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			require.NotNil(t, c.Layout)
			c.Layout = nil
			require.Equal(t, want, *c)
		})
	}
}

// Programs that carry nothing carry nothing.
func TestOrdinaryPrograms(t *testing.T) {
	for _, dir := range []string{"pe", filepath.Join("wide", "pe")} {
		files, err := filepath.Glob(filepath.Join(corpus.Path(t, dir), "*.dll"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			c, err := Identify(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			require.Equal(t, Other, c.Kind, "%s: %s", file, c.Name)
		}
	}
}

func program(t testing.TB, image petest.Image) []byte {
	t.Helper()
	image.Machine = pe.MachineI386
	b, err := image.Build()
	require.NoError(t, err)
	return b
}

func cabinet(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := cabtest.NewWriter(&out, cabtest.WriterOptions{})
	require.NoError(t, w.Add(cabtest.FileHeader{Name: "a.txt"}, strings.NewReader("content")))
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestIdentify(t *testing.T) {
	z, err := ziptest.Build("", ziptest.Member{Name: "a.txt", Content: []byte("content")})
	require.NoError(t, err)
	c := cabinet(t)
	plain := program(t, petest.Image{})
	end := int64(len(plain))
	behind := func(b []byte) []byte { return append(bytes.Clone(plain), b...) }
	hidden := program(t, petest.Image{Sections: []petest.Section{{Name: ".rsrc2", Data: make([]byte, 100)}}})
	layout, err := pe.ReadLayout(bytes.NewReader(plain), end)
	require.NoError(t, err)
	require.NotEmpty(t, layout.Sections)
	for name, test := range map[string]struct {
		file []byte
		want Content
	}{
		"nothing":           {plain, Content{}},
		"not a program":     {[]byte("MZ and no more"), Content{}},
		"zip behind":        {behind(z), Content{Kind: Zip, From: end, To: end + int64(len(z))}},
		"zip behind DOS":    {append([]byte("MZ"), z...), Content{Kind: Zip, From: 0, To: int64(2 + len(z))}},
		"zip cut off":       {behind(z[:40]), Content{Kind: Zip, From: end, To: end + 40}},
		"cabinet behind":    {behind(c), Content{Kind: Cabinet, From: end, To: end + int64(len(c))}},
		"cabinet later":     {behind(append([]byte("some bytes"), c...)), Content{Kind: Cabinet, From: end + 10, To: end + 10 + int64(len(c))}},
		"cabinet cut off":   {behind(c[:len(c)-1]), Content{}},
		"Burn":              {program(t, petest.Image{Sections: []petest.Section{{Name: ".wixburn", Data: make([]byte, 512)}}}), Content{Kind: Burn, Name: "WiX Burn"}},
		"NSIS":              {behind([]byte("\x00\x00\x00\x00\xEF\xBE\xAD\xDENullsoftInst")), Content{Kind: Installer, Name: "NSIS (Nullsoft)"}},
		"InstallShield":     {behind([]byte("ISSetupStream\x00")), Content{Kind: Installer, Name: "InstallShield"}},
		"7-Zip":             {behind([]byte("7z\xBC\xAF\x27\x1C")), Content{Kind: Installer, Name: "7-Zip self-extractor"}},
		"WinRAR":            {behind([]byte("Rar!\x1A\x07\x00")), Content{Kind: Installer, Name: "WinRAR self-extractor"}},
		"AdvancedInstaller": {behind(append(make([]byte, 100<<10), "ADVINSTSFX"...)), Content{Kind: Installer, Name: "Advanced Installer"}},
		"a section is none": {hidden, Content{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Identify(bytes.NewReader(test.file), int64(len(test.file)))
			require.NoError(t, err)
			got.Layout = nil
			require.Equal(t, test.want, *got)
		})
	}
}

func TestIExpress(t *testing.T) {
	c := cabinet(t)
	b := program(t, petest.Image{Resources: []petest.Resource{
		{Name: "CABINET", Data: c},
		{Name: "POSTRUNPROGRAM", Data: []byte("<None>\x00")},
		{Name: "RUNPROGRAM", Data: []byte("update.exe /quiet\x00rest")},
		{Name: "TITLE", Data: []byte("A hotfix\x00")},
	}})
	got, err := Identify(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	require.Equal(t, Cabinet, got.Kind)
	require.Equal(t, IExpress, got.Name)
	require.Equal(t, []string{"update.exe /quiet"}, got.Runs)
	require.Equal(t, "A hotfix", got.Title)
	require.Equal(t, c, b[got.From:got.To])
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte("MZ"))
	f.Add(append(program(f, petest.Image{}), cabinet(f)...))
	f.Add(program(f, petest.Image{Resources: []petest.Resource{{Name: "CABINET", Data: cabinet(f)}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Identify(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err) // a reader of bytes never fails
		}
		if c.From < 0 || c.To < c.From || c.To > int64(len(b)) {
			t.Fatalf("from %d to %d of %d", c.From, c.To, len(b))
		}
	})
}
