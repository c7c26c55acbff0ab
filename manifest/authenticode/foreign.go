package authenticode

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/cfb"
)

// Places in a property set stream ([MS-OLEPS] 2.21, 2.20).
const (
	streamSummary        = "\x05SummaryInformation"
	maxSummary           = 64 << 10
	propertySetOffset    = 44 // of the first property set
	propertySetHeader    = 8  // size and number of properties
	propertyEntry        = 8  // identifier and offset
	propertyLastSaved    = 13 // PIDSI_LASTSAVE_DTM
	propertyTypeFiletime = 64 // VT_FILETIME
)

// clockSkew is how much later than its signature a package may seem to be saved:
// some tools write local time.
const clockSkew = 36 * time.Hour

// foreign completes the reason why a package is not the one that its signatures
// describe. A package that was saved after the signature was made carries somebody
// else's: old Visual Studio setup projects start from a package that Microsoft
// signed, and keep its signature in products of other publishers.
func foreign(list []*embedded, root *cfb.Entry, reason string) string {
	saved := lastSaved(root)
	for _, e := range list {
		if e.err != nil || saved.IsZero() {
			continue
		}
		timestamps, err := timestampsOf(e.sd, e.signer)
		if err != nil || len(timestamps) == 0 || timestamps[0].signer == nil || saved.Before(timestamps[0].time.Add(clockSkew)) {
			continue
		}
		return fmt.Sprintf("it was not made for this package: %s signed another one on %s, this one was saved on %s (%s)",
			nameOf(e.signer.certificate), timestamps[0].time.Format(time.DateOnly), saved.Format(time.DateOnly), reason)
	}
	return reason
}

// lastSaved returns when the package says that it was saved, or zero.
func lastSaved(root *cfb.Entry) time.Time {
	i := slices.IndexFunc(root.Children, func(e *cfb.Entry) bool { return e.Name == streamSummary && !e.IsStorage })
	if i < 0 {
		return time.Time{}
	}
	data, err := io.ReadAll(io.LimitReader(root.Children[i].Open(), maxSummary))
	if err != nil {
		return time.Time{}
	}
	return propertyTime(data, propertyLastSaved)
}

// propertyTime returns a time of the first property set of a stream, or zero.
func propertyTime(data []byte, id uint32) time.Time {
	at := func(off int64, n int64) []byte {
		if off < 0 || off > int64(len(data))-n {
			return make([]byte, n)
		}
		return data[off : off+n]
	}
	u32 := func(off int64) int64 { return int64(binary.LittleEndian.Uint32(at(off, 4))) }
	start := u32(propertySetOffset)
	count := min(u32(start+4), int64(len(data)/propertyEntry))
	for i := range count {
		entry := start + propertySetHeader + i*propertyEntry
		if u32(entry) != int64(id) {
			continue
		}
		value := start + u32(entry+4)
		if u32(value) != propertyTypeFiletime {
			return time.Time{}
		}
		return filetime(binary.LittleEndian.Uint64(at(value+4, 8)))
	}
	return time.Time{}
}

// filetime converts 100-nanosecond steps since 1601 ([MS-DTYP] 2.3.3).
func filetime(t uint64) time.Time {
	const toUnix = 11_644_473_600 // seconds
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t/10_000_000)-toUnix, 0).UTC()
}
