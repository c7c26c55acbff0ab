package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		inUse uint64
		want  int
	}{
		{0, mostGrowth},
		{1 << 20, mostGrowth},
		{freeHeap / 5, mostGrowth},
		{freeHeap / 2, 100},
		{freeHeap * 9 / 10, leastGrowth},
		{freeHeap, leastGrowth},
		{1 << 40, leastGrowth},
	} {
		require.Equal(t, c.want, growth(c.inUse), "%d bytes in use", c.inUse)
	}
}

// TestPaceCollector fills the heap: the pace follows.
func TestPaceCollector(t *testing.T) {
	current := func() int {
		percent := debug.SetGCPercent(mostGrowth)
		debug.SetGCPercent(percent)
		return percent
	}
	paceCollector()
	held := make([]byte, 2*freeHeap)
	follows := func() bool {
		runtime.GC()
		return current() == leastGrowth
	}
	require.Eventually(t, follows, 5*time.Second, time.Millisecond)
	runtime.KeepAlive(held)
}
