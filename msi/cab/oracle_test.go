package cab_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// An observation is what one independent tool made of a cabinet.
type observation struct {
	Code    int               `json:"rc"`
	Members map[string][2]any `json:"members"` // size, sha256
}

func (o *observation) hashes() map[string]string {
	m := map[string]string{}
	for name, x := range o.Members {
		m[name] = x[1].(string)
	}
	return m
}

// disagreements are the cabinets that one of 7zz and cabextract reads and the
// other does not, or of which they make different things, and why we side with
// one of them.
var disagreements = map[string]string{
	"crafted/none-files-overlap-and-out-of-order.cab": "7zz refuses; nothing in [MS-CAB] 2.3 forbids members to share bytes or to be in any order",
	"crafted/none-reserve-csum-includes-reserve.cab":  "cabextract refuses; [MS-CAB] 2.4 computes the checksum over abReserve too",
	"crafted/none-short-blocks-1000.cab":              "7zz stops after one block; [MS-CAB] 2.4 only bounds cbUncomp from above",

	"tools/rust-cab/cabinet_rs_L341_read_uncompressed_cabinet_with_two_data_blocks.cab": "7zz stops after one block; [MS-CAB] 2.4 only bounds cbUncomp from above",
	"tools/rust-cab/cabinet_rs_L366_read_mszip_cabinet_with_one_file.cab":               "7zz reports a block of the wrong size, with the right bytes; it has the 14 bytes that cbUncomp says",
	"tools/rust-cab/cabinet_rs_L390_read_mszip_cabinet_with_two_files.cab":              "7zz reports a block of the wrong size, with the right bytes; it has the 43 bytes that cbUncomp says",

	"tools/gcab/CVE-2014-9732.cab": "7zz lists no member and is content; there is one without a name, and its data are not MSZIP",
}

func TestOracle(t *testing.T) {
	dir := corpus.Path(t, "cab")
	var oracle map[string]struct {
		SevenZip   *observation `json:"7zz"`
		CabExtract *observation `json:"cabextract"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, filepath.Join(dir, "oracle.json")), &oracle))
	sets := map[string][]string{
		"crafted/vol1.cab": {"crafted/vol1.cab", "crafted/vol2.cab"},
		"crafted/vol2.cab": {"crafted/vol2.cab", "crafted/vol1.cab"},
	}
	differ := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(oracle)) {
		e := oracle[name]
		if e.SevenZip == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			volumes := sets[name]
			if volumes == nil {
				volumes = []string{name}
			}
			got, err := decodeFiles(t, dir, volumes)
			got.requireAllClosed(t)
			if errors.Is(err, cab.ErrFormat) && misplacedFiles(t, filepath.Join(dir, name)) {
				require.True(t, e.SevenZip.Code != 0 || e.CabExtract.Code != 0)
				return
			}
			read := false
			for _, tool := range []*observation{e.SevenZip, e.CabExtract} {
				if tool.Code == 0 {
					read = true
					require.Equal(t, tool.hashes(), got.hashes())
				}
			}
			hostile := strings.HasPrefix(name, "hostile/")
			if !read && !hostile {
				require.Error(t, err)
			}
			if read && !hostile && (e.SevenZip.Code != e.CabExtract.Code || !maps.Equal(e.SevenZip.hashes(), e.CabExtract.hashes())) {
				differ[name] = true
				require.Contains(t, disagreements, name)
			}
			if e.SevenZip.Code == 0 && e.CabExtract.Code == 0 {
				require.NoError(t, err)
			}
		})
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(disagreements)), slices.Collect(maps.Keys(differ)))
}

// misplacedFiles reports whether the list of files of a cabinet without
// neighbours does not follow its list of folders.
func misplacedFiles(t *testing.T, path string) bool {
	h := readFile(t, path)[:40]
	le := binary.LittleEndian
	at := 36
	folder := 8
	if le.Uint16(h[30:])&0x0004 != 0 {
		at += 4 + int(le.Uint16(h[36:]))
		folder += int(h[38])
	}
	return int(le.Uint32(h[16:])) != at+folder*int(le.Uint16(h[26:]))
}

// TestTwoLists opens cabinets in which readers find different files: those that
// coffFiles leads to (7-Zip), and those behind the folders (cabextract, Windows).
func TestTwoLists(t *testing.T) {
	for _, name := range []string{"hidden-files", "hidden-file-bad-folderid", "hidden-file-beyond-eof"} {
		data := readFile(t, corpus.Path(t, "wide", "cab", "libmspack", "test-test_files-cabd-"+name+".cab"))
		_, err := cab.Open(bytes.NewReader(data), int64(len(data)), cab.Options{})
		require.ErrorIs(t, err, cab.ErrFormat, name)
		require.ErrorContains(t, err, "list of files", name)
	}
}

// decodeFiles decodes a set as the tools do that made the oracle: on a system
// whose code page is UTF-8, going on after damage.
func decodeFiles(t *testing.T, dir string, names []string) (*collector, error) {
	got := newCollector()
	var volumes []*cab.Cabinet
	for _, name := range names {
		data := readFile(t, filepath.Join(dir, name))
		c, err := cab.Open(bytes.NewReader(data), int64(len(data)), cab.Options{CodePage: unicode.UTF8})
		if err != nil {
			return got, err
		}
		volumes = append(volumes, c)
	}
	set, err := cab.NewSet(volumes, cab.SetOptions{Incomplete: true})
	if err != nil {
		return got, err
	}
	err = set.Decode(context.Background(), got.want, cab.DecodeOptions{KeepGoing: true})
	slashed := map[string][]byte{}
	for name, data := range got.files {
		slashed[strings.ReplaceAll(name, "\\", "/")] = data
	}
	got.files = slashed
	return got, err
}
