package kv

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrFull says that a write was not begun because the disk is nearly full.
// Nothing is hurt, and the same write may be begun once there is room.
var ErrFull = errors.New("the disk is nearly full")

// DefaultReserveBytes is room for what the database writes although nothing new
// is taken in: four memtables on their way to tables (memTablesBeforeStop), the
// next write-ahead log, which is allocated in advance, and a compaction.
const DefaultReserveBytes = 256 << 20

const (
	// lookEvery bounds how old the knowledge of the free room may be. Asking the
	// file system takes a few microseconds.
	lookEvery = 100 * time.Millisecond

	// writtenPerByte is what a byte of a batch takes until it is in a table: once
	// in the write-ahead log, once in the table.
	writtenPerByte = 2
)

// Reserve keeps the last bytes of a disk for what has to go on when it fills up:
// flushes, compactions, checkpoints. Who is about to write something new asks
// with [Reserve.Take] first; it says no from when the free room, less what others
// were promised, is down to the reserve, until there is more again.
//
// A database that really runs out of room fails for good (package doc); the
// reserve makes that the fault of whoever else writes to that disk. A Reserve is
// safe for concurrent use.
type Reserve struct {
	keep   uint64
	free   func() (uint64, error)
	logger *slog.Logger

	mu       sync.Mutex
	looked   time.Time
	room     uint64 // free bytes then
	promised uint64 // taken and not settled
	settled  uint64 // since we looked: free may or may not show it yet
	full     bool
}

// NewReserve returns the reserve of keep bytes on the disk of db.
func NewReserve(db *DB, keep uint64, logger *slog.Logger) *Reserve {
	return &Reserve{keep: keep, free: db.FreeBytes, logger: logger}
}

// Take asks for room to write that many bytes, and returns ErrFull if there is
// none. Each Take that returned nil is followed by one Settle of as many bytes.
func (r *Reserve) Take(bytes int) error {
	need := uint64(bytes) * writtenPerByte
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	full := r.short(need)
	r.turn(full)
	if full {
		return ErrFull
	}
	r.promised += need
	return nil
}

// Settle says that what was taken is being written, or never will be.
func (r *Reserve) Settle(bytes int) {
	need := uint64(bytes) * writtenPerByte
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promised -= need
	r.settled += need
}

// Full reports whether there is no room but the reserve.
func (r *Reserve) Full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	r.turn(r.short(0))
	return r.full
}

// short reports whether there is no room for need more bytes. Once there was
// none, it takes an eighth of the reserve more until there is, so that the log
// does not take small receipts and refuse large ones by turns.
func (r *Reserve) short(need uint64) bool {
	least := r.keep + r.promised + r.settled + need
	if r.full {
		least += r.keep / 8
	}
	return r.room < least
}

// look finds out how much room there is, unless that is known.
func (r *Reserve) look() {
	now := time.Now()
	if now.Sub(r.looked) < lookEvery {
		return
	}
	room, err := r.free()
	if err != nil {
		room = ^uint64(0) // a file system that does not say: the write will tell
	}
	r.looked, r.room, r.settled = now, min(room, 1<<62), 0
}

// turn notes a change, for the operator.
func (r *Reserve) turn(full bool) {
	if r.full == full {
		return
	}
	if r.full = full; full {
		r.logger.Error("disk nearly full, nothing new is taken in", "free", r.room, "reserve", r.keep)
	} else {
		r.logger.Info("disk has room again", "free", r.room, "reserve", r.keep)
	}
}
