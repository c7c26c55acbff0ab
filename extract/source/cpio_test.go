package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCpioStripped reads the archive of an rpm with large files: entries hold
// indexes instead of names and sizes.
func TestCpioStripped(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(rpmutilsTestdata(t), "stripped.cpio"))
	require.NoError(t, err)
	for _, read := range []bool{true, false} {
		c := &cpioReader{r: bytes.NewReader(data), sizes: []int64{3, 6}}
		for i, want := range []string{"foo", "foobar"} {
			e, err := c.next()
			require.NoError(t, err)
			require.Equal(t, i, e.index)
			if read {
				content, err := io.ReadAll(c)
				require.NoError(t, err)
				require.Equal(t, want, string(content))
			}
		}
		_, err = c.next()
		require.Equal(t, io.EOF, err)
	}
	c := &cpioReader{r: bytes.NewReader(data), sizes: []int64{3}}
	_, err = c.next()
	require.NoError(t, err)
	_, err = c.next()
	require.ErrorIs(t, err, ErrFormat)
}

func TestCpioDamaged(t *testing.T) {
	header := func(magic, size, name string) string {
		return magic + strings.Repeat("0", 6*8) + size + strings.Repeat("0", 4*8) + name + strings.Repeat("0", 8)
	}
	whole := header(cpioMagic, "00000003", "00000002") + "a\x00" + "abc"
	for title, archive := range map[string]string{
		"wrong magic":             header("070703", "00000003", "00000002") + "a\x00",
		"a name of no length":     header(cpioMagic, "00000003", "00000000"),
		"a name of four gigabyte": header(cpioMagic, "00000003", "ffffffff"),
		"a signed number":         header(cpioMagic, "-0000003", "00000002"),
		"no number":               header(cpioMagic, "0000000g", "00000002"),
		"no name":                 header(cpioMagic, "00000003", "00000002"),
		"content cut off":         header(cpioMagic, "00000003", "00000002") + "a\x00" + "ab",
		"a claim of content":      header(cpioMagic, "ffffffff", "00000002") + "a\x00" + "ab",
		"no trailer":              whole,
	} {
		c := &cpioReader{r: strings.NewReader(archive)}
		_, err := c.next()
		if err == nil {
			_, err = c.next()
		}
		require.ErrorIs(t, err, ErrFormat, title)
		c = &cpioReader{r: strings.NewReader(archive)}
		for err = nil; err == nil; _, err = c.next() {
			if _, err := io.Copy(io.Discard, c); err != nil {
				require.ErrorIs(t, err, ErrFormat, title)
			}
		}
		require.False(t, errors.Is(err, io.EOF) && !errors.Is(err, ErrFormat), fmt.Sprint(title, err))
	}
}
