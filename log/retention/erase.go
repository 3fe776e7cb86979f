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
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, i := range indices {
			if err := k.checkErasable(ctx, org, i); err != nil {
				return 0, err
			}
		}
		e = k.erasure(org, entry.BasisRequest, indices)
		e.Legal, e.Asked = legal, asked
		return k.appendErasure(ctx, &e)
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
	p, ok, err := ledger{k, ctx}.Promise(i)
	if err != nil {
		return err
	}
	if !ok || p.Org != org {
		return verdict.Errorf(verdict.NotLogged, "indices", "entry %d is no receipt of this organisation", i)
	}
	erased, err := ledger{k, ctx}.Erased(i)
	if err != nil {
		return err
	}
	if erased {
		return verdict.Errorf(verdict.Erased, "indices", "the receipt of entry %d was erased before", i)
	}
	return nil
}

// erasure drafts an erasure of receipts, in order, with a range for each run of
// neighbours. The caller holds the lock.
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

// appendErasure appends an erasure if it is lawful. The caller holds the write
// lock.
func (k *Keeper) appendErasure(ctx context.Context, e *entry.Erasure) (uint64, error) {
	if err := e.Check(); err != nil {
		return 0, err
	}
	breaches, err := k.state.Judge(^uint64(0), *e, k.now(), ledger{k, ctx}, func(uint64, bool) error { return nil })
	if err != nil {
		return 0, fmt.Errorf("judge erasure: %w", err)
	}
	for _, b := range breaches {
		return 0, b.Coded()
	}
	at, err := k.log.Append(e.Marshal(), governing{index: k.index, kind: promise.Erasure})
	if err != nil {
		return 0, err
	}
	k.pending[at] = e
	return at, nil
}

var _ rules.Ledger = ledger{}
