package hashindex

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIndexEqualsMap(t *testing.T) {
	const n = 10_000
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i % 7_000)
	}
	x, want := New(7_000), map[string]int{}
	for i, text := range list {
		earlier, ok := x.Add(Hash(text), i, func(at int) bool { return list[at] == text })
		before, known := want[text]
		require.Equal(t, known, ok, text)
		require.Equal(t, before, earlier, text)
		if !known {
			want[text] = i
		}
	}
	for i := range 2 * n {
		text := fmt.Sprint(i)
		at, ok := x.Find(Hash(text), func(at int) bool { return list[at] == text })
		before, known := want[text]
		require.Equal(t, known, ok, text)
		if ok {
			require.Equal(t, before, at, text)
		}
	}
	require.Panics(t, func() { x.Add(Hash("one more"), 1, func(int) bool { return false }) })
}

// Places whose hashes are equal are told apart by what they hold.
func TestEqualHashes(t *testing.T) {
	const hash = 1<<64 - 1 // the last slot: the next place lies in the first one
	x := New(3)
	for i := range 3 {
		_, ok := x.Add(hash, i, func(at int) bool { return at == i })
		require.False(t, ok)
	}
	for i := range 3 {
		at, ok := x.Find(hash, func(at int) bool { return at == i })
		require.True(t, ok)
		require.Equal(t, i, at)
	}
	x.Replace(hash, 1, 7)
	_, ok := x.Find(hash, func(at int) bool { return at == 1 })
	require.False(t, ok)
	_, ok = x.Find(hash, func(at int) bool { return at == 7 })
	require.True(t, ok)
}

func TestEmptyIndex(t *testing.T) {
	for _, x := range []*Index{nil, {}, New(0)} {
		_, ok := x.Find(1, func(int) bool { return true })
		require.False(t, ok)
	}
}
