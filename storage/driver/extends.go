package driver

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// CheckPublished returns an error that wraps ErrRollback unless the durable tree
// extends the published checkpoint.
func (r *Reader) CheckPublished() error { return r.extends(r.durable.Load()) }

// extends enforces I4 and I5: what was published is a prefix of the tree that is
// about to be signed.
func (r *Reader) extends(state *treeState) error {
	pub := r.published.Load()
	if pub.signed == nil {
		return nil
	}
	if pub.size > state.size {
		return fmt.Errorf("%w: it has size %d, the tree %d", ErrRollback, pub.size, state.size)
	}
	root, err := r.rootAt(pub.size)
	if err != nil {
		return err
	}
	if root != pub.root {
		return fmt.Errorf("%w: the tree has another root at size %d", ErrRollback, pub.size)
	}
	return nil
}

// LastExtended returns the latest of the kept checkpoints that the durable tree
// extends, and when it was published; nil if there is none. It is for reading on
// from a log that [Reader.CheckPublished] says was rolled back.
func (r *Reader) LastExtended() (signed []byte, at time.Time, err error) {
	size := r.durable.Load().size
	lower, upper := kv.PublishedBounds(0, size+1)
	for signed == nil {
		err = r.db.Last(lower, upper, func(key, value []byte) error {
			upper = bytes.Clone(key)
			size, nanos := kv.PublishedAt(key)
			root, err := r.rootAt(size)
			if err == nil && checkBody(value, r.db.Origin(), &treeState{size, root}) == nil {
				signed, at = bytes.Clone(value), time.Unix(0, nanos)
			}
			return err
		})
		if errors.Is(err, kv.ErrNotFound) {
			return nil, time.Time{}, nil
		} else if err != nil {
			return nil, time.Time{}, fmt.Errorf("look for a kept checkpoint of the tree: %w", err)
		}
	}
	return signed, at, nil
}
