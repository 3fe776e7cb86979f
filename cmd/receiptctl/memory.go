package main

import "runtime/debug"

const (
	// archiveMemory is how much memory the verification of an archive is to take.
	// What it needs at any time is, for each processor, a file of receipts (8 MB, or
	// a receipt of 1 MB more) and what a few lots of them came to; and for the report
	// some 150 bytes a receipt: 30 MB for 200,000. The rest is room, so that the
	// collector runs seldom; where it is not enough, it runs more often. With the
	// program itself that is 200 MB of the 256 that an archive of 200,000 may take.
	archiveMemory = 192 << 20
	// archivePercent lets the heap grow to four times what is live, as long as that
	// is within archiveMemory.
	archivePercent = 300
)

// boundMemory has the program keep to archiveMemory, until undo is called.
func boundMemory() (undo func()) {
	limit, percent := debug.SetMemoryLimit(archiveMemory), debug.SetGCPercent(archivePercent)
	return func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
}
