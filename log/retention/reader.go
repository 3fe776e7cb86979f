package retention

import (
	"context"
	"fmt"
	"sync"

	"github.com/armalo/receiptlog/client/entry"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
)

// reader reads entries, and remembers the bundle that it read last: work goes
// through the log in order.
type reader struct {
	log Log

	mu     sync.Mutex
	bundle uint64
	cached [][]byte
	parser entry.Parser
}

// entry returns a durable entry.
func (r *reader) entry(ctx context.Context, at uint64) (entry.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := r.bytes(ctx, at)
	if err != nil {
		return nil, err
	}
	e, err := r.parser.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", at, err)
	}
	return e, nil
}

// bytes returns it as it stands. The caller holds the lock.
func (r *reader) bytes(ctx context.Context, at uint64) ([]byte, error) {
	n, within := at/tile.Width, at%tile.Width
	if r.bundle != n || uint64(len(r.cached)) <= within {
		entries, err := r.log.Entries(ctx, n)
		if err != nil {
			return nil, err
		}
		r.bundle, r.cached = n, entries
	}
	if uint64(len(r.cached)) <= within {
		return nil, fmt.Errorf("entry %d is not there", at)
	}
	return r.cached[within], nil
}

// receipt returns the receipt entry at an index; ok is false where there is
// another kind.
func (r *reader) receipt(ctx context.Context, at uint64) (e entry.Receipt, ok bool, err error) {
	any, err := r.entry(ctx, at)
	if err != nil {
		return e, false, err
	}
	e, ok = any.(entry.Receipt)
	return e, ok, nil
}

// ledger is the log as the machine asks about it.
type ledger struct {
	k   *Keeper
	ctx context.Context
}

// Promise implements the machine's ledger.
func (l ledger) Promise(at uint64) (rules.Promise, bool, error) {
	e, ok, err := l.k.entries.receipt(l.ctx, at)
	return rules.PromiseOf(e), ok, err
}

// Erased implements the machine's ledger. The caller holds the read lock.
func (l ledger) Erased(at uint64) (bool, error) {
	erased, err := l.k.db.Has(kv.ErasedKey(at))
	if erased || err != nil {
		return erased, err
	}
	e, ok, err := l.k.entries.receipt(l.ctx, at)
	return ok && l.k.pending.names(e.Org, at), err
}
