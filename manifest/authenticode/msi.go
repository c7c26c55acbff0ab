package authenticode

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// The streams of the root storage that hold a package's signature.
const (
	streamSignature   = "\x05DigitalSignature"
	streamSignatureEx = "\x05MsiDigitalSignatureEx"
)

const noteMetadata = "names and times of the package's streams are not signed (it has no MsiDigitalSignatureEx)"

// verifyMSI is VerifyMSI without catalogs.
func verifyMSI(r io.ReaderAt, size int64, o Options) (*Signature, error) {
	file, err := cfb.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("authenticode: %w", err)
	}
	root := file.Root()
	stream, ok, err := readSignatureStream(root, streamSignature)
	if err != nil {
		return nil, err
	}
	if !ok {
		return &Signature{Status: None}, nil
	}
	signatures, err := parseAlone(stream, o.Budget)
	if err != nil {
		return unreadable(err), nil
	}
	if name := ambiguous(root); name != "" {
		return unreadable(fmt.Errorf("two entries of the package are named %q, or decode to that name: readers differ in which they take", name[1:])), nil
	}
	metadata, extended, err := readSignatureStream(root, streamSignatureEx)
	if err != nil {
		return nil, err
	}
	hashes := hashesOf(signatures)
	if extended && len(hashes) > 0 && !describesMetadata(metadata, root, hashes) {
		reason := fmt.Sprintf("the package was changed after it was signed: %s is not the digest of the names, sizes and times of its streams", streamSignatureEx[1:])
		return unreadable(errors.New(foreign(signatures, root, reason))), nil
	}
	sums := make(map[crypto.Hash][]byte)
	for _, algorithm := range hashes {
		content := algorithm.New()
		content.Write(metadata)
		if err := digestContent(content, root, true); err != nil {
			return nil, err
		}
		sums[algorithm] = content.Sum(nil)
	}
	var notes []string
	if !extended {
		notes = append(notes, noteMetadata)
	}
	result := judge(signatures, kindsMSI, sums, o, notes...)
	if first := signatures[0]; first.err == nil && !bytes.Equal(first.digest, sums[first.hash]) {
		result.Notes[0] = foreign(signatures[:1], root, result.Notes[0])
	}
	err = file.CheckUnused()
	if err == nil {
		err = checkArchive(r, size, file)
	}
	if err != nil {
		result.refuse(fmt.Sprintf("the package holds bytes that are not signed: %v", err))
	}
	return result, nil
}

// refuse makes a signature, and those next to it, invalid for a reason that
// comes before all others.
func (s *Signature) refuse(reason string) {
	s.Status, s.Notes = Invalid, slices.Insert(s.Notes, 0, reason)
	for i := range s.Others {
		s.Others[i].refuse(reason)
	}
}

// ambiguous returns the name of a signature stream that more than one entry of
// the root has, packed forms of the name included; "" where there is none.
func ambiguous(root *cfb.Entry) string {
	for _, name := range []string{streamSignature, streamSignatureEx} {
		count := 0
		for _, e := range root.Children {
			if decoded, _ := cfb.DecodeName(e.RawName); strings.EqualFold(decoded, name) {
				count++
			}
		}
		if count > 1 {
			return name
		}
	}
	return ""
}

// describesMetadata reports whether digest is that of the directory by one of the
// algorithms.
func describesMetadata(digest []byte, root *cfb.Entry, algorithms []crypto.Hash) bool {
	return slices.ContainsFunc(algorithms, func(algorithm crypto.Hash) bool {
		h := algorithm.New()
		digestMetadata(h, root, true)
		return bytes.Equal(h.Sum(nil), digest)
	})
}

// readSignatureStream reads one stream of the root, up to one byte more than a
// signature may have.
func readSignatureStream(root *cfb.Entry, name string) (data []byte, ok bool, err error) {
	i := slices.IndexFunc(root.Children, func(e *cfb.Entry) bool { return e.Name == name && !e.IsStorage })
	if i < 0 {
		return nil, false, nil
	}
	data, err = io.ReadAll(io.LimitReader(root.Children[i].Open(), maxSignature+1))
	if err != nil {
		return nil, false, fmt.Errorf("authenticode: stream %q: %w", name, err)
	}
	return data, true, nil
}

// signedChildren returns the entries that a signature covers, in its order: by the
// bytes of their UTF-16LE names. Only the two streams of the root that hold the
// signature are left out; a storage of such a name is covered.
func signedChildren(storage *cfb.Entry, isRoot bool) []*cfb.Entry {
	var list []*cfb.Entry
	for _, e := range storage.Children {
		if !e.IsStorage && !isSigned(e, isRoot) {
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *cfb.Entry) int { return bytes.Compare(nameBytes(a), nameBytes(b)) })
	return list
}

func nameBytes(e *cfb.Entry) []byte {
	var b []byte
	for _, u := range e.RawName {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// digestContent takes the content of all streams and, at the end of each storage,
// its class identifier.
func digestContent(h hash.Hash, storage *cfb.Entry, isRoot bool) error {
	for _, e := range signedChildren(storage, isRoot) {
		if e.IsStorage {
			if err := digestContent(h, e, false); err != nil {
				return err
			}
			continue
		}
		if _, err := io.Copy(h, e.Open()); err != nil {
			return fmt.Errorf("authenticode: stream %q: %w", e.Name, err)
		}
	}
	h.Write(storage.CLSID[:])
	return nil
}

// digestMetadata takes what the directory says of each entry.
func digestMetadata(h hash.Hash, storage *cfb.Entry, isRoot bool) {
	digestEntry(h, storage, isRoot)
	for _, e := range signedChildren(storage, isRoot) {
		if e.IsStorage {
			digestMetadata(h, e, false)
			continue
		}
		digestEntry(h, e, false)
	}
}

func digestEntry(h hash.Hash, e *cfb.Entry, isRoot bool) {
	var b []byte
	if !isRoot {
		b = append(b, nameBytes(e)...)
	}
	if e.IsStorage {
		b = append(b, e.CLSID[:]...)
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(e.Size))
	}
	b = binary.LittleEndian.AppendUint32(b, e.StateBits)
	if !isRoot {
		b = binary.LittleEndian.AppendUint64(b, e.Created)
		b = binary.LittleEndian.AppendUint64(b, e.Modified)
	}
	h.Write(b)
}
