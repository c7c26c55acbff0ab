package source

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/md5"    // digests that rpm names by number
	_ "crypto/sha1"   // "
	_ "crypto/sha256" // "
	_ "crypto/sha512" // "
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/sassoftware/go-rpmutils"
	"github.com/sassoftware/go-rpmutils/cpio"
)

// An rpmPackage reads an rpm.
type rpmPackage struct {
	p      *Package
	header *rpmutils.RpmHeader
	files  *rpmFileList
	byName map[rpmName]*File
	stored []*File           // by index in the header; nil: not a regular file
	sizes  []int64           // in the archive, by index in the header
	links  map[*File][]*File // hard links to the file that has the contents, itself among them

	mu       sync.Mutex
	verified bool  // header and payload were compared with their digests
	damage   error // what that found
}

// An rpmName is the name of a file in the header: the folder, with a slash at its
// end, and the name in it.
type rpmName struct{ dir, base string }

// rpmHashes maps the algorithm numbers of rpm, which are those of OpenPGP (RFC
// 4880, 9.4), to implementations.
var rpmHashes = map[uint32]crypto.Hash{
	1: crypto.MD5, 2: crypto.SHA1, 8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224,
}

// rpmFlagGhost marks a file that belongs to a package and is not in it
// (RPMFILE_GHOST).
const rpmFlagGhost = 1 << 6

// openRPM reads the header of an rpm and, with Options.Keyring, its signature.
func openRPM(_ context.Context, p *Package) (reader, error) {
	if err := checkRPMHeaders(p.content, p.content.Size()); err != nil {
		return nil, err
	}
	r := &rpmPackage{p: p, byName: map[rpmName]*File{}, links: map[*File][]*File{}}
	err := guarded(func() (err error) {
		if r.header, err = rpmutils.ReadHeader(p.section()); err == nil {
			r.files, err = readRPMFiles(r.header)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if p.options.Keyring != "" {
		if err := r.checkSignature(p.options.Keyring); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *rpmPackage) close() error { return nil }

// list lists the files that the header names.
func (r *rpmPackage) list(ctx context.Context) error {
	p, list := r.p, r.files
	linked := map[uint64][]*File{}
	n := len(list.bases)
	r.stored, r.sizes = make([]*File, n), make([]int64, n)
	folders := list.locations(p)
	for i, base := range list.bases {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := storedFile(folders[list.dirOf[i]], base, base, int64(list.sizes[i]))
		f.stored.sequence = i + 1
		reason := ""
		switch mode := list.modes[i] &^ 0o7777; {
		case mode == cpio.S_ISDIR:
			continue
		case mode == cpio.S_ISLNK:
			r.sizes[i] = int64(len(list.linksTo[i]))
			reason = "it is a symbolic link to " + list.linksTo[i]
		case mode != cpio.S_ISREG:
			reason = "it is not a regular file"
		case list.flags[i]&rpmFlagGhost != 0:
			reason = "it is a ghost: the rpm names it and does not hold it"
		}
		if reason != "" {
			if err := p.leaveOut(LeftOut{File: f, Reason: reason}); err != nil {
				return err
			}
			continue
		}
		r.sizes[i] = f.Size
		if node := list.node(i); uint32(node) != 0 {
			// The content of hard links is stored once, with the last of them.
			if links := linked[node]; len(links) > 0 {
				r.sizes[links[len(links)-1].stored.sequence-1] = 0
			}
			linked[node] = append(linked[node], f)
		}
		r.byName[rpmName{f.in.key, base}], r.stored[i] = f, f
		if err := p.add(f); err != nil {
			return err
		}
	}
	for _, group := range linked {
		for _, f := range group {
			r.links[f] = group
		}
	}
	return nil
}

// section reads the package from its start.
func (p *Package) section() *io.SectionReader {
	return io.NewSectionReader(p.content, 0, p.content.Size())
}

// guarded turns a panic of the rpm library, which indexes by numbers out of the
// file, into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: its tables contradict one another (%v)", ErrFormat, r)
		}
	}()
	return f()
}

// verify compares header and payload with their digests, once. damage is what that
// found, err that of ctx.
func (r *rpmPackage) verify(ctx context.Context) (damage, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.verified {
		damage := r.checkDigests(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.verified, r.damage = true, damage
	}
	return r.damage, nil
}

// checkDigests compares the payload with the digest that the header has of it
// or, in old packages, header and payload with the MD5 in the signature header.
// The digest of the header was checked when it was read.
func (r *rpmPackage) checkDigests(ctx context.Context) error {
	p := r.p
	span := r.header.GetRange()
	start := int64(span.End)
	var h hash.Hash
	var want []byte
	if texts, err := r.header.GetStrings(rpmutils.PAYLOADDIGEST); err == nil && len(texts) > 0 {
		numbers, err := r.header.GetUint32s(rpmutils.PAYLOADDIGESTALGO)
		if err != nil || len(numbers) == 0 || !rpmHashes[numbers[0]].Available() {
			return fmt.Errorf("%w: unknown algorithm of the payload's digest", ErrFormat)
		}
		h = rpmHashes[numbers[0]].New()
		if want, err = hex.DecodeString(texts[0]); err != nil {
			return fmt.Errorf("%w: the payload's digest %q", ErrFormat, texts[0])
		}
	} else if sum, err := r.header.GetBytes(rpmutils.SIG_MD5); err == nil {
		h, want, start = crypto.MD5.New(), sum, int64(span.Start)
	} else {
		p.warn("the rpm has no digest of its payload")
		return nil
	}
	if _, err := io.Copy(h, interruptible{ctx, io.NewSectionReader(p.content, start, p.content.Size()-start)}); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), want) {
		return fmt.Errorf("%w: the digest of the rpm's payload", ErrMismatch)
	}
	return nil
}

