// Package promise keeps what a log has promised about bodies and has still to
// do: which entries govern what is kept, which bodies may be due when, which
// erasures are not carried out, and which tables are not scrubbed.
//
// Rows are written in the batch of the entry or of the act that they speak of.
// What is due, pending or to be scrubbed is a list of things to look at, not a
// judgement: who acts on it decides anew from the entries (package retention of
// client). It knows no entry and no rule.
//
// All functions are safe for concurrent use.
package promise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/storage/kv"
)

// Kinds of governing entries.
const (
	Rules   = 'r'
	Hold    = 'h'
	Erasure = 'e'
)

// Govern notes in b that the entry at index is of that kind. An erasure is
// pending from here on, and rules are unheard of until they are published.
func Govern(b *kv.Batch, index uint64, kind byte) {
	b.Set(kv.GoverningKey(index), []byte{kind})
	switch kind {
	case Erasure:
		b.Set(kv.PendingKey(index), nil)
	case Rules:
		b.Set(kv.UnheardKey(index), nil)
	}
}

// Publish notes in b, which makes a checkpoint of that size the published one,
// since when the rules are public that it is the first to cover. So the time is
// durable with the publication, and outlives the checkpoint itself.
func Publish(db *kv.DB, b *kv.Batch, size uint64, at time.Time) error {
	value := binary.BigEndian.AppendUint64([]byte{Rules}, uint64(at.UnixNano()))
	lower, upper := kv.UnheardBounds(size)
	err := db.Scan(lower, upper, func(key, _ []byte) error {
		index := kv.KeyIndex(key)
		b.Set(kv.GoverningKey(index), value)
		b.Delete(kv.UnheardKey(index))
		return nil
	})
	if err != nil {
		return fmt.Errorf("note which rules are published: %w", err)
	}
	return nil
}

// PublishedAt returns since when the rules at index are public; the zero time
// where they are not.
func PublishedAt(db *kv.DB, index uint64) (time.Time, error) {
	value, err := db.Get(kv.GoverningKey(index))
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("look up publication of entry %d: %w", index, err)
	case len(value) == 1:
		return time.Time{}, nil
	case len(value) != 1+8:
		return time.Time{}, badRow(index, value)
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(value[1:]))).UTC(), nil
}

func badRow(index uint64, value []byte) error {
	return fmt.Errorf("governing entry %d has a row of %d bytes", index, len(value))
}

// Governing calls visit for every governing entry, in order.
func Governing(db *kv.DB, visit func(index uint64, kind byte) error) error {
	lower, upper := kv.GoverningBounds()
	return db.Scan(lower, upper, func(key, value []byte) error {
		if len(value) != 1 && (len(value) != 1+8 || value[0] != Rules) {
			return badRow(kv.KeyIndex(key), value)
		}
		return visit(kv.KeyIndex(key), value[0])
	})
}

// Due notes in b that the body at index may be due at that time, in unix
// seconds.
func Due(b *kv.Batch, unix int64, index uint64) { b.Set(kv.DueKey(uint64(max(unix, 0)), index), nil) }

// NotDue removes what [Due] noted.
func NotDue(b *kv.Batch, unix int64, index uint64) { b.Delete(kv.DueKey(uint64(max(unix, 0)), index)) }

// Row is what [Due] noted.
type Row struct {
	Unix  int64
	Index uint64
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// DueUntil returns up to limit rows with times up to and including unix, in
// the order of time and index, behind the row after; the zero Row is before
// all.
func DueUntil(db *kv.DB, after Row, unix int64, limit int) (rows []Row, err error) {
	var from []byte
	if after != (Row{}) {
		from = kv.DueKey(uint64(after.Unix), after.Index+1)
	}
	lower, upper := kv.DueBounds(from, uint64(max(unix, 0)))
	err = db.Scan(lower, upper, func(key, _ []byte) error {
		rows = append(rows, Row{Unix: int64(kv.DueAt(key)), Index: kv.KeyIndex(key)})
		if len(rows) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("look up what is due: %w", err)
	}
	return rows, nil
}

// Pending returns the erasures that are not carried out, in order.
func Pending(db *kv.DB) (erasures []uint64, err error) {
	lower, upper := kv.PendingBounds()
	err = db.Scan(lower, upper, func(key, _ []byte) error {
		erasures = append(erasures, kv.KeyIndex(key))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up pending erasures: %w", err)
	}
	return erasures, nil
}

// Done notes in b that the erasure at index is carried out.
func Done(b *kv.Batch, index uint64) { b.Delete(kv.PendingKey(index)) }

// Scrubs returns the ranges of leaves whose key rows are to be scrubbed.
func Scrubs(db *kv.DB) (ranges [][2]uint64, err error) {
	lower, upper := kv.ScrubBounds()
	err = db.Scan(lower, upper, func(key, _ []byte) error {
		first, last := kv.ScrubRange(key)
		ranges = append(ranges, [2]uint64{first, last})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up what is to be scrubbed: %w", err)
	}
	return ranges, nil
}

// Scrub notes in b that the key rows from first to last are to be scrubbed, and
// Scrubbed that they are.
func Scrub(b *kv.Batch, first, last uint64) { b.Set(kv.ScrubKey(first, last), nil) }

// Scrubbed removes what [Scrub] noted.
func Scrubbed(b *kv.Batch, first, last uint64) { b.Delete(kv.ScrubKey(first, last)) }

// Reviewed returns how far the receipts before the rules at index were looked
// through.
func Reviewed(db *kv.DB, index uint64) (next uint64, err error) {
	value, err := db.Get(kv.ReviewKey(index))
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("look up review: %w", err)
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("review of rules %d has a row of %d bytes", index, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// Review notes in b how far they were looked through.
func Review(b *kv.Batch, index, next uint64) {
	b.Set(kv.ReviewKey(index), binary.BigEndian.AppendUint64(nil, next))
}
