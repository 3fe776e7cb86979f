package retention

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// actReceipts is how many bodies one batch destroys: some tens of milliseconds
// during which a hold has to wait.
const actReceipts = 128

// actLooks is how many entries one batch looks at, most of which may be gone.
const actLooks = 8192

// act destroys some of what published erasures name. It reports whether there
// is more that can be done now.
func (k *Keeper) act(ctx context.Context) (more bool, err error) {
	// I6: an erasure is under a published checkpoint before anything is
	// destroyed.
	published := k.log.PublishedSize()
	k.mu.RLock()
	// I6: no hold can be placed while a batch is made, and none is passed over.
	a := &acting{k: k, ctx: ctx, b: k.db.NewBatch(), gone: make(map[uint64]*receipt.Receipt), held: make(map[uint64]int), at: k.at}
	for _, at := range k.pending.below(published) {
		if holds, ok := k.held[at]; ok && holds == k.holds {
			continue // only what is held is left of it, and no hold has come or gone since
		}
		if err = a.carryOut(at, k.pending.at[at]); err != nil {
			err = fmt.Errorf("carry out erasure %d: %w", at, err)
			break
		}
		if a.full() || k.alone {
			break
		}
	}
	if err == nil {
		err = a.commit()
	}
	k.mu.RUnlock()
	k.alone = err != nil // what stops one erasure must not stop those before it
	if err != nil {
		return false, err
	}
	k.at = a.at
	maps.Copy(k.held, a.held)
	k.doneWith(a.done)
	return a.full() || len(a.gone)+len(a.done) > 0, nil
}

// doneWith forgets erasures that are carried out.
func (k *Keeper) doneWith(done []uint64) {
	if len(done) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, at := range done {
		k.pending.drop(at)
		delete(k.held, at)
		k.opts.Logger.Info("erasure carried out", "index", at)
	}
}

// place is how far the follower has come with one erasure.
type place struct {
	erasure uint64
	holds   int    // how many hold entries there were when it was begun
	next    uint64 // first entry not looked at
	held    bool   // a hold stopped some before it
}

// acting is one batch of destruction, from however many erasures.
type acting struct {
	k   *Keeper
	ctx context.Context
	b   *kv.Batch
	at  place // how far the last erasure has come

	looked          int                         // how many entries were looked at
	gone            map[uint64]*receipt.Receipt // destroyed, nil where it was damaged
	lowest, highest uint64                      // of them
	done            []uint64                    // erasures of which nothing is left
	held            map[uint64]int              // and of which only what is held is, with the number of holds
}

func (a *acting) full() bool { return len(a.gone) >= actReceipts || a.looked >= actLooks }

// carryOut destroys the next bodies that an erasure names, until the batch is
// full or all are.
func (a *acting) carryOut(at uint64, e *entry.Erasure) error {
	if a.at.erasure != at {
		a.at = place{erasure: at, holds: a.k.holds}
	}
	for _, r := range e.Ranges {
		for i := max(r.First, a.at.next); i <= r.Last; i++ {
			if a.full() {
				return nil
			}
			if err := a.destroy(at, i, e.Org); err != nil {
				return err
			}
			a.at.next = i + 1
		}
	}
	was := a.at
	a.at = place{} // if it comes to it again, from its beginning
	if was.held {
		a.held[at] = was.holds // a hold that was lifted meanwhile has it looked at again
		return nil
	}
	promise.Done(a.b, at)
	a.done = append(a.done, at)
	if a.k.opts.OnDone == nil {
		return nil
	}
	return a.k.opts.OnDone(a.b, at, e.Org)
}

// destroy destroys the body at i, if an erasure of the organisation's receipts
// erases it.
func (a *acting) destroy(at, i uint64, org string) error {
	a.looked++
	e, ok, err := a.k.entries.receipt(a.ctx, i)
	if err != nil || !ok || e.Org != org {
		return err
	}
	if _, twice := a.gone[i]; twice {
		return nil
	}
	if gone, err := a.k.db.Has(kv.ErasedKey(i)); gone || err != nil {
		return err
	}
	if _, stands := a.k.state.Held(org, i); stands {
		a.at.held = true
		return nil
	}
	r, err := a.k.destroyOne(a.b, at, i, e)
	if err != nil {
		return err
	}
	if len(a.gone) == 0 {
		a.lowest, a.highest = i, i
	}
	a.lowest, a.highest = min(a.lowest, i), max(a.highest, i)
	a.gone[i] = r
	return nil
}

// commit applies the batch. It does not wait until that is durable: what a crash
// takes back of it is pending again, and is done again.
func (a *acting) commit() error {
	switch {
	case len(a.gone)+len(a.done) == 0:
		return nil
	case len(a.gone) == 0:
		return a.b.Commit(false)
	}
	promise.Scrub(a.b, a.lowest, a.highest) // I7
	if a.k.soiled.IsZero() {
		a.k.soiled = time.Now()
	}
	listed := maps.Clone(a.gone)
	maps.DeleteFunc(listed, func(_ uint64, r *receipt.Receipt) bool { return r == nil })
	return a.k.log.Unlist(a.b, listed, func() error { return a.b.Commit(false) })
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
