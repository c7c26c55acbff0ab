package manifest

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// kb977203 holds the two tables of the published article as the importer reads
// them; a test of package kbarticle imports the article again and compares.
//
//go:embed builtin/kb977203.json
var kb977203 []byte

// ErrUnknown means that a reference is neither a built-in manifest nor a file.
var ErrUnknown = errors.New("no such manifest")

// ErrAmbiguous means that a reference stands for several manifests and the
// checked files do not tell which one is meant.
var ErrAmbiguous = errors.New("which manifest is meant cannot be told")

var builtins = sync.OnceValue(func() []*Manifest {
	manifests, err := Read(bytes.NewReader(kb977203))
	if err != nil {
		panic("manifest: built-in data: " + err.Error())
	}
	return manifests
})

// Builtin returns the built-in manifests, in the order of their service packs.
// They are shared: callers must not change them.
func Builtin() []*Manifest { return builtins() }

// Set is what a reference names: one manifest, or several of which
// [Set.Choose] finds the right one by the files of the target.
type Set struct {
	Ref       string
	Manifests []*Manifest // at least one

	index   sync.Once
	names   map[string]bool // folded
	patches map[string]bool // by patchKey
}

// Open resolves a reference: the id of a built-in manifest ("kb977203-sp2"), the
// article of several ("kb977203"), or a JSON file. "FILE#ID" names one manifest
// of a file with several. The result of an unknown reference wraps [ErrUnknown],
// of a malformed file [ErrFormat].
func Open(ref string) (*Set, error) {
	var found []*Manifest
	for _, m := range Builtin() {
		if strings.EqualFold(m.ID, ref) {
			return &Set{Ref: ref, Manifests: []*Manifest{m}}, nil
		}
		if strings.EqualFold(m.KB, ref) {
			found = append(found, m)
		}
	}
	if found != nil {
		return &Set{Ref: ref, Manifests: found}, nil
	}
	name, id := ref, ""
	if _, err := os.Stat(name); err != nil {
		if i := strings.LastIndexByte(ref, '#'); i > 0 {
			name, id = ref[:i], ref[i+1:]
		}
	}
	info, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q is neither built in nor a file", ErrUnknown, ref)
	} else if err != nil {
		return nil, err
	}
	// A pipe without a writer would block before it can be interrupted.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is not a regular file", name, ErrFormat)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifests, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if id == "" {
		return &Set{Ref: ref, Manifests: manifests}, nil
	}
	for _, m := range manifests {
		if strings.EqualFold(m.ID, id) {
			return &Set{Ref: ref, Manifests: []*Manifest{m}}, nil
		}
	}
	return nil, fmt.Errorf("%w: %s has no manifest %q", ErrUnknown, name, id)
}
