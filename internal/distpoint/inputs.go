package distpoint

import (
	"context"
	"errors"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// inputs is what a staging is planned from besides its options: read once, before
// anything is written.
type inputs struct {
	ref    string       // of the package
	name   string       // of the package
	paths  []string     // of the files in it
	client *clientFiles // nil without Options.ClientDir
	given  []*givenPatch
}

// gather reads what there is. The caller must close the inputs, after an error too.
func gather(ctx context.Context, p *source.Package, o Options) (*inputs, error) {
	in := &inputs{ref: p.Ref(), name: p.Name()}
	for _, f := range p.Files() {
		in.paths = append(in.paths, f.Path())
	}
	if o.ClientDir != "" {
		if err := apart(o.ClientDir, o.Output); err != nil {
			return in, err
		}
		var err error
		if in.client, err = openClientFiles(ctx, o.ClientDir); err != nil {
			return in, err
		}
	}
	for _, name := range o.WithPatches {
		g, err := openGivenPatch(name)
		if err != nil {
			return in, &source.Error{Package: name, Err: err}
		}
		in.given = append(in.given, g)
	}
	return in, nil
}

// close closes the patches that were given.
func (in *inputs) close() error {
	var err error
	for _, g := range in.given {
		err = errors.Join(err, g.file.Close())
	}
	return err
}
