package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// openHooks takes up who is told of what happens.
func (l *Log) openHooks() (err error) {
	o := l.opts.Webhooks
	o.Now, o.Logger = l.clock, l.logger
	l.hooks, err = webhook.Open(l.db, hooksLog{l}, o)
	return err
}

// Webhooks are who is told of what happens.
func (l *Log) Webhooks() *webhook.Hooks { return l.hooks }

// tellErased adds to the batch that notes that an erasure is carried out that it
// is to be told.
func (l *Log) tellErased(b *kv.Batch, at uint64, org string) error {
	name, err := l.orgName(org)
	if err != nil {
		return err
	}
	l.hooks.ErasureDone(b, at, name, l.clock())
	return nil
}

// orgName returns the name behind a handle, "" if no organisation has it.
func (l *Log) orgName(handle string) (string, error) {
	h, err := index.ParseHandle(handle)
	if err != nil {
		return "", err
	}
	name, err := l.index.Org(h)
	if errors.Is(err, index.ErrNotFound) {
		return "", nil
	}
	return name, err
}

// hooksLog is the log as its webhooks need it.
type hooksLog struct{ l *Log }

// Origin implements webhook.Log.
func (h hooksLog) Origin() string { return h.l.Origin() }

// KeyTag implements webhook.Log.
func (h hooksLog) KeyTag() string { return h.l.KeyTag() }

// PublishedSize implements webhook.Log.
func (h hooksLog) PublishedSize() uint64 { return keeperLog{h.l}.PublishedSize() }

// PublishedAt implements webhook.Log.
func (h hooksLog) PublishedAt() time.Time {
	if p := h.l.Published(); p != nil && !h.l.frozen { // that nothing follows is as it should be
		return p.At
	}
	return time.Time{}
}

// Quorum implements webhook.Log.
func (h hooksLog) Quorum() (string, time.Time) { return h.l.Quorum() }

// Receipt implements webhook.Log.
func (h hooksLog) Receipt(ctx context.Context, at uint64) (*receipt.Receipt, error) {
	stored, err := h.l.load(ctx, at)
	if err != nil {
		return nil, err
	}
	return stored.Receipt, nil
}

// Erasure implements webhook.Log.
func (h hooksLog) Erasure(ctx context.Context, at uint64) (out webhook.Erasure, err error) {
	e, err := h.l.erasureEntry(ctx, at)
	if err != nil {
		return out, err
	}
	name, err := h.l.orgName(e.Org)
	return webhook.Erasure{Org: name, Basis: e.Basis, Count: e.Count}, err
}

// OffDisk implements webhook.Log. I7: a range of keys is noted as one that is to be
// scrubbed in the batch that deletes them, and until the files that held them are
// gone.
func (h hooksLog) OffDisk(ctx context.Context, at uint64) (bool, error) {
	soiled, err := promise.Scrubs(h.l.db)
	if err != nil || len(soiled) == 0 {
		return err == nil, err
	}
	e, err := h.l.erasureEntry(ctx, at)
	if err != nil {
		return false, err
	}
	for _, s := range soiled {
		for _, r := range e.Ranges {
			if s[0] <= r.Last && r.First <= s[1] {
				return false, nil
			}
		}
	}
	return true, nil
}

// erasureEntry reads an entry that is an erasure.
func (l *Log) erasureEntry(ctx context.Context, at uint64) (*entry.Erasure, error) {
	data, err := l.entry(ctx, at)
	if err != nil {
		return nil, err
	}
	parsed, err := entry.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %v", at, err)
	}
	e, ok := parsed.(entry.Erasure)
	if !ok {
		return nil, fmt.Errorf("entry %d is of kind %s, not an erasure", at, parsed.Kind())
	}
	return &e, nil
}
