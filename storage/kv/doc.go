// Package kv is the one database of receiptlog: a Pebble store that either
// keeps every promise it made or says loudly that it no longer can.
//
// Everything that package driver, body, index and cas put on disk goes through
// a [Batch] of this package, so that what belongs together lands together. The
// keys are laid out in keys.go, byte by byte; no other file of storage invents
// one.
//
// # Durability
//
// [Batch.Commit] with sync returns nil only once the batch is in the
// write-ahead log and the log is synced. Batches become durable in the order
// they were applied: if one survives a crash, all earlier ones do.
//
// # Failure
//
// A failed write or sync of the write-ahead log leaves unknown what is on the
// disk, and a second fsync may report success for pages that were dropped.
// Therefore nothing is retried: the first such error puts the DB into its
// failed state for good. Every later call returns that error, [DB.Failed] is
// closed, and [Options.OnFatal] is called once so that the process stops.
// Opening the database again replays what did become durable, which is the
// ordinary way it starts.
//
// A read that is under way at that moment may never return, since the library
// stops where it failed, with its locks held: see [DB.Guard].
//
// A failed flush or compaction is different, since its input is still there: for
// want of room ([syscall.ENOSPC], [syscall.EDQUOT]), or because of a rotten block
// in what it reads, it is tried again with new files; anything else is fatal too.
//
// A DB is safe for concurrent use. A Batch is not.
package kv
