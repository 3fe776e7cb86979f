package retention

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

const (
	// sweepRows is how many rows one step of a sweep looks at: some milliseconds
	// of work.
	sweepRows = 2048
	// gatherRows is how many receipts a sweep gathers before it appends their
	// erasures, so that the receipts of an organisation that are due together
	// share entries although others lie between them. It takes some 2 MB.
	gatherRows = 16384
	// abreast is how many erasures are put into the sequencer's queue before the
	// first is waited for: few beside the receipts that may wait there.
	abreast = 64
	// maxAhead is how many receipts may wait for the publication of their erasures
	// before a sweep waits too.
	maxAhead = 4 * gatherRows
	// reviewBundles is how many bundles one step of a review looks through.
	reviewBundles = 16
	// sweeper is who asks for what has expired.
	sweeper = "retention sweep"
)

// review looks through a part of the receipts that rules whose notice has run
// out may have made due, and notes when. It reports whether there is more.
func (k *Keeper) review(ctx context.Context) (more bool, err error) {
	now := k.now()
	k.mu.RLock()
	all := k.state.Rulings()
	k.mu.RUnlock()
	for _, r := range all {
		if r.Applies != entry.AppliesAll || r.Since.IsZero() || now.Before(r.Notice.From(r.Since)) {
			continue
		}
		next, err := promise.Reviewed(k.db, r.Index)
		if err != nil {
			return false, err
		}
		if next < r.Index {
			return true, k.reviewPart(ctx, r.Index, r.Org, next, now)
		}
	}
	return false, nil
}

func (k *Keeper) reviewPart(ctx context.Context, rules uint64, org string, next uint64, now time.Time) error {
	end := min((next/tile.Width+reviewBundles)*tile.Width, rules)
	k.mu.RLock()
	defer k.mu.RUnlock()
	b := k.db.NewBatch()
	l := ledger{k: k, ctx: ctx}
	for i := next; i < end; i++ {
		p, ok, err := l.Promise(i)
		if err != nil {
			return err
		}
		if !ok || p.Org != org {
			continue
		}
		if due, ends := k.state.Due(i, p, now); ends {
			promise.Due(b, due.Unix(), i)
		}
	}
	promise.Review(b, rules, end)
	return b.Commit(true)
}

// sweep looks at some of what may be due, or appends erasures of what was found
// to be. It reports whether there is more to do.
func (k *Keeper) sweep(ctx context.Context) (more bool, err error) {
	if len(k.sifted) >= gatherRows {
		return true, k.expire(ctx)
	}
	if k.waiting() >= maxAhead {
		return false, nil
	}
	rows, err := promise.DueUntil(k.db, k.sweepAfter, k.now().Unix(), sweepRows)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		k.sweepAfter = promise.Row{} // next time from the beginning
		more = len(k.sifted) > 0
		return more, k.expire(ctx)
	}
	k.sweepAfter = rows[len(rows)-1]
	return true, k.sift(ctx, rows)
}

// waiting is how many receipts are named by erasures that are not published.
func (k *Keeper) waiting() (receipts uint64) {
	published := k.log.PublishedSize()
	k.mu.RLock()
	defer k.mu.RUnlock()
	for at, e := range k.pending.at {
		if at >= published {
			receipts += e.Count
		}
	}
	return receipts
}

// sift gathers what is really due, and tidies up rows that say otherwise.
func (k *Keeper) sift(ctx context.Context, rows []promise.Row) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	now := k.now()
	b := k.db.NewBatch()
	l := ledger{k: k, ctx: ctx}
	for _, row := range rows {
		p, ok, err := l.Promise(row.Index)
		if err != nil {
			return err
		}
		erased, err := l.Erased(row.Index)
		if err != nil {
			return err
		}
		at, ends := k.state.Due(row.Index, p, now)
		switch _, held := k.state.Held(p.Org, row.Index); {
		case !ok || !ends:
			promise.NotDue(b, row.Unix, row.Index)
		case erased:
			// The act takes the row away.
		case at.After(now):
			promise.NotDue(b, row.Unix, row.Index)
			promise.Due(b, at.Unix(), row.Index)
		case !held:
			k.gather(p, row.Index)
		}
	}
	return b.Commit(false)
}

func (k *Keeper) gather(p rules.Promise, index uint64) {
	if _, twice := k.sifted[index]; !twice {
		k.sifted[index] = p
		k.gathered[p.Org] = append(k.gathered[p.Org], index)
	}
}

// expire appends erasures of what was gathered. What fails is found to be due by
// the next sweep.
func (k *Keeper) expire(ctx context.Context) error {
	defer func() {
		clear(k.gathered)
		clear(k.sifted)
	}()
	k.order.Lock()
	defer k.order.Unlock()
	l := siftedLedger{ledger{k: k, ctx: ctx}, k.sifted}
	var drafts []*entry.Erasure
	for _, org := range slices.Sorted(maps.Keys(k.gathered)) {
		for indices := range slices.Chunk(k.gathered[org], entry.MaxRanges) { // each makes one range at most, and spans itself
			draft, err := k.draft(org, indices, l)
			if err != nil {
				return err
			}
			if draft != nil {
				drafts = append(drafts, draft)
			}
		}
	}
	for some := range slices.Chunk(drafts, abreast) {
		if err := k.appendAll(some, l); err != nil {
			return err
		}
	}
	return nil
}

// draft is the erasure of what is still there and not held, nil if nothing is:
// since it was looked at somebody may have asked for its erasure, or placed a
// hold. The caller holds order.
func (k *Keeper) draft(org string, indices []uint64, l rules.Ledger) (*entry.Erasure, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var due []uint64
	for _, i := range indices {
		erased, err := l.Erased(i)
		if err != nil {
			return nil, err
		}
		if _, held := k.state.Held(org, i); !held && !erased {
			due = append(due, i)
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	slices.Sort(due)
	e := k.erasure(org, entry.BasisExpired, due)
	e.Asked = sweeper
	return &e, nil
}

// appendAll appends erasures side by side, and returns the first error. Those
// that are durable are carried out all the same. The caller holds order.
func (k *Keeper) appendAll(erasures []*entry.Erasure, l rules.Ledger) (failed error) {
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	waits := make([]func() (uint64, error), len(erasures))
	k.mu.RLock()
	for n, e := range erasures {
		durable, err := k.appendErasure(e, l)
		if err != nil {
			note(err)
			continue
		}
		waits[n] = durable
	}
	k.mu.RUnlock()
	for n, e := range erasures {
		if waits[n] == nil {
			continue
		}
		at, err := k.appended(e, waits[n])
		if err != nil {
			note(err)
			continue
		}
		k.opts.Logger.Info("erasure appended", "index", at, "receipts", e.Count)
	}
	return failed
}

// siftedLedger is a ledger that remembers the promises of what was sifted, which
// never change.
type siftedLedger struct {
	ledger
	sifted map[uint64]rules.Promise
}

// Promise implements the machine's ledger.
func (l siftedLedger) Promise(at uint64) (rules.Promise, bool, error) {
	if p, ok := l.sifted[at]; ok {
		return p, true, nil
	}
	return l.ledger.Promise(at)
}

// Erased implements the machine's ledger. The caller holds the read lock.
func (l siftedLedger) Erased(at uint64) (bool, error) {
	erased, err := l.k.db.Has(kv.ErasedKey(at))
	if erased || err != nil {
		return erased, err
	}
	p, ok, err := l.Promise(at)
	return ok && l.k.pending.names(p.Org, at), err
}
