package kv

import (
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say how to open a database. The zero value opens an existing one on
// the operating system's files.
type Options struct {
	// Create makes a new database, and fails with [ErrExists] where there is
	// one. Without it a missing database is [ErrNotExist]: what serves never
	// creates what init creates.
	Create bool

	// Origin names what the database belongs to, such as the origin of a log.
	// It is required with Create. Without, a non-empty Origin must be the one
	// the database was created with, otherwise Open fails with [ErrOrigin].
	Origin string

	// ReadOnly opens without writing a byte. Commit then fails. It still takes
	// the exclusive lock.
	ReadOnly bool

	// FS is the file system; nil means the operating system's.
	FS vfs.FS

	// Logger receives what the database has to say; nil means silence.
	Logger *slog.Logger

	// OnFatal is called once, on a goroutine of its own, when the database
	// enters its failed state. A server stops its process here.
	OnFatal func(error)

	// MemTableBytes bounds one memtable; 0 means DefaultMemTableBytes.
	MemTableBytes uint64

	// CacheBytes bounds the cache of blocks; 0 means DefaultCacheBytes.
	CacheBytes int64

	allowBackup bool // see MarkBackup
}

const (
	// DefaultMemTableBytes keeps flushes to about one in 100,000 small leaves,
	// and up to four of them (memTablesBeforeStop) still fit a small machine.
	DefaultMemTableBytes = 32 << 20

	// DefaultCacheBytes holds the tiles of the last million leaves.
	DefaultCacheBytes = 64 << 20

	memTablesBeforeStop = 4

	// blockBytes fits four full tiles, and makes the index of a table small
	// beside its data. A bundle part larger than that has a block of its own.
	blockBytes = 32 << 10

	// bloomBitsPerKey makes one in a hundred look-ups of a receipt that was
	// never logged, the common case of a submission, read a block in vain.
	bloomBitsPerKey = 10

	// tableBytes is the size of a table when it is flushed; deeper ones double.
	tableBytes = 32 << 20
)

// pebbleOptions translates o. The format version is fixed here and not left to
// Pebble's default, so that an upgrade of the library changes no format.
func pebbleOptions(o Options, events *pebble.EventListener, logger pebble.Logger) *pebble.Options {
	po := &pebble.Options{
		FS:                          o.FS,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		ErrorIfNotExists:            !o.Create,
		ReadOnly:                    o.ReadOnly,
		Logger:                      logger,
		EventListener:               events,
		Cleaner:                     remover{}, // I7: no file is recycled
		CacheSize:                   o.CacheBytes,
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: memTablesBeforeStop,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               256 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	po.Experimental.SpanPolicyFunc = spanPolicy
	for i := range po.Levels {
		l := &po.Levels[i]
		l.BlockSize = blockBytes
		l.IndexBlockSize = 256 << 10
		l.FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		// Bodies are sealed, hashes are random, and entries are mostly hashes:
		// there is little to gain from compression, and every byte would pay.
		l.Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	po.TargetFileSizes[0] = tableBytes
	return po
}

// spanPolicy ends a table at the end of its keyspace. Entries and hashes only
// ever grow at their right end, so a table that holds nothing else overlaps no
// older one, and compaction moves it down without rewriting it.
func spanPolicy(start []byte) (pebble.SpanPolicy, []byte, error) {
	if len(start) == 0 {
		return pebble.SpanPolicy{}, nil, nil
	}
	if start[0] == prefixHashes && (len(start) < 2 || start[1] == 0) {
		return pebble.SpanPolicy{}, []byte{prefixHashes, 1}, nil
	}
	return pebble.SpanPolicy{}, []byte{start[0] + 1}, nil
}
