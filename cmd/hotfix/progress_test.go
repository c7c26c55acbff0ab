package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowMeter is a meter that shows every call.
func slowMeter(w io.Writer) *meter {
	return &meter{w: w, start: time.Now().Add(-10 * time.Second), last: time.Now().Add(-time.Hour)}
}

func TestMeter(t *testing.T) {
	for _, c := range []struct {
		name    string
		pairs   [][2]int64
		want    string
		without string
	}{
		{"half", [][2]int64{{0, 2000}, {1000, 0}}, "1,000 of 2,000 bytes, 10s left", ""},
		{"unknown total", [][2]int64{{1000, 0}}, "1,000 bytes", " of "},
		{"more than announced", [][2]int64{{0, 500}, {1000, 0}}, "1,000 bytes", " of "},
	} {
		var b bytes.Buffer
		m := slowMeter(&b)
		for _, pair := range c.pairs {
			m.last = time.Now().Add(-time.Hour)
			m.counter()(pair[0], pair[1])
		}
		last := b.String()[strings.LastIndex(b.String(), "\r"):]
		require.Equal(t, "\r\x1b[K"+c.want, last, c.name)
		require.False(t, c.without != "" && strings.Contains(last, c.without), c.name)
	}
}

// TestMeterIsShared counts from many goroutines, as reading does.
func TestMeterIsShared(t *testing.T) {
	var b bytes.Buffer
	m := slowMeter(&b)
	count := m.counter()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				count(1, 1)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 800, m.done)
	require.EqualValues(t, 800, m.total)
}

// TestMeterOfNoTerminal: nothing is shown in a pipe or a file, and all calls work.
func TestMeterOfNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer f.Close()
	for _, w := range []io.Writer{&bytes.Buffer{}, f} {
		m := (&session{stderr: w}).newMeter()
		require.Nil(t, m)
		require.Nil(t, m.counter())
		m.working("reading")()
		m.clear()
	}
}

func TestWorking(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the first line, which comes after a second")
	}
	var b bytes.Buffer
	stop := slowMeter(&b).working("comparing")
	time.Sleep(1300 * time.Millisecond)
	stop()
	stop()
	require.Contains(t, b.String(), "comparing, 11s")
	require.True(t, strings.HasSuffix(b.String(), "\r\x1b[K"))
}
