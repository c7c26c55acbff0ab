package source

import (
	"context"
	"fmt"
	"io"

	"github.com/hotfixkit/hotfixkit/internal/program"
	"github.com/hotfixkit/hotfixkit/msi/cab"
)

// A Program is what is known about a package that is a program: a self-extracting
// download or a bundle.
type Program struct {
	// Name is that of the tool that made it, where it can be told.
	Name string
	// Holds is what the files are in: "zip", "cabinet" or "containers".
	Holds string
	// Title is what the program calls itself, and Runs are the commands that it
	// runs after unpacking, in this order. Nothing here runs them.
	Title string
	Runs  []string
}

// Program returns what is known about a package that is a program, nil for others.
func (p *Package) Program() *Program { return p.program }

// NoPackageError says that a program carries nothing that can be opened. It wraps
// ErrKind.
type NoPackageError struct {
	Installer string // whose format is not read; empty where nothing is known
}

func (e *NoPackageError) Error() string {
	if e.Installer == "" {
		return fmt.Sprintf("%v: it is a program that carries no zip, cabinet or bundle", ErrKind)
	}
	return fmt.Sprintf("%v: it is an installer made with %s, whose format is not read", ErrKind, e.Installer)
}

func (e *NoPackageError) Unwrap() error { return ErrKind }

// openProgram opens what a program carries.
func openProgram(ctx context.Context, p *Package) (reader, error) {
	content, err := program.Identify(p.content, p.content.Size())
	if err != nil {
		return nil, err
	}
	p.program = &Program{Name: content.Name, Title: content.Title, Runs: content.Runs}
	switch content.Kind {
	case program.Zip:
		p.program.Holds = "zip"
		return newZipReader(p, content.From, content.To)
	case program.Cabinet:
		p.program.Holds = "cabinet"
		return openCabinetInside(p, content.From, content.To)
	case program.Burn:
		p.kind, p.program.Holds = BURN, "containers"
		return openBundle(ctx, p, content.Layout)
	}
	p.program = nil
	return nil, &NoPackageError{Installer: content.Name}
}

// deltaManifest is a member of the cabinets of update programs whose other members
// are deltas: it says how they are put together.
const deltaManifest = "_sfx_manifest_"

// openCabinetInside opens the cabinet between two offsets of the content.
func openCabinetInside(p *Package, from, to int64) (reader, error) {
	c, err := cab.Open(io.NewSectionReader(p.content, from, to-from), to-from, cab.Options{Name: p.name})
	if err != nil {
		return nil, err
	}
	r := newCabinetReader(p, c)
	for _, member := range c.Files {
		switch {
		case member.Name == deltaManifest:
			p.warn("the program packs its files as deltas, which are listed as they are stored: nothing is made of them")
		case member.Attributes&cab.AttrExecute != 0 && len(p.program.Runs) < maxRuns:
			p.program.Runs = append(p.program.Runs, p.memberName(member))
		}
	}
	return r, nil
}

// maxRuns bounds the programs that a cabinet's attributes name to be run.
const maxRuns = 16
