package kv

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Batch collects writes that land together or not at all. It is for one
// goroutine at a time. After Commit or Start it must not be written to any more,
// save that Reset after Wait makes it empty again.
type Batch struct {
	db      *DB
	b       *pebble.Batch
	tracked map[string][]byte
	order   []string // keys of tracked, oldest first, for Rollback
	view    *view    // where Get looks, if not nil
}

// NewBatch returns an empty batch.
func (db *DB) NewBatch() *Batch { return &Batch{db: db, b: db.pebble.NewBatch()} }

// NewBatchSize returns an empty batch with room for that many bytes, which it
// keeps when it is Reset.
func (db *DB) NewBatchSize(bytes int) *Batch {
	return &Batch{db: db, b: db.pebble.NewBatchWithSize(bytes, pebble.WithMaxRetainedSizeBytes(2*bytes))}
}

// Set writes value under key. Both are copied.
func (b *Batch) Set(key, value []byte) { must(b.b.Set(key, value, nil)) }

// Reserve makes room for a key and a value and returns both for the caller to
// fill before the next call of any method of b. It spares a copy.
func (b *Batch) Reserve(keyLen, valueLen int) (key, value []byte) {
	op := b.b.SetDeferred(keyLen, valueLen)
	return op.Key, op.Value
}

// SetTracked is Set for a key that this same batch will be asked for with Get.
func (b *Batch) SetTracked(key, value []byte) {
	b.Set(key, value)
	if b.tracked == nil {
		b.tracked = make(map[string][]byte)
	}
	k := string(key)
	b.tracked[k] = append([]byte(nil), value...)
	b.order = append(b.order, k)
}

// Get returns what [Batch.SetTracked] wrote in this batch, else what is in the
// database, be it durable yet or only applied. It does not see plain Set.
func (b *Batch) Get(key []byte) ([]byte, error) {
	if v, ok := b.tracked[string(key)]; ok {
		return v, nil
	}
	if b.view != nil {
		return b.view.get(key)
	}
	return b.db.Get(key)
}

// Stored reports whether key is in the database, by batches before this one.
func (b *Batch) Stored(key []byte) (bool, error) { return b.db.Has(key) }

// Delete removes key. It is no error if there is none.
func (b *Batch) Delete(key []byte) { must(b.b.Delete(key, nil)) }

// DeleteRange removes every key from lower up to, not including, upper.
func (b *Batch) DeleteRange(lower, upper []byte) { must(b.b.DeleteRange(lower, upper, nil)) }

// Len is the size of the batch in bytes as it will be written.
func (b *Batch) Len() int { return b.b.Len() }

// Empty reports whether the batch would write nothing.
func (b *Batch) Empty() bool { return b.b.Empty() }

// Mark is a point in a batch to which it can be rolled back.
type Mark struct {
	bytes   int
	count   uint32
	tracked int
}

// Mark returns the current end of the batch.
func (b *Batch) Mark() Mark {
	return Mark{bytes: b.b.Len(), count: b.b.Count(), tracked: len(b.order)}
}

// batchCountOffset is where a Pebble batch holds the number of its operations,
// as 4 bytes little-endian behind 8 bytes of sequence number.
const batchCountOffset = 8

// Rollback drops everything written since m was taken. A key must not have been
// tracked both before and after m.
func (b *Batch) Rollback(m Mark) {
	if b.b.Len() == m.bytes {
		return
	}
	repr := b.b.Repr()[:m.bytes]
	binary.LittleEndian.PutUint32(repr[batchCountOffset:], m.count)
	must(b.b.SetRepr(repr))
	for _, key := range b.order[m.tracked:] {
		delete(b.tracked, key)
	}
	b.order = b.order[:m.tracked]
}

// Commit applies the batch. With sync it returns nil only once the batch is
// durable; without, the batch becomes durable with the next synced one, or not.
// Any error is fatal to the database.
func (b *Batch) Commit(sync bool) error {
	if sync {
		if err := b.Start(); err != nil {
			return err
		}
		if err := b.Wait(); err != nil {
			return err
		}
		must(b.b.Close())
		return nil
	}
	if err := b.apply(pebble.NoSync); err != nil {
		return err
	}
	must(b.b.Close())
	return nil
}

// Start applies the batch and asks for it to be made durable, and does not wait.
// From now on reads see it, though a crash may still undo it; nobody outside
// may be told before Wait returned nil.
func (b *Batch) Start() error { return b.apply(pebble.Sync) }

// Wait waits until the batch that was started is durable.
func (b *Batch) Wait() error {
	if err := b.b.SyncWait(); err != nil {
		return b.db.fatal.fail(fmt.Errorf("sync write-ahead log: %w", err))
	}
	// A later batch may have failed meanwhile; this one is safe all the same.
	return nil
}

// Reset makes the batch an empty one, after Wait returned nil.
func (b *Batch) Reset() {
	b.b.Reset()
	clear(b.tracked)
	b.order = b.order[:0]
}

// apply hands the batch to the committer.
func (b *Batch) apply(w *pebble.WriteOptions) error {
	if b.b.Empty() {
		// An empty batch is durable as it is, but Pebble would not say so.
		return b.db.Err()
	}
	return b.db.committer.commit(commit{batch: b.b, options: w, done: make(chan error, 1)})
}

// must is for calls that fail only if this package misuses them.
func must(err error) {
	if err != nil {
		panic("kv: " + err.Error())
	}
}
