package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// publicAPI lists what the public packages export, one line each. A change of it is a
// change of what docs/library.md promises: HOTFIX_UPDATE=1 writes it, and the
// difference belongs into the review and the changelog.
const publicAPI = "docs/api.txt"

func TestPublicSurface(t *testing.T) {
	root := filepath.Join("..", "..")
	library, err := os.ReadFile(filepath.Join(root, "docs", "library.md"))
	require.NoError(t, err)
	var lines []string
	for _, dir := range publicPackages(t, root) {
		require.Contains(t, string(library), "| `"+dir+"` |", "a public package that docs/library.md does not list")
		lines = append(lines, exports(t, root, dir)...)
	}
	got := strings.Join(lines, "\n") + "\n"
	golden := filepath.Join(root, filepath.FromSlash(publicAPI))
	if os.Getenv("HOTFIX_UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	before := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n"), "\n")
	var changed []string
	for _, line := range before {
		if !slices.Contains(lines, line) {
			changed = append(changed, "- "+line)
		}
	}
	for _, line := range lines {
		if !slices.Contains(before, line) {
			changed = append(changed, "+ "+line)
		}
	}
	require.Empty(t, changed, "the promise of the library changes; where that is meant, HOTFIX_UPDATE=1 writes %s", publicAPI)
	require.Len(t, before, len(lines))
}

// publicPackages returns the folders of the packages that others may import, sorted.
func publicPackages(t *testing.T, root string) []string {
	t.Helper()
	var dirs []string
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch d.Name() {
		case "internal", "testdata", "cmd", ".git":
			return fs.SkipDir
		}
		if goFiles, _ := filepath.Glob(filepath.Join(name, "*.go")); len(goFiles) > 0 {
			dir, err := filepath.Rel(root, name)
			dirs = append(dirs, filepath.ToSlash(dir))
			return err
		}
		return nil
	}))
	require.NotEmpty(t, dirs)
	return dirs
}

// exports returns a line for each exported identifier of a package, as it is on Linux.
func exports(t *testing.T, root, dir string) []string {
	t.Helper()
	platform := build.Default
	platform.GOOS, platform.GOARCH = "linux", "amd64"
	p, err := platform.ImportDir(filepath.Join(root, filepath.FromSlash(dir)), 0)
	require.NoError(t, err)
	s := surface{t: t, dir: dir, set: token.NewFileSet()}
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(s.set, filepath.Join(p.Dir, name), nil, 0)
		require.NoError(t, err)
		s.file(file)
	}
	slices.Sort(s.lines)
	return s.lines
}

// A surface collects the exported identifiers of one package.
type surface struct {
	t     *testing.T
	dir   string
	set   *token.FileSet
	hides map[string]bool // names under which the file imports packages that others cannot
	lines []string
}

func (s *surface) file(file *ast.File) {
	s.hides = map[string]bool{}
	for _, i := range file.Imports {
		where, err := strconv.Unquote(i.Path.Value)
		require.NoError(s.t, err)
		if strings.Contains(where, "/internal/") {
			s.hides[where[strings.LastIndex(where, "/")+1:]] = true
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			s.function(d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				s.spec(d.Tok, spec)
			}
		}
	}
}

func (s *surface) function(d *ast.FuncDecl) {
	if !d.Name.IsExported() {
		return
	}
	receiver := ""
	if d.Recv != nil {
		receiver = s.text(d.Recv.List[0].Type)
		if !ast.IsExported(strings.TrimLeft(receiver, "*")) {
			return
		}
		receiver = "(" + receiver + ") "
	}
	s.add("func "+receiver+d.Name.Name+strings.TrimPrefix(s.text(d.Type), "func"), d.Type)
}

func (s *surface) spec(kind token.Token, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() {
				s.add(kind.String()+" "+name.Name, spec.Type)
			}
		}
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		switch of := spec.Type.(type) {
		case *ast.StructType:
			s.add("type "+spec.Name.Name+" struct", nil)
			s.fields(spec.Name.Name, of.Fields)
		case *ast.InterfaceType:
			s.add("type "+spec.Name.Name+" interface", nil)
			s.fields(spec.Name.Name, of.Methods)
		default:
			s.add("type "+spec.Name.Name+" "+s.text(spec.Type), spec.Type)
		}
	}
}

// fields adds the exported fields of a struct or the methods of an interface.
func (s *surface) fields(of string, list *ast.FieldList) {
	for _, f := range list.List {
		tag := ""
		if f.Tag != nil {
			tag = " " + f.Tag.Value
		}
		if len(f.Names) == 0 {
			s.add("type "+of+", "+s.text(f.Type)+tag, f.Type)
		}
		for _, name := range f.Names {
			if name.IsExported() {
				s.add("type "+of+", "+name.Name+" "+s.text(f.Type)+tag, f.Type)
			}
		}
	}
}

// add adds a line, and refuses a type that those who import the package cannot name.
func (s *surface) add(line string, of ast.Expr) {
	if of != nil {
		ast.Inspect(of, func(n ast.Node) bool {
			if x, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := x.X.(*ast.Ident); ok {
					require.False(s.t, s.hides[id.Name], "%s: %s shows %s.%s, which others cannot import", s.dir, line, id.Name, x.Sel.Name)
				}
			}
			return true
		})
	}
	s.lines = append(s.lines, s.dir+": "+line)
}

// text prints a type on one line.
func (s *surface) text(n ast.Node) string {
	var b strings.Builder
	require.NoError(s.t, printer.Fprint(&b, s.set, n))
	return strings.Join(strings.Fields(b.String()), " ")
}
