package kbarticle_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/manifest/kbarticle"
)

// TestLinear imports articles, and others four times as long. A quadratic reader
// takes sixteen times as long for them.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const table = "| File name | File version |\n|---|---|\n| a.dll | 1.0.0.0 |\n"
	for name, article := range map[string]func(n int) string{
		"quotation marks":     func(n int) string { return strings.Repeat("> ", 10*n) + "|\n\n" + table },
		"blank lines":         func(n int) string { return strings.Repeat("\n", 10*n) + table },
		"code blocks":         func(n int) string { return strings.Repeat("```\n", 3*n) + "\n" + table },
		"comments":            func(n int) string { return strings.Repeat("<!--\n-->\n", 3*n) + table },
		"list marks":          func(n int) string { return strings.Repeat("1. ", 10*n) + "|\n\n" + table },
		"rows":                func(n int) string { return table + strings.Repeat("| a.dll | 1.0.0.0 |\n", n) },
		"lines of one letter": func(n int) string { return strings.Repeat("a\n", 5*n) + table },
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(n int) time.Duration {
				text, fastest := article(n), time.Hour
				for range 3 {
					start := time.Now()
					_, err := kbarticle.Import(t.Context(), strings.NewReader(text), "a.md", kbarticle.Options{})
					require.NoError(t, err)
					fastest = min(fastest, time.Since(start))
				}
				return fastest
			}
			one, four := measure(10_000), measure(40_000)
			require.Less(t, four, 10*one+time.Second, "four times the input took %v after %v", four, one)
		})
	}
}

// TestLimits: what is larger than any article is refused before it costs much.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, text := range map[string]string{
		"tables of headings": strings.Repeat("Name\nVersion\nSize\n", 10_000),
		"rows":               strings.Repeat("a.dll\t1.0\n", 160_000),
	} {
		_, err := kbarticle.Import(t.Context(), strings.NewReader(text), "a.txt", kbarticle.Options{})
		require.ErrorIs(t, err, kbarticle.ErrLimit, name)
	}
}

// TestCancel: neither a reader that gives nothing nor an article that takes long
// outlives its context.
func TestCancel(t *testing.T) {
	silent, _ := io.Pipe()
	rows := strings.NewReader(strings.Repeat("a.dll,1.0.0.0,1,234,1-1-2010,x86\n", 100_000))
	for name, r := range map[string]io.Reader{"a.txt": silent, "a.csv": rows} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		_, err := kbarticle.Import(ctx, r, name, kbarticle.Options{})
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.Less(t, time.Since(start), 4*time.Second, name)
		cancel()
	}
}
