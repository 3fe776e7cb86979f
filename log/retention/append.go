package retention

import (
	"context"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// governing are the rows that land with an entry that governs what is kept.
type governing struct {
	index  *index.Index
	kind   byte
	org    string // by name; "" where the entry needs none registered
	handle index.Handle
}

// Append implements driver.Records.
func (g governing) Append(b *kv.Batch, at uint64) error {
	promise.Govern(b, at, g.kind)
	if g.org == "" {
		return nil
	}
	return g.index.PutOrg(b, g.org, g.handle)
}

// SetRules appends rules for an organisation, by its name, and returns the
// entry once it is published. r.Org, r.At and r.Floor are filled in, and
// r.Notice where it is not longer than the log's own. A rule that the machine
// refuses is refused with the machine's code; what does not parse is
// malformed.
func (k *Keeper) SetRules(ctx context.Context, org string, r entry.Rules) (uint64, entry.Rules, error) {
	handle, err := k.index.Handle(org)
	if err != nil {
		return 0, r, err
	}
	r.Org, r.Floor = handle.String(), k.opts.Terms.Floor
	if !r.Notice.AtLeast(k.opts.Terms.Notice) {
		r.Notice = k.opts.Terms.Notice
	}
	at, err := k.append(&r.At, func() (entry.Entry, error) { return r, r.Check() }, governing{k.index, promise.Rules, org, handle})
	if err != nil {
		return 0, r, err
	}
	if err := k.log.AwaitPublished(ctx, at); err != nil {
		return 0, r, err
	}
	k.wake()
	return at, r, nil
}

// Hold appends a hold entry, and returns it once it is published. From the
// moment that it is durable nothing under it is destroyed (I6). h.At is filled
// in.
func (k *Keeper) Hold(ctx context.Context, h entry.Hold) (uint64, entry.Hold, error) {
	at, err := k.append(&h.At, func() (entry.Entry, error) { return h, h.Check() }, governing{index: k.index, kind: promise.Hold})
	if err != nil {
		return 0, h, err
	}
	if err := k.log.AwaitPublished(ctx, at); err != nil {
		return 0, h, err
	}
	k.wake() // one that was lifted may have stopped an erasure
	return at, h, nil
}

// append appends an entry that the machine finds nothing wrong with.
func (k *Keeper) append(when *time.Time, build func() (entry.Entry, error), rows governing) (uint64, error) {
	k.order.Lock()
	defer k.order.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	*when = k.now()
	e, err := build()
	if err != nil {
		return 0, err
	}
	if err := k.wouldBreak(e); err != nil {
		return 0, err
	}
	data := e.Marshal()
	if len(data) > entry.MaxBytes {
		return 0, verdict.Errorf(verdict.TooLarge, "entry", "has %d bytes, at most %d are allowed", len(data), entry.MaxBytes)
	}
	at, err := k.log.Append(data, rows)()
	if err != nil {
		return 0, err
	}
	k.apply(at, e)
	return at, nil
}

// wouldBreak tries an entry on a copy of the machine, under today's terms.
func (k *Keeper) wouldBreak(e entry.Entry) error {
	trial, err := rules.Restore(k.opts.Terms, k.state.Snapshot())
	if err != nil {
		return err
	}
	for _, b := range trial.Apply(^uint64(0), e, rules.Window{Pending: true}) {
		return b.Coded()
	}
	return nil
}

// HoldIsOf reports whether the entry at index is a hold over all of the
// organisation, by its handle.
func (k *Keeper) HoldIsOf(index uint64, org string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.ContainsFunc(k.state.Holds(), func(h rules.Standing) bool { return h.Index == index && h.Hold.Org == org })
}

// Governing returns the entries that govern the receipts of an organisation, by
// its handle: its rules, and the holds over all of it with what lifted them; in
// order.
func (k *Keeper) Governing(org string) (entries []uint64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, r := range k.state.Rulings() {
		if r.Org == org {
			entries = append(entries, r.Index)
		}
	}
	for _, h := range k.state.Holds() {
		if h.Hold.Org == org {
			entries = append(entries, h.Index)
			if h.Lift != nil {
				entries = append(entries, h.Lifted)
			}
		}
	}
	slices.Sort(entries)
	return entries
}

// InForce returns the organisation's rules (by its handle), nil if it has none,
// and the holds that stand over all of it.
func (k *Keeper) InForce(org string) (*rules.Ruling, []uint64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	holds := []uint64{}
	for _, h := range k.state.Holds() {
		if h.Lift == nil && h.Hold.Org == org {
			holds = append(holds, h.Index)
		}
	}
	ruling := k.state.InForce(org, ^uint64(0))
	if ruling != nil {
		own := *ruling // the machine goes on with its own
		ruling = &own
	}
	return ruling, holds
}
