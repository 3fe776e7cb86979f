// Package driver is receiptlog's storage driver for Tessera: what
// [tessera.NewAppender] runs a tile log on, kept in one Pebble database.
//
// A batch of leaves is sequenced, integrated and made durable in one step: the
// new parts of entry bundles and tiles, the tree state, and whatever rows the
// caller attached to its entries with [WithRecords] are one synced batch of
// package kv. So an entry is in the log with its body and its index rows, or
// nothing of it is there (I1, I2).
//
// There is no batch timer. A lone entry is sequenced at once; while one batch is
// being synced the next one gathers. Partial bundles and tiles are not stored:
// a batch adds the part that is new (see the key table in package kv), so
// nothing is written twice and nothing is collected.
//
// Checkpoints are signed from durable tree state only (I3), stored durably
// before anyone can read them, and never shrink or fork (I4).
//
// The log's entries are those of C2SP tlog-tiles: 16 bits of length, then the
// data. Tessera's options for other bundle formats (static CT), for batch sizes
// and for garbage collection have no effect here.
package driver
