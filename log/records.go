package log

import (
	"crypto/sha256"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/log/webhook"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/promise"
)

// receiptRecords are the rows that land with a receipt's entry, or not at all.
type receiptRecords struct {
	index   *index.Index
	search  *search.Follower // nil: nobody searches
	logged  search.Logged
	receipt *receipt.Receipt
	org     index.Handle
	sealed  *body.Sealed
	promise rules.Promise
	word    webhook.Word // what is told of it, to whom
	reserve *kv.Reserve
	taken   int // bytes of the reserve
	settled atomic.Bool
}

// settle gives back what was taken of the reserve: the receipt is being written,
// or will not be.
func (r *receiptRecords) settle() {
	if !r.settled.Swap(true) {
		r.reserve.Settle(r.taken)
	}
}

// Append implements driver.Records.
func (r *receiptRecords) Append(b *kv.Batch, at uint64) error {
	r.settle()
	// I2: the sequencer takes one entry after another, so of however many
	// submissions of one receipt exactly one claims it.
	leaf, claimed, err := r.index.Claim(b, r.receipt.Hash(), at)
	if err != nil {
		return err
	}
	if !claimed {
		return &driver.Duplicate{Leaf: leaf}
	}
	// I1: the body is durable with its entry.
	r.sealed.Put(b, at)
	if !r.promise.Until.IsZero() {
		promise.Due(b, r.promise.Until.Unix(), at)
	}
	r.index.PutRun(b, r.receipt.RunID(), at, index.OwnedBy(r.org, r.receipt.Publishable()))
	if err := r.index.PutOrg(b, r.receipt.Org(), r.org); err != nil {
		return err
	}
	if r.search != nil {
		r.search.Offer(at, r.receipt, r.logged)
	}
	r.word.Put(b, at)
	return nil
}

// Size implements driver.Sized.
func (r *receiptRecords) Size() int { return r.sealed.Size() + rowBytes + r.word.Size() }

// rowBytes is about what the index rows of one receipt take.
const rowBytes = 256

// issuerRecords are the rows that land with an issuer's document.
type issuerRecords struct {
	index    *index.Index
	did      string
	document []byte
}

// Append implements driver.Records.
func (r *issuerRecords) Append(b *kv.Batch, at uint64) error {
	r.index.PutIssuer(b, r.did, sha256.Sum256(r.document), at)
	return nil
}
