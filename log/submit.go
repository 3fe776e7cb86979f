package log

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	rules "github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/log/signature"
	"github.com/armalo/receiptlog/log/step"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
)

// Pending is a receipt that was taken in: on its way into the log, or there
// already. It may be dropped at any time; the receipt is logged all the same.
type Pending struct {
	log     *Log
	receipt *receipt.Receipt
	logged  uint64              // its index, where future is nil
	future  tessera.IndexFuture // nil where the receipt was logged before
	fresh   *fresh              // what this submission made of it
	records *receiptRecords     // with fresh
	dup     bool                // another submission was first
}

// fresh is what the submission that appends a receipt knows about it, so that
// nothing has to be read back for the bundle.
type fresh struct {
	entry  []byte
	salt   [entry.SaltSize]byte
	key    string // multikey of the signer
	issuer standing
}

// Hash is the SHA-256 of the canonical receipt, its identity.
func (p *Pending) Hash() [32]byte { return p.receipt.Hash() }

// RunID is the run that the receipt is about.
func (p *Pending) RunID() string { return p.receipt.RunID() }

// Duplicate reports whether the log had the receipt before. It is settled once
// [Pending.Index] has returned.
func (p *Pending) Duplicate() bool { return p.dup }

// Begin takes a receipt in: everything up to and including its place in the
// sequencer's queue. It returns before the receipt is durable. data is not
// kept. Once the signature is verified ctx has no effect any more.
//
// Errors: malformed, too_large, schema_invalid, issuer_untrusted,
// issuer_unavailable, proof_missing, signature_invalid, key_unknown,
// key_not_authorized; ErrClosed, ErrFull, ErrFailed, ErrRefuses.
func (l *Log) Begin(ctx context.Context, data []byte) (*Pending, error) {
	return l.BeginFor(ctx, data, func(*receipt.Receipt) error { return nil })
}

// BeginFor is [Log.Begin] for somebody who may not submit every receipt: admit
// sees it, parsed and of a known issuer, before its signature is verified, and
// may refuse it with an error, which is returned.
func (l *Log) BeginFor(ctx context.Context, data []byte, admit func(*receipt.Receipt) error) (*Pending, error) {
	ctx, taken := step.Start(ctx, "take in")
	p, err := l.begin(ctx, data, admit)
	taken.End(err)
	if err != nil {
		l.metrics.refused(ctx, err)
	}
	return p, err
}

func (l *Log) begin(ctx context.Context, data []byte, admit func(*receipt.Receipt) error) (*Pending, error) {
	if err := l.accepting(); err != nil {
		return nil, err
	}
	r, err := receipt.Parse(data)
	if err != nil {
		return nil, err
	}
	issuer := l.issuers[r.Issuer()]
	if issuer == nil {
		return nil, verdict.Errorf(verdict.IssuerUntrusted, "issuer", "is not an issuer of this log: %s", r.Issuer())
	}
	if err := admit(r); err != nil {
		return nil, err
	}
	p := &Pending{log: l, receipt: r}
	if refusal := l.append(ctx, p, issuer); refusal != nil {
		// A receipt that is logged stays logged, whatever has become of its
		// issuer's keys since. New ones, by far the most, need no look-up
		// here: the sequencer makes one (I2).
		if p.logged, p.dup, err = l.recognise(r); err != nil {
			return nil, err
		}
		if !p.dup {
			return nil, refusal
		}
	}
	return p, nil
}

// accepting says whether the log takes anything in.
func (l *Log) accepting() error {
	switch {
	case l.Failure() != nil:
		return ErrFailed
	case l.closing.Load():
		return ErrClosed
	case l.frozen:
		return ErrFrozen
	case l.Refused() != nil:
		return ErrRefuses // I5: what is taken in would be lost
	}
	return nil
}

