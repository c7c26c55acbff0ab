package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// freeHeap is the size up to which the heap may grow before it is collected, in
// bytes, as long as less is in use. A short command ends without a collection.
const freeHeap = 28 << 20

// The bounds of how much may be allocated between two collections, in percent of
// what is in use. The lower one is the price of memory: a package inside another
// one takes up to 32 MiB, which must not become twice that. It also keeps the
// collector from running all the time, as it would below a fixed limit that is
// smaller than what is in use.
const (
	leastGrowth = 25
	mostGrowth  = 400
)

// growth returns what may be allocated until the next collection, in percent of
// what is in use.
func growth(inUse uint64) int {
	if inUse >= freeHeap {
		return leastGrowth
	}
	return int(min(mostGrowth, max(leastGrowth, (freeHeap-inUse)*100/max(inUse, 1))))
}

// paceCollector sets the pace of the collector now and after each collection.
func paceCollector() {
	debug.SetGCPercent(mostGrowth)
	var pace func(*[1]metrics.Sample)
	pace = func(sample *[1]metrics.Sample) {
		metrics.Read(sample[:])
		debug.SetGCPercent(growth(sample[0].Value.Uint64()))
		runtime.SetFinalizer(sample, pace) // each collection finds it unused again
	}
	runtime.SetFinalizer(&[1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}, pace)
}
