// Package cas keeps, under each name, the latest checkpoint seen or published,
// and lets it be replaced only by whoever knows what it replaces.
//
// The log keeps its published checkpoint here, a witness the last checkpoint it
// cosigned of each log. Both need the same two promises. What [Store.Get]
// returns is durable: no crash undoes what anybody was shown (I4). And
// [Store.Update] is one step: between its look at the old value and the moment
// the new one is durable nobody else looks or writes under that name (I8).
//
// Updates of different names run side by side and share the sync of the
// write-ahead log, so that many logs cost a witness few syncs.
package cas

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// ErrNotFound is returned by Get for a name that was never written.
var ErrNotFound = kv.ErrNotFound

// ErrConflict is returned by Replace when the old value is another one.
var ErrConflict = errors.New("the value has changed meanwhile")

// Store is safe for concurrent use. There must be one Store per database, since
// its locks are in memory; the database's own lock keeps other processes out.
type Store struct {
	db    *kv.DB
	locks locks
}

// New returns the store in db.
func New(db *kv.DB) *Store { return &Store{db: db} }

// Get returns the value under name, or ErrNotFound. The value is durable. Get
// waits for an update of that name in progress.
func (s *Store) Get(name string) ([]byte, error) {
	l := s.locks.get(name)
	l.mu.RLock()
	defer s.locks.put(name, l)
	defer l.mu.RUnlock()
	return s.db.Get(kv.CheckpointKey(name))
}

// Replace sets name to value, durably, if its value is old. A nil old means
// that there is none. Otherwise it changes nothing and returns ErrConflict.
func (s *Store) Replace(name string, old, value []byte) error {
	return s.Update(name, func(_ *kv.Batch, current []byte) ([]byte, error) {
		if (current == nil) != (old == nil) || !bytes.Equal(current, old) {
			return nil, fmt.Errorf("replace checkpoint %q: %w", name, ErrConflict)
		}
		return value, nil
	})
}

// Update calls decide with the value under name, nil if there is none, and
// durably sets what it returns, together with what decide wrote to the batch.
// If decide returns an error, nothing changes and Update returns that error.
// A nil value with no error changes nothing under name but still writes the
// batch. decide must not call the Store for the same name.
func (s *Store) Update(name string, decide func(b *kv.Batch, current []byte) ([]byte, error)) error {
	l := s.locks.get(name)
	l.mu.Lock()
	defer s.locks.put(name, l)
	defer l.mu.Unlock()

	key := kv.CheckpointKey(name)
	current, err := s.db.Get(key)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("update checkpoint %q: %w", name, err)
	}
	b := s.db.NewBatch()
	value, err := decide(b, current)
	if err != nil {
		return err
	}
	if value != nil {
		b.Set(key, value)
	}
	// I4, I8: the lock is held until the new value is durable.
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("update checkpoint %q: %w", name, err)
	}
	return nil
}

// Names calls visit for every name from the first that is at least from, in
// order, with its value, until visit returns an error, which it then returns.
// Unlike Get it may see a value that is just being made durable, so what it
// reports is for the owner of the database only. The value is only valid within
// the call.
func (s *Store) Names(from string, visit func(name string, value []byte) error) error {
	_, upper := kv.CheckpointBounds()
	return s.db.Scan(kv.CheckpointKey(from), upper, func(key, value []byte) error {
		return visit(kv.CheckpointName(key), value)
	})
}