// recognise looks for the receipt among those that are durably logged. One
// that is on its way is not recognised here but by the sequencer (I2).
func (l *Log) recognise(r *receipt.Receipt) (at uint64, found bool, err error) {
	at, err = l.index.Identity(r.Hash())
	switch {
	case errors.Is(err, index.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, l.appendError(fmt.Errorf("look up receipt: %w", err))
	}
	// I1: the index shows rows that are applied and not yet synced.
	size, _ := l.driver.Tree()
	return at, at < size, nil
}

// append verifies a receipt and puts it into the sequencer's queue.
func (l *Log) append(ctx context.Context, p *Pending, issuer *issuer) error {
	doc, err := issuer.resolve(ctx, l)
	if err != nil {
		return err
	}
	signer, err := l.verify(p.receipt, doc)
	if err != nil && issuer.lookAgain(ctx, l) {
		// The key may be newer than our copy of the document.
		if doc, err = issuer.resolve(ctx, l); err != nil {
			return err
		}
		signer, err = l.verify(p.receipt, doc)
	}
	if err != nil {
		return err
	}
	return issuer.rely(ctx, l, doc, func(current *did.Document, at standing) error {
		if current != doc {
			if signer, err = l.verify(p.receipt, current); err != nil {
				return err
			}
		}
		return l.enqueue(p, signer, at)
	})
}

// verify checks the receipt's signature, as of now.
func (l *Log) verify(r *receipt.Receipt, doc *did.Document) (receipt.Signer, error) {
	signer, err := r.VerifyWith(signature.Verify, doc)
	if err == nil && !signer.Expires.IsZero() && !l.clock().Before(signer.Expires) {
		err = verdict.Errorf(verdict.KeyNotAuthorized, "proof", "the proof or its key was good until %s only", entry.FormatTime(signer.Expires))
	}
	return signer, err
}

// enqueue seals the body and hands entry, body and index rows to the
// sequencer.
func (l *Log) enqueue(p *Pending, signer receipt.Signer, at standing) error {
	f := &fresh{key: did.EncodeKey(signer.Key), issuer: at}
	rand.Read(f.salt[:]) // never fails: crypto/rand ends the process instead
	org, err := l.orgs.handle(p.receipt.Org())
	if err != nil {
		return l.appendError(fmt.Errorf("look up organisation: %w", err))
	}
	commitment := entry.Commit(f.salt, p.receipt.Canonical())
	sealed, err := body.Seal(commitment, f.salt, p.receipt.Canonical())
	if err != nil {
		return err
	}
	e := entry.Receipt{Commitment: commitment, Issuer: p.receipt.Issuer(), Key: f.key, Org: org.text, At: l.clock()}
	records := &receiptRecords{index: l.index, search: l.searching(), logged: search.Logged{At: e.At, Commitment: commitment}, receipt: p.receipt, org: org.handle, sealed: sealed, reserve: l.reserve}
	return l.keeper.Promise(e.Org, e.At, func() time.Time { return rules.EventDate(p.receipt) }, func(retain string) error {
		e.Retain = retain
		f.entry, records.promise = e.Marshal(), rules.PromiseOf(e)
		records.word = l.hooks.Of(p.receipt, e.At)
		records.taken = records.Size() + len(f.entry)
		if err := l.reserve.Take(records.taken); err != nil {
			return ErrFull
		}
		p.fresh, p.records = f, records
		p.future = l.add(f.entry, records)
		return nil
	})
}

// add hands an entry and its rows to the sequencer. It does not block.
func (l *Log) add(data []byte, records driver.Records) tessera.IndexFuture {
	// The context of whoever submits must not undo what others may share.
	return l.appender.Add(driver.WithRecords(context.Background(), records), tessera.NewEntry(data))
}

// Index waits until the receipt is durable in the log and returns its leaf
// index (I1). That is a matter of one synced batch.
//
// Errors: ErrOverloaded, ErrClosed, ErrFailed.
func (p *Pending) Index() (uint64, error) {
	if p.future == nil {
		return p.logged, nil
	}
	i, err := p.future()
	if err != nil {
		p.records.settle()
		return 0, p.log.appendError(err)
	}
	p.dup = i.IsDup
	return i.Index, nil
}

// Bundle waits until the receipt is under a published checkpoint and returns
// its bundle, which our own verifier has passed (I10).
//
// Errors: those of [Pending.Index], and that of ctx, with which the receipt is
// durable all the same.
func (p *Pending) Bundle(ctx context.Context) (*bundle.Bundle, error) {
	at, err := p.Index()
	if err != nil {
		return nil, err
	}
	waitCtx, wait := step.Start(ctx, "await publication")
	published, err := p.log.published.await(waitCtx, at)
	if err == nil {
		wait.Link(published.made)
	}
	wait.End(err)
	if err != nil {
		return nil, err
	}
	ctx, prove := step.Start(ctx, "prove")
	b, err := p.proven(ctx, published, at)
	prove.End(err)
	return b, err
}

// proven makes the bundle under a checkpoint.
func (p *Pending) proven(ctx context.Context, under *Published, at uint64) (*bundle.Bundle, error) {
	if p.dup {
		return p.log.recall(ctx, under, at)
	}
	return p.log.prove(ctx, under, at, p.receipt, p.fresh)
}
