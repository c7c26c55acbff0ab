package distpoint

import (
	"context"
	"errors"

	"github.com/hotfixkit/hotfixkit/extract/source"
	"github.com/hotfixkit/hotfixkit/extract/verify"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// Stage verifies a package and writes its distribution-point content. Everything
// is written, hashed and compared in one pass and appears only when all of it
// holds. With an error nothing has changed on disk, and the Result, which may be
// nil, says what was found out.
func Stage(ctx context.Context, ref string, o Options) (*Result, error) {
	// A download is gone through to the package in it, unless it holds the files
	// of the hotfix itself.
	o.Source.Inner, o.Source.Stay = true, o.Manifest.Names
	p, err := source.Open(ctx, ref, o.Source)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	s := &staging{options: o, p: p}
	err = s.run(ctx)
	if err != nil && s.result != nil {
		s.result = s.result.withoutFiles()
	}
	return s.result, errors.Join(err, s.close())
}

// staging is one call of Stage. Its steps: read what there is (inputs), choose the
// files of the package by their names (choice), write those while the package is
// verified (verdict), plan the rest (plan), write it, and make all of it appear.
type staging struct {
	options Options
	p       *source.Package
	inputs  *inputs
	writer  *writer
	result  *Result // nil until the package was read
}

func (s *staging) run(ctx context.Context) error {
	err := s.options.check()
	if err != nil {
		return err
	}
	if s.inputs, err = gather(ctx, s.p, s.options); err != nil {
		return err
	}
	c, err := choose(s.options, s.inputs)
	if err != nil {
		return err
	}
	if s.writer, err = newWriter(s.options, c); err != nil {
		return err
	}
	// Everything is asked for: the result is evidence.
	everything := verify.Options{
		Source: s.options.Source, Manifest: s.options.Manifest, Progress: s.options.Progress,
		Facts: manifest.InspectOptions{SHA256: true, Signature: &s.options.Signature},
	}
	target, err := verify.ReadPackage(ctx, s.p, everything, s.writer.take)
	if target.Package != nil {
		s.result = c.newResult(s.options, target.Package)
	}
	if err != nil {
		return err
	}
	v, err := judge(s.options, s.inputs, c, target)
	s.result = v.result
	if err != nil {
		return err
	}
	patches, err := s.writer.patches(s.inputs.ref)
	if err != nil {
		return err
	}
	plan, err := newPlan(s.options, s.inputs, c, v, patches, s.writer.newest())
	if err != nil {
		return err
	}
	s.result = &plan.result
	if err := s.writer.write(plan); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.writer.commit(ctx, plan)
}

// close closes what is open; what was not committed is removed.
func (s *staging) close() error {
	var err error
	if s.inputs != nil {
		err = s.inputs.close()
	}
	if s.writer != nil {
		err = errors.Join(err, s.writer.abort())
	}
	return err
}

// check refuses an impossible request before the work begins.
func (o Options) check() error {
	if _, err := SortPatches(nil, o.Order, ""); err != nil {
		return err
	}
	_, err := NewPropertyLine(nil, o.Location, o.Properties)
	return err
}
