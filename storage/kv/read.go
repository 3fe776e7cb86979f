package kv

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// Get returns a copy of the value under key, or ErrNotFound. It sees batches
// that are applied and not durable yet; see [Batch.Start].
func (db *DB) Get(key []byte) ([]byte, error) {
	if err := db.Err(); err != nil {
		return nil, err
	}
	return get(db.pebble, key)
}

// Has reports whether there is a value under key.
func (db *DB) Has(key []byte) (bool, error) {
	_, err := db.Get(key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Scan calls visit for every key from lower up to, not including, upper, in
// order, until visit returns an error, which Scan then returns. Key and value
// are only valid within the call. A nil upper means without end.
func (db *DB) Scan(lower, upper []byte, visit func(key, value []byte) error) error {
	if err := db.Err(); err != nil {
		return err
	}
	return scan(db.pebble, lower, upper, visit)
}

// Last calls visit for the greatest key from lower up to, not including, upper,
// and returns ErrNotFound if there is none.
func (db *DB) Last(lower, upper []byte, visit func(key, value []byte) error) (err error) {
	if err := db.Err(); err != nil {
		return err
	}
	it, err := db.pebble.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		return ErrNotFound
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return visit(it.Key(), value)
}

// Snapshot is the database as it was at one moment. Close it soon: while it is
// open, nothing it sees is reclaimed.
type Snapshot struct {
	db *DB
	s  *pebble.Snapshot
}

// Snapshot returns the database as it is now.
func (db *DB) Snapshot() *Snapshot { return &Snapshot{db: db, s: db.pebble.NewSnapshot()} }

// Get is [DB.Get] at the moment of the snapshot.
func (s *Snapshot) Get(key []byte) ([]byte, error) {
	if err := s.db.Err(); err != nil {
		return nil, err
	}
	return get(s.s, key)
}

// Scan is [DB.Scan] at the moment of the snapshot.
func (s *Snapshot) Scan(lower, upper []byte, visit func(key, value []byte) error) error {
	if err := s.db.Err(); err != nil {
		return err
	}
	return scan(s.s, lower, upper, visit)
}

// Close releases the snapshot.
func (s *Snapshot) Close() error { return s.s.Close() }

type reader interface {
	Get(key []byte) (value []byte, closer io.Closer, err error)
	NewIter(o *pebble.IterOptions) (*pebble.Iterator, error)
}

func get(r reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	value = append(make([]byte, 0, len(value)), value...)
	if err := closer.Close(); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return value, nil
}

func scan(r reader, lower, upper []byte, visit func(key, value []byte) error) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for valid := it.First(); valid; valid = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		if err := visit(it.Key(), value); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}
