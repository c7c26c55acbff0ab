package extract

import (
	"errors"
	"io"
	"runtime"

	"github.com/hotfixkit/hotfixkit/extract/source"
)

// WriteDatabase writes the database that a complete image holds to w: the stamped
// copy of the package's own. The plan must have one.
func (plan *Plan) WriteDatabase(w io.Writer) error {
	db, err := stamp(plan.Package.Database(), plan.options.ShortNames)
	if err == nil {
		err = db.Save(w)
	}
	if err != nil {
		return &source.Error{Package: plan.Package.Ref(), Place: "database", Err: err}
	}
	return nil
}

// A databaseWriter writes the database of an image while the files are written,
// where there is a processor for it.
type databaseWriter struct {
	writer *writer
	sink   *sink
	done   chan struct{} // closed when the content is written; nil before that began
	err    error
}

// startDatabase begins to write the database into the output folder.
func (w *writer) startDatabase() *databaseWriter {
	d := &databaseWriter{writer: w}
	workers := w.options.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if w.plan.Database != "" && workers > 1 {
		d.done = make(chan struct{})
		go func() {
			defer close(d.done)
			d.write()
		}()
	}
	return d
}

func (d *databaseWriter) write() {
	w := d.writer
	file, err := w.out.Create(w.plan.Database, FileInfo{Modified: w.plan.Package.Modified()})
	if err != nil {
		d.err = err
		return
	}
	d.sink = w.sink(w.plan.Database, file)
	d.err = w.plan.WriteDatabase(d.sink)
}

// finish makes the database part of the output where that is complete, and throws
// it away where it is not.
func (d *databaseWriter) finish(complete bool) error {
	switch {
	case d.writer.plan.Database == "":
		return nil
	case d.done != nil:
		<-d.done
	case complete:
		d.write()
	}
	switch {
	case d.sink == nil:
		return d.err
	case complete && d.err == nil:
		return d.sink.Close(nil)
	}
	if err := d.sink.file.Close(errIncomplete); err != nil {
		return err
	}
	return d.err
}

// errIncomplete throws the database of an image away whose files are not complete.
var errIncomplete = errors.New("the image is incomplete")
