// Package retention keeps a log's promises about bodies, and ends them.
//
// Rules, holds and erasures are entries first. A [Keeper] appends them, one at
// a time, and only if the machine of client's package retention, run over the
// entries before, finds nothing wrong with them: it is the very machine with
// which an auditor will look at them later. Receipts are promised what the
// rules before them say, under the same lock, so that the order of the log and
// the order of the machine are one. Erasures promise nothing, so those who submit
// do not wait for them.
//
// What follows from entries is carried out by a follower of the published log:
//
//	begin    rules that were published: their notice runs from here
//	review   when notice has run out: look up which earlier receipts are due
//	sweep    append erasures of what is due and not held
//	act      once an erasure is published: destroy key, salt and body, row by
//	         row, and drop what points to them (I6)
//	scrub    rewrite the files that still hold what was destroyed (I7)
//
// Each step is written down before or with what it does, so that after a crash
// it is gone on with, and nothing is done twice: an erasure is pending from the
// batch of its entry until all its bodies are gone, and a range of key rows is
// to be scrubbed from the batch that deletes them until the old files are gone.
//
// A Keeper's methods may be called concurrently.
package retention
