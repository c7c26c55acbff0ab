package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hotfixkit/hotfixkit/extract/safepath"
	"github.com/hotfixkit/hotfixkit/internal/hashindex"
	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cab"
	"github.com/hotfixkit/hotfixkit/msp"
)

// maxVolumes bounds the cabinets of one set.
const maxVolumes = 4096

// maxMembers bounds the members of a package's cabinets, all together: streams may
// share their sectors, so that a small database can hold any number of cabinets.
const maxMembers = 500_000

// A store is what databases, cabinets and patches have in common: files that are
// members of cabinets, lie next to the package, or are made of something else.
type store struct {
	p     *Package
	db    *msi.Database // whose streams may be cabinets; nil where there is none
	media []*msi.Media
	find  func(*File) (entry, error)

	mu       sync.Mutex          // held while cabinets are opened
	cabinets map[string]*cabinet // opened so far, by keyOf where they are
	members  int                 // of these
	looked   int                 // members of cabinets that were only described
}

// An entry says where a file of a store comes from.
type entry struct {
	media   *msi.Media // nil where no row covers the file
	cabinet string     // as in Media.Cabinet; empty when there is none
	member  string     // name in the cabinet
	file    *cab.File  // the member itself, where it is known from the start
	loose   []string   // source paths of an uncompressed file, the expected ones first; nil: compressed
	exact   int        // how many of loose are expected
	made    maker      // of a file that is made of something else
}

// A maker writes the content of a file that the package holds in another form.
type maker func(io.Writer) error

func newStore(p *Package, db *msi.Database) *store {
	return &store{p: p, db: db, cabinets: map[string]*cabinet{}}
}

func (s *store) database() *msi.Database { return s.db }

func (s *store) close() error {
	var errs []error
	for _, c := range s.cabinets {
		errs = append(errs, c.close())
	}
	s.cabinets = nil
	return errors.Join(errs...)
}

// walk implements reader.
func (s *store) walk(ctx context.Context, w *walk) error {
	plan := s.locate(ctx, w.options.Files)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(plan.lost) > 0 && !w.options.KeepGoing {
		return s.p.errorsOf(plan.lost)
	}
	for _, l := range plan.lost {
		if err := w.giveUp(l.file, l.err); err != nil {
			return err
		}
	}
	return s.read(ctx, w, plan)
}

