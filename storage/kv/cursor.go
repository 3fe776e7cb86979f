package kv

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Cursor looks for keys in a range, forwards, in the database as it was when the
// cursor was made. It is for one goroutine. Close it soon: while it is open,
// nothing it sees is reclaimed.
type Cursor struct {
	db *DB
	it *pebble.Iterator
}

// NewCursor returns a cursor over the keys from lower up to, not including,
// upper.
func (db *DB) NewCursor(lower, upper []byte) (*Cursor, error) {
	if err := db.Err(); err != nil {
		return nil, err
	}
	it, err := db.pebble.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("seek: %w", err)
	}
	return &Cursor{db: db, it: it}, nil
}

// Seek returns the least key of the range that is not less than key, and its
// value; a nil key if there is none. Both are valid until the next call. Seeking
// forwards is cheaper than back.
func (c *Cursor) Seek(key []byte) (found, value []byte, err error) {
	if err := c.db.Err(); err != nil {
		return nil, nil, err
	}
	if !c.it.SeekGE(key) {
		if err := c.it.Error(); err != nil {
			return nil, nil, fmt.Errorf("seek: %w", err)
		}
		return nil, nil, nil
	}
	if value, err = c.it.ValueAndErr(); err != nil {
		return nil, nil, fmt.Errorf("seek: %w", err)
	}
	return c.it.Key(), value, nil
}

// Close releases the cursor. Its error is that of the look-ups before, which
// have returned it.
func (c *Cursor) Close() error {
	if err := c.it.Close(); err != nil {
		return errors.Join(c.db.Err(), fmt.Errorf("seek: %w", err))
	}
	return nil
}
