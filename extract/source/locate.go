package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A plan says where the bytes of the wanted files are.
type plan struct {
	sets  []*setPlan
	loose []*loosePlan
	made  []madePlan
	lost  []lostFile // cannot be had, known before anything is read
}

// A madePlan is a wanted file that is made of something else.
type madePlan struct {
	file  *File
	write maker
}

// A setPlan is the wanted members of one cabinet set.
type setPlan struct {
	set   *cabinetSet
	files map[*cab.Cabinet][]*File // by the place of the member in the cabinet
}

// of returns the file that a member becomes, nil for one that is not wanted.
func (plan *setPlan) of(member *cab.File) *File {
	files := plan.files[member.Cabinet]
	if files == nil {
		return nil
	}
	return files[member.Index()]
}

// want books the file that a member becomes.
func (plan *setPlan) want(member *cab.File, f *File) {
	files := plan.files[member.Cabinet]
	if files == nil {
		files = make([]*File, len(member.Cabinet.Files))
		plan.files[member.Cabinet] = files
	}
	files[member.Index()] = f
}

// A loosePlan is the wanted files that one place holds uncompressed.
type loosePlan struct {
	place neighbours
	files []*File
	from  []*neighbour
}

type lostFile struct {
	file *File
	err  error
}

// MissingError names a cabinet that is not there, or source files that are not.
// It wraps ErrMissing.
type MissingError struct {
	Cabinet      string // as in the Media table; empty for uncompressed files
	DiskID       int32  // of the Media row; 0 without one
	LastSequence int32
	Files        []*File // that need it
}

// what says what is missing, without the files that need it.
func (e *MissingError) what() string {
	switch {
	case e.Cabinet == "" && len(e.Files) == 1:
		return "the source file is missing"
	case e.Cabinet == "":
		return fmt.Sprintf("%d source files are missing", len(e.Files))
	case strings.HasPrefix(e.Cabinet, "#"):
		return fmt.Sprintf("cabinet %q%s is not in the package", e.Cabinet, e.media())
	}
	return fmt.Sprintf("cabinet %q%s is not next to the package", e.Cabinet, e.media())
}

func (e *MissingError) media() string {
	if e.DiskID == 0 {
		return ""
	}
	return fmt.Sprintf(" (Media row: DiskId %d, LastSequence %d)", e.DiskID, e.LastSequence)
}

func (e *MissingError) Error() string {
	var b strings.Builder
	b.WriteString(e.what())
	if e.Cabinet != "" {
		fmt.Fprintf(&b, "; %s", display.Count(len(e.Files), "file needs it", "files need it"))
	}
	b.WriteString(": ")
	const shown = 5
	for i, f := range e.Files {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(e.Files)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Path())
	}
	return b.String()
}

func (e *MissingError) Unwrap() error { return ErrMissing }

// locate finds the wanted files. Cabinets are opened here, and only those that
// a wanted file is in.
func (s *store) locate(ctx context.Context, files []*File) *plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &locator{
		ctx:     ctx,
		store:   s,
		plan:    &plan{},
		sets:    map[*cabinetSet]*setPlan{},
		places:  map[neighbours]*loosePlan{},
		missing: map[string]*MissingError{},
		failed:  map[string]error{},
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break // the caller looks
		}
		e, err := s.find(f)
		switch {
		case err != nil:
			l.lose(f, err)
		case e.made != nil:
			l.plan.made = append(l.plan.made, madePlan{f, e.made})
		case e.loose == nil || !l.findLoose(f, e):
			l.findMember(f, e)
		}
	}
	for _, m := range l.order {
		for _, f := range m.Files {
			l.lose(f, m)
		}
	}
	return l.plan
}

// A locator fills a plan.
type locator struct {
	ctx context.Context // of the walk that the plan is for
	*store
	plan    *plan
	sets    map[*cabinetSet]*setPlan
	places  map[neighbours]*loosePlan
	missing map[string]*MissingError
	failed  map[string]error // cabinets that cannot be opened
	order   []*MissingError
}

func (l *locator) lose(f *File, err error) {
	l.plan.lost = append(l.plan.lost, lostFile{f, err})
}

