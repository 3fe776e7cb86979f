package kv

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Backup writes a consistent copy of the database, with everything that is
// applied so far, to dir, which must not exist. The database stays in use. Files
// that never change are hard-linked where that is possible.
func (db *DB) Backup(dir string) error {
	if err := db.Err(); err != nil {
		return err
	}
	err := db.fatal.guard(func() error { return db.pebble.Checkpoint(dir, pebble.WithFlushedWAL()) })
	if err != nil {
		return fmt.Errorf("back up database to %s: %w", dir, err)
	}
	return nil
}

// Flush writes what is in memory to tables and waits for it.
func (db *DB) Flush() error {
	if err := db.Err(); err != nil {
		return err
	}
	if err := db.fatal.guard(db.pebble.Flush); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

// Compact rewrites every table that has keys from lower up to upper, so that
// what was deleted there leaves the tables.
func (db *DB) Compact(ctx context.Context, lower, upper []byte) error {
	if err := db.Err(); err != nil {
		return err
	}
	err := db.fatal.guard(func() error { return db.pebble.Compact(ctx, lower, upper, false) })
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	return nil
}

// Metrics are the figures of the underlying store.
func (db *DB) Metrics() *pebble.Metrics { return db.pebble.Metrics() }

// FreeBytes is how much room the file system has left for this process.
func (db *DB) FreeBytes() (uint64, error) {
	usage, err := db.fs.GetDiskUsage(db.dir)
	if err != nil {
		return 0, fmt.Errorf("disk usage of %s: %w", db.dir, err)
	}
	return usage.AvailBytes, nil
}
