package report_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/hotfixkit/hotfixkit/internal/report"
	"github.com/hotfixkit/hotfixkit/manifest"
	"github.com/hotfixkit/hotfixkit/testdata/corpus"
)

// document is a parsed page.
type document struct {
	elements map[string]int // by name
	outside  []string       // references to anything outside the page
	handlers []string       // attributes that run scripts
	text     string
	width    string // of the content and of the window, by a browser
}

func parse(t testing.TB, page []byte) document {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	d := document{elements: make(map[string]int)}
	var text strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data != "style" && n.Parent.Data != "script" {
				text.WriteString(n.Data)
			}
		case html.ElementNode:
			d.elements[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					d.handlers = append(d.handlers, a.Key)
				}
				if (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "#") {
					d.outside = append(d.outside, a.Val)
				}
				if a.Key == "data-width" {
					d.width = a.Val
				}
			}
		}
	}
	d.text = strings.Join(strings.Fields(text.String()), " ")
	return d
}

// TestHostileNames: names that try to break out of the page are in it as text.
func TestHostileNames(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, different(t)))
	d := parse(t, b.Bytes())
	require.Zero(t, d.elements["script"])
	require.Empty(t, d.handlers)
	require.Empty(t, d.outside)
	for _, s := range []string{
		"<script>alert(1)</script>.dll", `evil\u{202e}gpj.exe`, `tab\u{0009}and\u{000a}line.txt`, `"onmouseover="alert(2)`,
		"{{.Tool}}.txt", "mp.msi: cabinet <Disk1>: checksum differs", "(private build <b>)",
	} {
		require.Contains(t, d.text, s)
	}
	require.NotContains(t, b.String(), "\u202e", "a character that turns the direction of text")
	require.NotContains(t, b.String(), "url(")
}

// TestBrowser renders the pages in a real browser: what a person reads is there,
// and nothing is wider than the window, from a telephone to a large screen.
func TestBrowser(t *testing.T) {
	corpus.Dir(t) // elsewhere, plain tests stay fast
	browser := corpus.Tool(t, "chromium")
	const measure = `<script>document.body.dataset.width = document.documentElement.scrollWidth + "/" + innerWidth</script></body>`
	const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	tests := []struct {
		page  string
		width int
		want  []string
	}{
		{"good", 1100, []string{"Verified: the verdict, as it is told <everywhere>", "Superseded byKB977384", "unsigned", "hotfix 1.0.0"}},
		{"version", 800, []string{"the verdict, as it is told", "Later versions are accepted.", "presence only", "2026-11-22 09:30 UTC"}},
		{"different", 500, []string{"the verdict, as it is told", "this is the build of", "expected 4.0.6487.2111 found 4.0.6221.1193", "signed by Microsoft Corporation"}},
		{"different", 1600, nil},
	}
	reports := pages(t)
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.page, " ", tt.width), func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, report.HTML(&b, reports[tt.page]))
			page := b.String()
			require.Equal(t, 1, strings.Count(page, policy))
			page = strings.Replace(page, policy, "", 1)
			page = strings.Replace(page, "</body>", measure, 1)
			file := filepath.Join(t.TempDir(), "page.html")
			require.NoError(t, os.WriteFile(file, []byte(page), 0o600))
			out, err := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
				"--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=%d,1000", tt.width), "--dump-dom", "file://"+file).Output()
			require.NoError(t, err)
			d := parse(t, out)
			require.Equal(t, fmt.Sprintf("%d/%d", tt.width, tt.width), d.width, "nothing overflows")
			require.Equal(t, 1, d.elements["script"], "only that of the test")
			for _, s := range tt.want {
				require.Contains(t, strings.ToLower(d.text), strings.ToLower(s))
			}
		})
	}
}

// TestGuide checks that instructions are on the page in their order, as text and
// never as markup, and that a page without them is as it was.
func TestGuide(t *testing.T) {
	r := &report.Report{Result: &manifest.Result{}, Guide: []report.Section{
		{ID: "steps", Title: "Steps <1>", Ordered: true, Items: []report.Item{{Text: "Enter this:", Copy: `PATCH="C:\<x>"`}, {Text: "Click OK."}}},
		{ID: "remarks", Title: "Remarks", Items: []report.Item{{Text: "a\u202eb"}}},
	}}
	var b strings.Builder
	require.NoError(t, report.HTML(&b, r))
	page := b.String()
	require.Contains(t, page, `<section id="steps"><h3><bdi dir="ltr">Steps &lt;1&gt;</bdi></h3>`)
	require.Contains(t, page, `<ol><li><bdi dir="ltr">Enter this:</bdi><pre><code>PATCH=&#34;C:\&lt;x&gt;&#34;</code></pre></li><li><bdi dir="ltr">Click OK.</bdi></li></ol>`)
	require.NotContains(t, page, "\u202e")
	require.Contains(t, page, `href="#guide"`)
	r.Guide = nil
	b.Reset()
	require.NoError(t, report.HTML(&b, r))
	require.NotContains(t, b.String(), "guide")
}