// miss books that a file needs something that is not there.
func (l *locator) miss(f *File, e entry) {
	m := l.missing[e.cabinet]
	if m == nil {
		m = &MissingError{Cabinet: e.cabinet}
		if e.media != nil {
			m.DiskID, m.LastSequence = e.media.DiskID, e.media.LastSequence
		}
		l.missing[e.cabinet] = m
		l.order = append(l.order, m)
	}
	m.Files = append(m.Files, f)
}

// findLoose finds an uncompressed file in the source tree. It returns false when
// the file is not there but may be in a cabinet.
func (l *locator) findLoose(f *File, e entry) bool {
	for i, name := range e.loose {
		place, n, err := l.p.besidePackage(name)
		if err != nil {
			l.lose(f, err)
			return true
		}
		// A file elsewhere in the tree may be another one of the same name.
		if n == nil || i >= e.exact && n.size != f.Size && f.Size != 0 {
			continue
		}
		if i >= e.exact {
			l.p.warn("%s: read from %s, where the package's flags do not expect it", f.Path(), name)
		}
		l.p.use(n)
		at := l.places[place]
		if at == nil {
			at = &loosePlan{place: place}
			l.places[place] = at
			l.plan.loose = append(l.plan.loose, at)
		}
		at.files = append(at.files, f)
		at.from = append(at.from, n)
		return true
	}
	if e.cabinet != "" {
		return false
	}
	l.miss(f, e)
	return true
}

// findMember finds a file in its cabinet.
func (l *locator) findMember(f *File, e entry) {
	if e.cabinet == "" {
		l.lose(f, fmt.Errorf("%w: no row of the Media table covers sequence %d", ErrMissing, f.Sequence()))
		return
	}
	set, err := l.cabinetSet(e.cabinet)
	if err != nil {
		switch {
		case e.loose != nil && errors.Is(err, ErrMissing):
			l.miss(f, entry{media: e.media})
		case errors.Is(err, ErrMissing):
			l.miss(f, e)
		default:
			l.lose(f, err)
		}
		return
	}
	member := e.file
	if member == nil {
		member = l.member(set, e.member)
	}
	switch {
	case member == nil && set.gap != nil:
		l.lose(f, set.gap)
		return
	case member == nil && f.Size == 0:
		l.lose(f, fmt.Errorf("%w: the File table gives 0 bytes and cabinet %q has no member %q: the package was built without the file", ErrMissing, e.cabinet, e.member))
		return
	case member == nil:
		l.lose(f, fmt.Errorf("%w: cabinet %q has no member %q", ErrMissing, e.cabinet, e.member))
		return
	case member.Size != f.Size && l.p.options.StrictSize:
		l.lose(f, fmt.Errorf("%w: the File table gives %d bytes, cabinet %q %d", ErrMismatch, f.Size, e.cabinet, member.Size))
		return
	}
	if e.loose != nil {
		l.p.warn("%s: read from cabinet %s, although the package's flags say that it is not compressed", f.Path(), e.cabinet)
	}
	s := l.sets[set]
	if s == nil {
		s = &setPlan{set: set, files: map[*cab.Cabinet][]*File{}}
		l.sets[set] = s
		l.plan.sets = append(l.plan.sets, s)
	}
	if other := s.of(member); other != nil {
		l.lose(f, fmt.Errorf("%w: it is the same member of cabinet %q as %s", ErrFormat, e.cabinet, other.Path()))
		return
	}
	s.want(member, f)
}

// cabinetSet opens a cabinet with its set. One that cannot be opened is not tried
// again: all its files are lost for one and the same reason.
func (l *locator) cabinetSet(where string) (*cabinetSet, error) {
	if err := l.failed[where]; err != nil {
		return nil, err
	}
	var set *cabinetSet
	c, err := l.open(l.ctx, where)
	if err == nil {
		set, err = l.join(l.ctx, c)
	}
	if err != nil {
		l.failed[where] = err
	}
	return set, err
}

// errorsOf returns the errors of lost files, one for each cause.
func (p *Package) errorsOf(lost []lostFile) error {
	var errs []error
	var seen []error
	for _, l := range lost {
		if slices.Contains(seen, l.err) {
			continue
		}
		seen = append(seen, l.err)
		place := l.file.Path()
		var missing *MissingError
		if errors.As(l.err, &missing) {
			place = "" // it names its files
		}
		errs = append(errs, p.errorAt(place, l.err))
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
