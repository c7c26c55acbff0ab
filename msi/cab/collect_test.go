package cab_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// collector takes the members of a set into memory.
type collector struct {
	mu     sync.Mutex
	opened map[*cab.File]int
	files  map[string][]byte
	lost   map[string]error
}

func newCollector() *collector {
	return &collector{opened: map[*cab.File]int{}, files: map[string][]byte{}, lost: map[string]error{}}
}

func (c *collector) want(f *cab.File) (cab.Sink, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened[f]++
	return &collected{c: c, file: f}, nil
}

type collected struct {
	c    *collector
	file *cab.File
	data bytes.Buffer
}

func (s *collected) Write(p []byte) (int, error) { return s.data.Write(p) }

func (s *collected) Close(err error) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.opened[s.file]--
	if err != nil {
		s.c.lost[s.file.Name] = err
	} else {
		s.c.files[s.file.Name] = s.data.Bytes()
	}
	return err
}

// requireAllClosed checks that each sink was closed once.
func (c *collector) requireAllClosed(t testing.TB) {
	t.Helper()
	for f, n := range c.opened {
		require.Zero(t, n, "sink of %q", f.Name)
	}
}

func (c *collector) hashes() map[string]string {
	m := map[string]string{}
	for name, data := range c.files {
		m[name] = hash(data)
	}
	return m
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// openBytes opens one cabinet in memory.
func openBytes(t testing.TB, data []byte) *cab.Cabinet {
	t.Helper()
	c, err := cab.Open(bytes.NewReader(data), int64(len(data)), cab.Options{})
	require.NoError(t, err)
	return c
}

// decode decodes a set of cabinets in memory. The error may be of any step.
func decode(o cab.DecodeOptions, so cab.SetOptions, volumes ...[]byte) (*collector, error) {
	got := newCollector()
	var cabinets []*cab.Cabinet
	for _, v := range volumes {
		c, err := cab.Open(bytes.NewReader(v), int64(len(v)), cab.Options{})
		if err != nil {
			return got, err
		}
		cabinets = append(cabinets, c)
	}
	set, err := cab.NewSet(cabinets, so)
	if err != nil {
		return got, err
	}
	return got, set.Decode(context.Background(), got.want, o)
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}
