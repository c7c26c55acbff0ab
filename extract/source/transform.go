package source

import (
	"context"

	"github.com/hotfixkit/hotfixkit/msi"
)

// A transformReader stands for a transform, which has tables and no files.
type transformReader struct{ db *msi.Database }

func (r transformReader) database() *msi.Database         { return r.db }
func (transformReader) list(context.Context) error        { return nil }
func (transformReader) walk(context.Context, *walk) error { return nil }
func (transformReader) close() error                      { return nil }