// checkSignature requires a signature over header and payload by a key of
// the keyring.
func (r *rpmPackage) checkSignature(keyring string) error {
	keys, err := readKeyring(keyring)
	if err != nil {
		return err
	}
	var signatures []*rpmutils.Signature
	err = guarded(func() (err error) {
		_, signatures, err = rpmutils.Verify(r.p.section(), keys)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, s := range signatures {
		// A signature over the header covers the payload through its digest.
		if s.Signer != nil && (!s.HeaderOnly || r.header.HasTag(rpmutils.PAYLOADDIGEST)) {
			return nil
		}
	}
	return fmt.Errorf("%w: the rpm is not signed", ErrSignature)
}

// readKeyring reads OpenPGP public keys, armored or binary.
func readKeyring(name string) (openpgp.EntityList, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
	if err != nil {
		keys, err = openpgp.ReadKeyRing(bytes.NewReader(data))
	}
	if err != nil || len(keys) == 0 {
		return nil, fmt.Errorf("%w: %s holds no OpenPGP public key", ErrSignature, name)
	}
	return keys, nil
}

// walk implements reader.
func (r *rpmPackage) walk(ctx context.Context, w *walk) error {
	damage, err := r.verify(ctx)
	if err != nil {
		return err
	}
	if damage != nil && !w.options.KeepGoing {
		return damage
	}
	wanted := map[*File]bool{}
	for _, f := range w.options.Files {
		if !r.holds(f) {
			return r.p.errorAt(f.Path(), fmt.Errorf("%w: the rpm holds no content for it", ErrNotFound))
		}
		wanted[f] = true
	}
	err = r.payload(ctx, w, wanted)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.halted() != nil {
		return w.halted()
	}
	if err == nil {
		err = fmt.Errorf("%w: the rpm's header names it, its payload does not hold it", ErrFormat)
	} else if !errors.Is(err, ErrMismatch) && !errors.Is(err, ErrFormat) {
		err = fmt.Errorf("%w: the rpm's payload: %w", ErrFormat, err)
	}
	if err := w.unread(w.options.Files, err); err != nil {
		return err
	}
	if damage != nil && len(w.lost) == 0 {
		return damage
	}
	return nil
}

// payload reads the archive until every wanted file is done.
func (r *rpmPackage) payload(ctx context.Context, w *walk, wanted map[*File]bool) error {
	start := int64(r.header.GetRange().End)
	packed, err := decompress(io.NewSectionReader(r.p.content, start, r.p.content.Size()-start), r.header)
	if err != nil {
		return err
	}
	defer packed.Close()
	archive := &cpioReader{r: interruptible{ctx, packed}, sizes: r.sizes}
	var booked int64 // of the archive, in the budget
	buffer := make([]byte, 128<<10)
	empty := map[*File]bool{} // entries without the content that the header promises
	for left := len(wanted); left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := archive.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.budget.Spend(archive.at + entry.size - booked); err != nil {
			return err
		}
		booked = archive.at + entry.size
		f := r.fileOf(entry)
		if f == nil {
			continue
		}
		if entry.size == 0 && f.Size > 0 {
			empty[f] = true
			continue
		}
		var sinks sinkList
		for _, link := range r.linksOf(f) {
			if link != f && !empty[link] || !wanted[link] || w.isDone(link) {
				continue
			}
			left--
			sink, err := r.sink(w, link)
			if err != nil {
				return errors.Join(err, sinks.Close(err))
			}
			if sink != nil {
				sinks = append(sinks, sink)
			}
		}
		if sinks == nil {
			continue
		}
		err = copyTo(ctx, sinks, archive, buffer)
		if closeErr := sinks.Close(err); closeErr != nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fileOf returns the file that an entry of the archive is; nil for folders and
// what is not listed.
func (r *rpmPackage) fileOf(e cpioEntry) *File {
	if e.index >= 0 {
		return r.stored[e.index]
	}
	if f := r.named(strings.TrimPrefix(e.name, ".")); f != nil {
		return f
	}
	return r.named(e.name)
}

func (r *rpmPackage) named(name string) *File {
	i := strings.LastIndexByte(name, '/') + 1
	return r.byName[rpmName{name[:i], name[i:]}]
}

// holds reports whether f is a file of this rpm that has content.
func (r *rpmPackage) holds(f *File) bool { return r.byName[rpmName{f.in.key, f.stored.key}] == f }

func (r *rpmPackage) linksOf(f *File) []*File {
	if links := r.links[f]; links != nil {
		return links
	}
	return []*File{f}
}

// sink returns the caller's sink for a file with the checks before it.
func (r *rpmPackage) sink(w *walk, f *File) (Sink, error) {
	i := f.stored.sequence - 1
	e := expectation{size: f.Size, claimed: -1}
	if d, ok := r.files.digest(i); ok {
		e.digests = []digest{d}
	}
	return w.sink(f, Stored{Modified: time.Unix(int64(r.files.modified[i]), 0).UTC(), Size: f.Size}, e)
}

// Identity returns the name, the version ("1.2-3") and the architecture of an
// rpm, and nothing for other kinds.
func (p *Package) Identity() (name, version, architecture string) {
	r, ok := p.reader.(*rpmPackage)
	if !ok {
		return "", "", ""
	}
	var id *rpmutils.NEVRA
	err := guarded(func() (err error) {
		id, err = r.header.GetNEVRA()
		return err
	})
	if err != nil {
		return "", "", ""
	}
	version = id.Version + "-" + id.Release
	if id.Epoch != "" && id.Epoch != "0" {
		version = id.Epoch + ":" + version
	}
	return id.Name, version, id.Arch
}
