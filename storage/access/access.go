// Package access keeps who may use a log: API keys, when each was last used,
// and the trail of administrative acts. It does not know what a key looks like
// or what it allows; values are the caller's, and no secret is among them.
//
// A key and the act that made or changed it go into one batch, so that neither
// is ever there without the other. Uses are a matter of convenience, written
// now and then without a sync: a crash may lose the last of them.
//
// All functions are safe for concurrent use.
package access

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// PutKey writes a key to b, over what stood there.
func PutKey(b *kv.Batch, id uint64, value []byte) { b.Set(kv.APIKeyKey(id), value) }

// DropKey removes a key and its use in b.
func DropKey(b *kv.Batch, id uint64) {
	b.Delete(kv.APIKeyKey(id))
	b.Delete(kv.UseKey(id))
}

// Keys calls visit for every key, in the order of their ids. value is good
// within the call only.
func Keys(db *kv.DB, visit func(id uint64, value []byte) error) error {
	lower, upper := kv.APIKeyBounds()
	return db.Scan(lower, upper, func(key, value []byte) error { return visit(kv.KeyIndex(key), value) })
}

// Use is when a key was last used, and how much on that day.
type Use struct {
	Unix     int64 // seconds
	Day      int64 // days since 1970, UTC
	Receipts int64 // submitted on that day
}

const useLen = 3 * 8

// PutUse writes a key's use to b.
func PutUse(b *kv.Batch, id uint64, u Use) {
	value := make([]byte, 0, useLen)
	for _, n := range []int64{u.Unix, u.Day, u.Receipts} {
		value = binary.BigEndian.AppendUint64(value, uint64(n))
	}
	b.Set(kv.UseKey(id), value)
}

// Uses calls visit for every use.
func Uses(db *kv.DB, visit func(id uint64, u Use)) error {
	lower, upper := kv.UseBounds()
	return db.Scan(lower, upper, func(key, value []byte) error {
		id := kv.KeyIndex(key)
		if len(value) != useLen {
			return fmt.Errorf("use of key %016x has a row of %d bytes", id, len(value))
		}
		n := func(i int) int64 { return int64(binary.BigEndian.Uint64(value[8*i:])) }
		visit(id, Use{Unix: n(0), Day: n(1), Receipts: n(2)})
		return nil
	})
}

// PutAct writes an act of the trail to b.
func PutAct(b *kv.Batch, seq uint64, value []byte) { b.Set(kv.ActKey(seq), value) }

// Acts calls visit for every act from seq on, in order. value is good within
// the call only.
func Acts(db *kv.DB, seq uint64, visit func(seq uint64, value []byte) error) error {
	lower, upper := kv.ActBounds(seq)
	return db.Scan(lower, upper, func(key, value []byte) error { return visit(kv.KeyIndex(key), value) })
}

// NextAct is the number that the next act gets.
func NextAct(db *kv.DB) (next uint64, err error) {
	lower, upper := kv.ActBounds(0)
	err = db.Last(lower, upper, func(key, _ []byte) error {
		next = kv.KeyIndex(key) + 1
		return nil
	})
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	}
	return next, err
}
