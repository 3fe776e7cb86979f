package kv

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// view is the database as it was at one moment, with its tables at hand for many
// look-ups of single keys.
type view struct {
	db      *DB
	filters bool
	it      *pebble.Iterator // opened by the first look-up
}

// OpenView makes [Batch.Get] look at the database as it is at the first Get
// after this, until CloseView, which must follow. That is for batches that look
// for many keys and whose writer makes one such batch after another: the tables
// are then found once a batch and not once a key.
//
// With filters, the Bloom filters of the last level are asked too, which Pebble
// does not by itself. Then a key that is not there costs no read of a block; but
// the filters of all tables, 1.25 bytes a key, have to fit the cache.
func (b *Batch) OpenView(filters bool) { b.view = &view{db: b.db, filters: filters} }

// CloseView ends what OpenView began.
func (b *Batch) CloseView() {
	if it := b.view.it; it != nil {
		_ = it.Close() // its errors are those of look-ups, which have returned them
	}
	b.view = nil
}

// get is [DB.Get] in the view.
func (v *view) get(key []byte) (value []byte, err error) {
	if err := v.db.Err(); err != nil {
		return nil, err
	}
	if v.it == nil {
		if v.it, err = v.db.pebble.NewIter(&pebble.IterOptions{UseL6Filters: v.filters}); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
	}
	// The keys of this database have no suffix, so that the only key with this
	// one as its prefix is the key itself.
	if !v.it.SeekPrefixGE(key) || !bytes.Equal(v.it.Key(), key) {
		if err := v.it.Error(); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		return nil, ErrNotFound
	}
	if value, err = v.it.ValueAndErr(); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return bytes.Clone(value), nil
}
