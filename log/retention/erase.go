package retention

import (
	"context"
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/entry"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/promise"
)

// Erase appends the erasure of particular receipts of an organisation (by its
// handle), on a legal basis, and returns the entry once it is published. The
// bodies are destroyed soon after. Indices need not be in order. What is not a
// receipt of the organisation is not_logged, what is erased already erased;
// what a hold protects is refused with the machine's code.
func (k *Keeper) Erase(ctx context.Context, org string, indices []uint64, legal, asked string) (uint64, entry.Erasure, error) {
	indices = slices.Clone(indices)
	slices.Sort(indices)
	indices = slices.Compact(indices)
	var e entry.Erasure
	at, err := func() (uint64, error) {
		k.order.Lock()
		defer k.order.Unlock()
		durable, err := func() (func() (uint64, error), error) {
			k.mu.RLock()
			defer k.mu.RUnlock()
			for _, i := range indices {
				if err := k.checkErasable(ctx, org, i); err != nil {
					return nil, err
				}
			}
			e = k.erasure(org, entry.BasisRequest, indices)
			e.Legal, e.Asked = legal, asked
			return k.appendErasure(&e, ledger{k: k, ctx: ctx})
		}()
		if err != nil {
			return 0, err
		}
		return k.appended(&e, durable)
	}()
	if err != nil {
		return 0, e, err
	}
	if err := k.log.AwaitPublished(ctx, at); err != nil {
		return 0, e, err
	}
	k.wake()
	return at, e, nil
}

func (k *Keeper) checkErasable(ctx context.Context, org string, i uint64) error {
	if i >= k.log.PublishedSize() {
		return verdict.Errorf(verdict.NotLogged, "indices", "the log has not published an entry %d", i)
	}
	p, ok, err := ledger{k: k, ctx: ctx}.Promise(i)
	if err != nil {
		return err
	}
	if !ok || p.Org != org {
		return verdict.Errorf(verdict.NotLogged, "indices", "entry %d is no receipt of this organisation", i)
	}
	erased, err := ledger{k: k, ctx: ctx}.Erased(i)
	if err != nil {
		return err
	}
	if erased {
		return verdict.Errorf(verdict.Erased, "indices", "the receipt of entry %d was erased before", i)
	}
	return nil
}

// erasure drafts an erasure of receipts, in order, with a range for each run of
// neighbours. The caller holds the read lock.
func (k *Keeper) erasure(org, basis string, indices []uint64) entry.Erasure {
	e := entry.Erasure{Org: org, Basis: basis, Count: uint64(len(indices)), At: k.now()}
	for _, i := range indices {
		if n := len(e.Ranges); n > 0 && e.Ranges[n-1].Last+1 == i {
			e.Ranges[n-1].Last = i
		} else {
			e.Ranges = append(e.Ranges, entry.Range{First: i, Last: i})
		}
	}
	if r := k.state.InForce(org, ^uint64(0)); r != nil {
		e.Rules = &r.Index
	}
	return e
}

// appendErasure puts an erasure into the sequencer's queue if it is lawful. The
// caller holds order and the read lock, and hands what is returned to
// [Keeper.appended].
func (k *Keeper) appendErasure(e *entry.Erasure, l rules.Ledger) (durable func() (uint64, error), err error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	breaches, err := k.state.Judge(^uint64(0), *e, k.now(), l, func(uint64, bool) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("judge erasure: %w", err)
	}
	for _, b := range breaches {
		return nil, b.Coded()
	}
	return k.log.Append(e.Marshal(), governing{index: k.index, kind: promise.Erasure}), nil
}

// appended waits until an erasure is durable, and has it carried out once it is
// published. The caller holds order and no other lock.
func (k *Keeper) appended(e *entry.Erasure, durable func() (uint64, error)) (uint64, error) {
	at, err := durable()
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pending.put(at, e)
	return at, nil
}

var _ rules.Ledger = ledger{}
