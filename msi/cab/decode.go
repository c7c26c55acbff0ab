package cab

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hotfixkit/hotfixkit/internal/codec"
)

// A Sink takes the bytes of one member.
type Sink interface {
	// Write is called with consecutive pieces of the member, in order. It must
	// not keep p. An error stops Decode.
	io.Writer
	// Close is called exactly once, last. Close(nil): the member is complete
	// and whole. Close(err): it is lost, what was written is to be thrown away.
	// An error that Close returns stops Decode, except err itself.
	Close(err error) error
}

// DecodeOptions say how a set is decoded.
type DecodeOptions struct {
	// Workers is the number of processors to use, GOMAXPROCS when 0.
	Workers int
	// KeepGoing continues after damage: members that cannot be had are closed
	// with their error, all others are delivered, and Decode returns the errors
	// joined.
	KeepGoing bool
	// Spend, when set, is called before each block is decoded or passed over, with
	// the bytes that it stands for (at least 4096: a block takes time however
	// small it is). An error ends the folder as damage does. Folders may share
	// their blocks, so that a small cabinet can ask for any amount of work: this
	// is where the caller bounds it. Calls may be concurrent.
	Spend func(bytes int64) error
}

// minSpend is what the smallest block counts for.
const minSpend = 4096

func (o DecodeOptions) spend(size int) error {
	if o.Spend == nil {
		return nil
	}
	return o.Spend(int64(max(size, minSpend)))
}

// maxFolders is how many folders are decoded side by side at most. Each may need
// 8 MiB: buffers and an LZX history; as much again may wait for the garbage
// collector where windows of different sizes follow each other.
const maxFolders = 3

// Decode decodes the set in one pass. It calls want for each member, folder by
// folder and by ascending offset within the folder, and pushes the member's
// bytes into the sink that want returns; a nil Sink skips the member. A folder is
// decoded only as far as its last wanted member needs.
//
// Folders are decoded side by side: want and the sinks of different folders may
// be called concurrently. A large folder without compression counts as several,
// unless o.KeepGoing or one worker asks for less. Within one folder calls are
// sequential. Members that overlap are fed together, at most 512 at a time (ErrLimit).
//
// Every sink that want returned is closed before Decode returns. An error of want
// or of a sink, and the end of ctx, stop everything. Damage (ErrFormat,
// ErrChecksum, ErrTruncated, ErrAlgorithm, ErrVolume, ErrLimit, or an error of a
// cabinet's reader) stops everything too unless o.KeepGoing is set. When several
// folders fail, the error returned is that of the first folder.
func (s *Set) Decode(ctx context.Context, want func(*File) (Sink, error), o DecodeOptions) error {
	var folders []*setFolder
	for _, f := range s.folders {
		if len(f.files) > 0 {
			folders = append(folders, f)
		}
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if !o.KeepGoing {
		folders = cutStored(folders, min(workers, maxFolders))
	}
	run := decodeRun{ctx: ctx, want: want, keepGoing: o.KeepGoing, workers: workers, folders: folders, errs: make([][]error, len(folders))}
	run.failed.Store(int64(len(folders)))
	for _, f := range folders {
		run.left.Add(f.blocks())
	}

	var group sync.WaitGroup
	for range min(workers, len(folders), maxFolders) {
		group.Go(func() { run.work(&pipeline{spend: o.spend}) })
	}
	group.Wait()

	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	for _, errs := range run.errs {
		if len(errs) > 0 && !o.KeepGoing {
			return errs[0]
		}
	}
	var all []error
	for _, errs := range run.errs {
		all = append(all, errs...)
	}
	return errors.Join(all...)
}

// A decodeRun is one call of Set.Decode.
type decodeRun struct {
	ctx       context.Context
	want      func(*File) (Sink, error)
	keepGoing bool
	workers   int
	folders   []*setFolder
	errs      [][]error // per folder

	left   atomic.Int64 // blocks of folders that are not finished
	taken  atomic.Int64 // the number of folders begun
	failed atomic.Int64 // the first folder that stopped; later ones need not go on
}

// errStopped ends a folder because an earlier one failed.
var errStopped = errors.New("stopped")

func (run *decodeRun) work(p *pipeline) {
	for {
		i := run.taken.Add(1) - 1
		if i >= int64(len(run.folders)) || run.stopped(i) != nil {
			return
		}
		m := &members{folder: run.folders[i], want: run.want, keepGoing: run.keepGoing,
			stopped: func() error { return run.stopped(i) }}
		run.share(p, m.folder)
		err := p.decode(run.ctx, m)
		run.left.Add(-m.folder.blocks())
		run.errs[i] = m.lost
		if err == nil {
			continue
		}
		m.abandon(err)
		if !errors.Is(err, errStopped) {
			run.errs[i] = append(run.errs[i], err)
		}
		for {
			first := run.failed.Load()
			if i >= first || run.failed.CompareAndSwap(first, i) {
				break
			}
		}
	}
}

// stopped returns an error when folder i need not be decoded any further.
func (run *decodeRun) stopped(i int64) error {
	if run.ctx.Err() != nil {
		return context.Cause(run.ctx)
	}
	if run.failed.Load() < i {
		return errStopped
	}
	return nil
}

// share decides how many processors decode a folder. It has one of its own where the
// other folders keep all others busy about as long.
func (run *decodeRun) share(p *pipeline, folder *setFolder) {
	own := folder.blocks()
	others := run.left.Load() - own
	p.alone = run.workers == 1 || 4*others >= 3*own*int64(run.workers-1)
	p.parsers = 0
	if others < own/2 {
		p.parsers = min(run.workers, maxParsers)
	}
}

// blocks returns the number of blocks that the folder's files may take.
func (f *setFolder) blocks() (n int64) {
	if f.cut {
		last := f.files[len(f.files)-1]
		return (last.Offset + last.Size - f.files[0].Offset) / codec.MaxBlock
	}
	for _, part := range f.parts {
		n += int64(part.folder().Blocks)
	}
	return n
}

// leastCut is the size from which a part of a folder is worth being decoded by itself,
// in bytes.
const leastCut = 4 << 20

// cutStored cuts folders without compression, where no byte needs those before it,
// into up to n parts of about the same size.
func cutStored(folders []*setFolder, n int) []*setFolder {
	var all []*setFolder
	for _, f := range folders {
		if f.compression.Method() != None || f.before != nil || f.after != nil {
			all = append(all, f)
			continue
		}
		all = append(all, f.cutInto(n)...)
	}
	return all
}

func (f *setFolder) cutInto(n int) []*setFolder {
	var end int64
	for _, file := range f.files {
		end = max(end, file.Offset+file.Size)
	}
	least := max(leastCut, (end-f.files[0].Offset)/int64(n))
	var cut []*setFolder
	from, reach := 0, int64(0)
	for i, file := range f.files {
		// Members that overlap stay together.
		if i > from && len(cut) < n-1 && file.Offset >= reach && file.Offset-f.files[from].Offset >= least && end-file.Offset >= leastCut {
			cut = append(cut, f.part(from, i))
			from = i
		}
		reach = max(reach, file.Offset+file.Size)
	}
	if from == 0 {
		return []*setFolder{f}
	}
	return append(cut, f.part(from, len(f.files)))
}

// part returns the folder with some of its files.
func (f *setFolder) part(from, to int) *setFolder {
	part := *f
	part.files, part.cut, part.rest = f.files[from:to], true, from > 0
	return &part
}
