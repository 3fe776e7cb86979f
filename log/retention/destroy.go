package retention

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

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
