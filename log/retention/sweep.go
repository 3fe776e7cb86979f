package retention

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/promise"
)

const (
	// sweepRows is how many rows one step of a sweep looks at: some tens of
	// milliseconds of work.
	sweepRows = 2048
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
	l := ledger{k, ctx}
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

// sweep looks at some of what may be due and appends erasures of what is. It
// reports whether there is more to look at.
func (k *Keeper) sweep(ctx context.Context) (more bool, err error) {
	rows, err := promise.DueUntil(k.db, k.sweepAfter, k.now().Unix(), sweepRows)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		k.sweepAfter = promise.Row{} // next time from the beginning
		return false, nil
	}
	k.sweepAfter = rows[len(rows)-1]
	k.mu.Lock()
	defer k.mu.Unlock()
	due, err := k.sift(ctx, rows)
	if err != nil {
		return false, err
	}
	for _, org := range slices.Sorted(maps.Keys(due)) {
		if err := k.expire(ctx, org, due[org]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sift returns what is really due, by organisation, and tidies up rows that say
// otherwise. The caller holds the lock.
func (k *Keeper) sift(ctx context.Context, rows []promise.Row) (map[string][]uint64, error) {
	now := k.now()
	due := make(map[string][]uint64)
	b := k.db.NewBatch()
	l := ledger{k, ctx}
	for _, row := range rows {
		p, ok, err := l.Promise(row.Index)
		if err != nil {
			return nil, err
		}
		erased, err := l.Erased(row.Index)
		if err != nil {
			return nil, err
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
			due[p.Org] = append(due[p.Org], row.Index)
		}
	}
	return due, b.Commit(false)
}

// expire appends erasures of receipts that are due. The caller holds the lock.
func (k *Keeper) expire(ctx context.Context, org string, indices []uint64) error {
	slices.Sort(indices)
	indices = slices.Compact(indices)
	for len(indices) > 0 {
		// Each index makes one range at most, and spans itself.
		n := min(len(indices), entry.MaxRanges)
		e := k.erasure(org, entry.BasisExpired, indices[:n])
		e.Asked = sweeper
		at, err := k.appendErasure(ctx, &e)
		if err != nil {
			return err
		}
		k.opts.Logger.Info("erasure appended", "index", at, "receipts", n)
		indices = indices[n:]
	}
	return nil
}