// read reads the cabinets and the uncompressed files side by side.
func (s *store) read(ctx context.Context, w *walk, plan *plan) error {
	side := max(1, min(len(plan.sets), w.options.Workers))
	decode := cab.DecodeOptions{Workers: max(1, w.options.Workers/side), KeepGoing: w.options.KeepGoing, Spend: w.budget.Spend}
	for _, m := range plan.made {
		if err := s.deliverMade(ctx, w, m); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(side + 1)
	if w.options.prompt && w.options.Workers == 1 {
		group.SetLimit(1)
	}
	if len(plan.loose) > 0 {
		group.Go(func() error {
			for _, l := range plan.loose {
				if err := s.deliverLoose(ctx, w, l); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, set := range plan.sets {
		group.Go(func() error { return s.decode(ctx, w, set, decode) })
	}
	return group.Wait()
}

// deliverMade delivers a file that is made of something else.
func (s *store) deliverMade(ctx context.Context, w *walk, m madePlan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sink, err := w.sink(m.file, Stored{Modified: s.p.modified, Size: m.file.Size}, expectation{size: m.file.Size, claimed: -1})
	if err != nil || sink == nil {
		return err
	}
	if err := m.write(sink); err != nil {
		return errors.Join(err, sink.Close(err))
	}
	return sink.Close(nil)
}

// decode decodes one cabinet set.
func (s *store) decode(ctx context.Context, w *walk, plan *setPlan, o cab.DecodeOptions) error {
	var later *verdicts
	if !w.options.prompt {
		later = new(verdicts)
	}
	err := plan.set.set.Decode(ctx, func(member *cab.File) (cab.Sink, error) {
		f := plan.of(member)
		if f == nil {
			return nil, nil
		}
		// The cabinet's size must hold, that of the File table is often stale.
		return w.sink(f, Stored{Modified: member.Modified(), Size: member.Size},
			expectation{size: member.Size, claimed: f.Size, digests: f.digests(), later: later})
	}, o)
	if later != nil {
		if verdict := later.flush(); err == nil {
			err = verdict
		}
	}
	if err == nil {
		err = w.unread(plan.unread(w), fmt.Errorf("%w: the cabinet %q has no data for it", ErrFormat, plan.set.where))
		if err == nil || w.options.KeepGoing {
			return nil
		}
		return err
	}
	if w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		return w.unread(plan.unread(w), err)
	}
	return err
}

// deliverLoose reads the uncompressed files of one place.
func (s *store) deliverLoose(ctx context.Context, w *walk, l *loosePlan) error {
	deliveries := make([]delivery, len(l.files))
	for i, f := range l.files {
		from := l.from[i]
		expect := expectation{
			size: -1, claimed: f.Size, mustClaim: f.Size != 0, digests: f.digests(),
			explain: func(err error) error { return explainNeighbour(l.place, from, f, err) },
		}
		deliveries[i] = delivery{from: from, want: func(stored Stored) (Sink, error) { return w.sink(f, stored, expect) }}
	}
	err := l.place.deliver(ctx, deliveries, w.options)
	if err != nil && w.options.KeepGoing && ctx.Err() == nil && w.halted() == nil {
		for _, f := range l.files {
			if err := w.giveUp(f, err); err != nil {
				return err
			}
		}
		return nil
	}
	return err
}

// A cabinet is one cabinet of the package, in a stream ("#name") or next to it.
type cabinet struct {
	where   string
	name    string // below the folder, of one next to the package
	cab     *cab.Cabinet
	content content     // nil in a stream
	set     *cabinetSet // once joined
}

func (c *cabinet) close() error {
	if c.content == nil {
		return nil
	}
	return c.content.Close()
}

// A Volume is a cabinet next to a package.
type Volume struct {
	Name string // path below the folder
	content
}

// Volumes returns the cabinets next to the package that were opened so far, sorted by
// their names. They are valid until Close.
func (p *Package) Volumes() []Volume {
	r, ok := p.reader.(interface{ outside() []Volume })
	if !ok {
		return nil
	}
	volumes := r.outside()
	slices.SortFunc(volumes, func(a, b Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes
}

// outside are the cabinets that are not in streams.
func (s *store) outside() []Volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	var volumes []Volume
	for _, c := range s.cabinets {
		if c.content != nil {
			volumes = append(volumes, Volume{c.name, c.content})
		}
	}
	return volumes
}

// A cabinetSet is cabinets joined.
type cabinetSet struct {
	set   *cab.Set
	where string // of the first volume
	gap   error  // which volume is missing, if one is

	members *hashindex.Index // of set.Files, by name, once one was looked for
	folded  *hashindex.Index // the same without case, once that was needed
}

// embedded returns the name of the stream that holds a cabinet.
func (s *store) embedded(where string) (stream string, ok bool) {
	if s.db == nil {
		return "", false
	}
	return strings.CutPrefix(where, "#")
}

// keyOf returns the key of a cabinet: names of streams are exact, names on a disk
// are not.
func (s *store) keyOf(where string) string {
	if _, ok := s.embedded(where); ok {
		return where
	}
	return fold(where)
}

// open opens the cabinet that a Media row names: "#name" is a stream of the
// database, anything else a file next to the package. ErrMissing means that it is
// not there. The caller must hold s.mu.
func (s *store) open(ctx context.Context, where string) (*cabinet, error) {
	key := s.keyOf(where)
	if c := s.cabinets[key]; c != nil {
		return c, nil
	}
	c := &cabinet{where: where}
	var size int64
	var reader io.ReaderAt
	if stream, ok := s.embedded(where); ok {
		r, err := s.db.Stream(stream)
		if errors.Is(err, msi.ErrNotFound) {
			return nil, ErrMissing
		}
		if err != nil {
			return nil, err
		}
		reader, size = r, r.Size()
	} else {
		from, n, err := s.p.besidePackage(where)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, ErrMissing
		}
		if c.content, err = from.open(ctx, n); err != nil {
			return nil, err
		}
		s.p.use(n)
		c.name = n.name
		reader, size = c.content, c.content.Size()
	}
	var err error
	if c.cab, err = cab.Open(reader, size, cab.Options{Name: strings.TrimPrefix(where, "#")}); err != nil {
		c.close()
		return nil, err
	}
	if s.members += len(c.cab.Files); s.members > maxMembers {
		c.close()
		return nil, fmt.Errorf("%w: its cabinets list more than %d members", ErrLimit, maxMembers)
	}
	s.cabinets[key] = c
	return c, nil
}

// join joins a cabinet with the volumes before and after it, as far as they are
// there: Decode reports what is missing where it is needed. The caller must hold
// s.mu.
func (s *store) join(ctx context.Context, c *cabinet) (*cabinetSet, error) {
	if c.set != nil {
		return c.set, nil
	}
	volumes := []*cabinet{c}
	seen := map[string]bool{s.keyOf(c.where): true}
	follow := func(next func(*cab.Cabinet) string) error {
		for at := c; ; {
			name := next(at.cab)
			if name == "" || len(volumes) >= maxVolumes {
				return nil
			}
			volume, err := s.volume(ctx, at, name)
			if err != nil {
				return err
			}
			if volume == nil || seen[s.keyOf(volume.where)] {
				return nil
			}
			seen[s.keyOf(volume.where)] = true
			volumes = append(volumes, volume)
			at = volume
		}
	}
	if err := follow(func(c *cab.Cabinet) string { return c.Previous.Cabinet }); err != nil {
		return nil, err
	}
	if err := follow(func(c *cab.Cabinet) string { return c.Next.Cabinet }); err != nil {
		return nil, err
	}
	set := &cabinetSet{where: c.where}
	parts := make([]*cab.Cabinet, len(volumes))
	for i, v := range volumes {
		parts[i] = v.cab
	}
	if set.set, set.gap = cab.NewSet(parts, cab.SetOptions{}); set.gap != nil {
		var err error
		if set.set, err = cab.NewSet(parts, cab.SetOptions{Incomplete: true}); err != nil {
			return nil, err
		}
	}
	for _, v := range volumes {
		v.set = set
	}
	return set, nil
}

// volume finds another volume of a set, of which the cabinet knows the file name
// only: in the Media table, among the streams, or next to the package. It returns
// nil when it is not there.
func (s *store) volume(ctx context.Context, of *cabinet, name string) (*cabinet, error) {
	c, err := s.open(ctx, s.placeOf(of, name))
	if errors.Is(err, ErrMissing) || errors.Is(err, safepath.ErrUnsafe) {
		return nil, nil // Decode names it where it is needed
	}
	return c, err
}

// placeOf returns how the Media table would name a volume.
func (s *store) placeOf(of *cabinet, name string) string {
	where := ""
	for _, m := range s.media {
		switch called := strings.TrimPrefix(m.Cabinet, "#"); {
		case called == name:
			return m.Cabinet
		case where == "" && strings.EqualFold(called, name):
			where = m.Cabinet
		}
	}
	if where == "" && strings.HasPrefix(of.where, "#") {
		return "#" + name
	}
	if where == "" {
		return name
	}
	return where
}

// member finds the member of a set with this name; case matters only if it must.
func (s *store) member(set *cabinetSet, name string) *cab.File {
	exact := func(name string) string { return name }
	if set.members == nil {
		set.members = s.index(set, exact)
	}
	if f := s.lookUp(set, set.members, name, exact); f != nil {
		return f
	}
	if set.folded == nil {
		set.folded = s.index(set, fold)
	}
	return s.lookUp(set, set.folded, fold(name), fold)
}

// index indexes the members of a set by name; of several the first one.
func (s *store) index(set *cabinetSet, key func(name string) string) *hashindex.Index {
	index := hashindex.New(len(set.set.Files))
	for i, f := range set.set.Files {
		name := key(s.p.memberName(f))
		index.Add(hashindex.Hash(name), i, s.called(set, name, key))
	}
	return index
}

func (s *store) lookUp(set *cabinetSet, in *hashindex.Index, name string, key func(name string) string) *cab.File {
	if i, ok := in.Find(hashindex.Hash(name), s.called(set, name, key)); ok {
		return set.set.Files[i]
	}
	return nil
}

// called tells which members of a set have a name.
func (s *store) called(set *cabinetSet, name string, key func(name string) string) func(i int) bool {
	return func(i int) bool { return key(s.p.memberName(set.set.Files[i])) == name }
}

// memberName returns the name of a member of a cabinet as text.
func (p *Package) memberName(f *cab.File) string { return msp.MemberName(f, p.codePage) }

// fold returns the key under which names that differ in case only are equal.
func fold(name string) string { return safepath.Fold(name) }

// unread returns the files of the plan that no reader came to, in order.
func (plan *setPlan) unread(w *walk) []*File {
	var files []*File
	for _, of := range plan.files {
		for _, f := range of {
			if f != nil && !w.isDone(f) {
				files = append(files, f)
			}
		}
	}
	slices.SortFunc(files, bySequence)
	return files
}
