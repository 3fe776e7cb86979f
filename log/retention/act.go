package retention

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// actReceipts is how many bodies one batch destroys: a few milliseconds during
// which a hold has to wait.
const actReceipts = 128

// act destroys some of what published erasures name. It reports whether there
// is more that can be done now.
func (k *Keeper) act(ctx context.Context) (more bool, err error) {
	published := k.log.PublishedSize()
	k.mu.RLock()
	open := slices.Sorted(maps.Keys(k.pending))
	k.mu.RUnlock()
	for _, at := range open {
		// I6: the erasure is under a published checkpoint before anything is
		// destroyed.
		if at >= published {
			continue
		}
		worked, err := k.actOn(ctx, at)
		if err != nil {
			return false, fmt.Errorf("carry out erasure %d: %w", at, err)
		}
		if worked {
			return true, nil
		}
	}
	return false, nil
}

// place is how far the follower has come with one erasure.
type place struct {
	erasure uint64
	next    uint64 // first entry not looked at
	held    bool   // a hold stopped some before it
}

// actOn destroys the next bodies that an erasure names. It reports false where
// nothing was left to do but what a hold stops.
func (k *Keeper) actOn(ctx context.Context, at uint64) (worked bool, err error) {
	k.mu.RLock()
	e := k.pending[at]
	k.mu.RUnlock()
	if k.acting.erasure != at {
		k.acting = place{erasure: at}
	}
	for _, r := range e.Ranges {
		for next := max(r.First, k.acting.next); next <= r.Last; next = k.acting.next {
			n, held, end, err := k.destroy(ctx, at, e.Org, next, r.Last)
			if err != nil {
				return false, err
			}
			k.acting.next, k.acting.held = end, k.acting.held || held
			if n > 0 {
				return true, nil
			}
		}
	}
	held := k.acting.held
	k.acting = place{}
	if held {
		return false, nil // next time from its beginning
	}
	return true, k.done(at)
}

// done notes that an erasure is carried out.
func (k *Keeper) done(at uint64) error {
	b := k.db.NewBatch()
	promise.Done(b, at)
	if k.opts.OnDone != nil {
		k.mu.RLock()
		org := k.pending[at].Org
		k.mu.RUnlock()
		if err := k.opts.OnDone(b, at, org); err != nil {
			return err
		}
	}
	if err := b.Commit(true); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pending, at)
	k.opts.Logger.Info("erasure carried out", "index", at)
	return nil
}

// destroy destroys bodies from first to last, up to a batch of them, and
// returns how many, whether a hold stopped some, and where it ended.
func (k *Keeper) destroy(ctx context.Context, at uint64, org string, first, last uint64) (n int, held bool, end uint64, err error) {
	// I6: no hold can be placed while a batch is made, and none is passed over.
	k.mu.RLock()
	defer k.mu.RUnlock()
	b := k.db.NewBatch()
	gone := make(map[uint64]*receipt.Receipt)
	var lowest, highest uint64
	for end = first; end <= last && n < actReceipts; end++ {
		e, ok, err := k.entries.receipt(ctx, end)
		if err != nil {
			return 0, false, 0, err
		}
		if !ok || e.Org != org {
			continue
		}
		if gone, err := k.gone(end); gone || err != nil {
			if err != nil {
				return 0, false, 0, err
			}
			continue
		}
		if _, stands := k.state.Held(org, end); stands {
			held = true
			continue
		}
		r, err := k.destroyOne(b, at, end, e)
		if err != nil {
			return 0, false, 0, err
		}
		if r != nil {
			gone[end] = r
		}
		if n == 0 {
			lowest = end
		}
		highest = end
		n++
	}
	if n == 0 {
		return 0, held, end, nil
	}
	promise.Scrub(b, lowest, highest) // I7
	if k.soiled.IsZero() {
		k.soiled = time.Now()
	}
	return n, held, end, k.log.Unlist(b, gone, func() error { return b.Commit(true) })
}

func (k *Keeper) gone(i uint64) (bool, error) {
	_, err := body.Erased(k.db, i)
	if errors.Is(err, body.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// destroyOne deletes, in b, a body with its key and salt and all that points to
// it, and notes which erasure did. It returns the receipt, or nil where it is
// damaged.
func (k *Keeper) destroyOne(b *kv.Batch, at, i uint64, e entry.Receipt) (r *receipt.Receipt, err error) {
	plain, _, err := body.Open(k.db, i, e.Commitment)
	switch {
	case errors.Is(err, body.ErrCorrupt), errors.Is(err, body.ErrNotFound):
		// What it was nobody can say any more; what is left of it goes.
		k.opts.Logger.Error("a body that is to be erased is damaged", "index", i, "error", err)
	case err != nil:
		return nil, err
	default:
		if r, err = receipt.Parse(plain); err != nil {
			return nil, fmt.Errorf("body of entry %d: %w", i, err)
		}
		if err := k.forget(b, at, i, e.Org, r); err != nil {
			return nil, err
		}
	}
	if p := rules.PromiseOf(e); !p.Until.IsZero() {
		promise.NotDue(b, p.Until.Unix(), i)
	}
	body.Erase(b, i, binary.BigEndian.AppendUint64(nil, at))
	return r, nil
}

// forget drops the index rows of a receipt. What stays is the keyed hash of its
// run, so that whoever was allowed to see it is told that it was erased.
func (k *Keeper) forget(b *kv.Batch, at, i uint64, org string, r *receipt.Receipt) error {
	k.index.Forget(b, r.Hash())
	k.index.ForgetRun(b, r.RunID(), i)
	handle, err := index.ParseHandle(org)
	if err != nil {
		return fmt.Errorf("entry %d: %w", i, err)
	}
	k.index.PutErasedRun(b, r.RunID(), i, at, index.OwnedBy(handle, r.Publishable()))
	return nil
}

// ErasedBy returns the entry that erased the body at index i.
func ErasedBy(db body.Reader, i uint64) (erasure uint64, err error) {
	note, err := body.Erased(db, i)
	if err != nil {
		return 0, err
	}
	if len(note) != 8 {
		return 0, fmt.Errorf("note of the erasure of entry %d has %d bytes", i, len(note))
	}
	return binary.BigEndian.Uint64(note), nil
}
