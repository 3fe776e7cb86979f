package kv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// remover removes files that Pebble does not need any more, as Pebble's own
// cleaner does. But it also says, in the words of the archive cleaner below it,
// that it wants files as they were left, so that none is ever recycled: a
// write-ahead log that is recycled keeps what it held until that is written
// over, if it ever is. See storage/DESIGN.md, "Erasure".
type remover struct {
	pebble.DeleteCleaner // Clean and String: the shallower methods
	asTheyWereLeft
}

type asTheyWereLeft struct{ pebble.ArchiveCleaner }

const (
	// scrubPoll is how often Scrub looks whether the old files are gone.
	scrubPoll = 20 * time.Millisecond
	// scrubPatience is how long a reader may keep an old file from going.
	scrubPatience = 5 * time.Minute
)

// ErrNotScrubbed says that old files could not be removed in time, because
// something still reads them. Scrub again later.
var ErrNotScrubbed = errors.New("files with deleted rows are still in use")

// Scrub makes rows from lower up to upper that were deleted before the call
// leave the disk: when it returns nil, no file of the database holds a value
// that such a row had. It writes what is in memory to tables, which ends the
// write-ahead log; rewrites the tables with rows of the range down to the last
// level; and waits until the files that these replace are removed.
//
// It runs beside other work. Backups and file-system snapshots made before keep
// what they have.
func (db *DB) Scrub(ctx context.Context, lower, upper []byte) error {
	before, err := db.files()
	if err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	if err := db.Flush(); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	if err := db.Compact(ctx, lower, upper); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	deadline := time.Now().Add(scrubPatience)
	for {
		left, err := db.leftovers(before)
		if err != nil {
			return fmt.Errorf("scrub: %w", err)
		}
		if left == 0 {
			return nil
		}
		if err := db.Err(); err != nil {
			return fmt.Errorf("scrub: %w", err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("scrub: %w", ErrNotScrubbed)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("scrub: %w", context.Cause(ctx))
		case <-time.After(scrubPoll):
		}
	}
}

// files returns the names of the write-ahead logs and the tables on disk.
func (db *DB) files() (names []string, err error) {
	all, err := db.fs.List(db.dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if isWAL(name) || strings.HasSuffix(name, ".sst") {
			names = append(names, name)
		}
	}
	return names, nil
}

// leftovers counts the files among those given that are still there and are no
// table in use. The flush ended every write-ahead log of before.
func (db *DB) leftovers(before []string) (n int, err error) {
	levels, err := db.pebble.SSTables()
	if err != nil {
		return 0, err
	}
	inUse := make(map[string]bool)
	for _, tables := range levels {
		for _, t := range tables {
			inUse[fmt.Sprintf("%06d.sst", uint64(t.BackingSSTNum))] = true
		}
	}
	now, err := db.files()
	if err != nil {
		return 0, err
	}
	for _, name := range before {
		if slices.Contains(now, name) && !inUse[name] {
			n++
		}
	}
	return n, nil
}
