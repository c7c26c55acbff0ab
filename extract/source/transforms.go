package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/msi"
)

// applyTransforms applies Options.Transforms to the tables of the package.
func (p *Package) applyTransforms(ctx context.Context, db *msi.Database) error {
	names := p.options.Transforms
	if len(names) == 0 {
		return nil
	}
	if db.Kind() != msi.KindDatabase {
		return fmt.Errorf("%w: transforms are for installation packages", ErrKind)
	}
	for _, name := range names {
		err := p.applyTransform(ctx, db, name)
		if known := (*Error)(nil); err != nil && !errors.As(err, &known) {
			err = fmt.Errorf("transform %s: %w", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyTransform applies one transform, embedded or a file.
func (p *Package) applyTransform(ctx context.Context, db *msi.Database, name string) error {
	stored, ok := embeddedTransform(db, name)
	if !ok && strings.HasPrefix(name, ":") {
		return fmt.Errorf("the package holds these transforms: %s: %w", listOf(db.Storages()), msi.ErrNotFound)
	}
	if !ok {
		return p.applyFile(ctx, db, name)
	}
	storage, err := db.Storage(stored)
	if err != nil {
		return err
	}
	return p.transform(db, storage)
}

// applyFile applies a transform that is a file, or in another package. It stays open
// as long as the package: the cells that it sets are read from it.
func (p *Package) applyFile(ctx context.Context, db *msi.Database, ref string) error {
	t, err := Open(ctx, ref, Options{MaxBytes: p.options.MaxBytes, Password: p.options.Password})
	if err != nil {
		return err
	}
	p.transforms = append(p.transforms, t)
	if t.Kind() != MST {
		return &RoleError{Wanted: MST, Found: t.Kind()}
	}
	return p.transform(db, t.Database())
}

// embeddedTransform finds the storage that a name of a transform means (Windows
// Installer: TRANSFORMS property; names of embedded ones begin with a colon).
func embeddedTransform(db *msi.Database, name string) (string, bool) {
	name = strings.TrimPrefix(name, ":")
	stem := strings.TrimSuffix(strings.ToLower(name), ".mst")
	storages := db.Storages()
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.TrimSuffix(strings.ToLower(s), ".mst") == stem },
	} {
		if i := slices.IndexFunc(storages, same); i >= 0 {
			return storages[i], true
		}
	}
	return "", false
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// transform applies a transform and tells what it declares harmless.
func (p *Package) transform(db, storage *msi.Database) error {
	t, err := msi.LoadTransform(storage)
	if err != nil {
		return err
	}
	return t.Apply(db, msi.ApplyOptions{Warn: func(text string) { p.warn("transform: %s", text) }})
}
