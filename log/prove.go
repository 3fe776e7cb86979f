package log

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// archived is an issuer's document with its proof under one checkpoint, which
// has passed the verifier.
type archived struct {
	evidence *bundle.IssuerEvidence
	document *did.Document
}

// prove makes the bundle of a receipt whose signature was verified in this
// process.
func (l *Log) prove(ctx context.Context, p *Published, index uint64, r *receipt.Receipt, f *fresh) (*bundle.Bundle, error) {
	b := &bundle.Bundle{Receipt: r.Canonical(), Entry: f.entry, Salt: f.salt, Index: index, Checkpoint: p.Signed}
	var err error
	if b.Hashes, err = p.prover.Inclusion(ctx, index); err != nil {
		return nil, err
	}
	if f.issuer.needed {
		at, err := l.archivedAt(ctx, p, f.issuer.index)
		if err != nil {
			return nil, err
		}
		b.Issuer = at.evidence
	}
	if err := selfCheck(p, b, r, f.key); err != nil {
		// What was appended a moment ago does not hold: memory or disk lies.
		l.fail(fmt.Errorf("verify our own bundle of entry %d: %w", index, err))
		return nil, ErrFailed
	}
	return b, nil
}

// recall makes the bundle of a receipt from what is stored.
func (l *Log) recall(ctx context.Context, p *Published, index uint64) (*bundle.Bundle, error) {
	stored, err := l.load(ctx, index)
	if err != nil {
		return nil, err
	}
	return l.reprove(ctx, p, stored)
}

// reprove makes the bundle of a stored receipt.
func (l *Log) reprove(ctx context.Context, p *Published, stored *Stored) (*bundle.Bundle, error) {
	index := stored.Index
	var err error
	b := &bundle.Bundle{Receipt: stored.Receipt.Canonical(), Entry: stored.entry, Salt: stored.salt, Index: index, Checkpoint: p.Signed}
	if b.Hashes, err = p.prover.Inclusion(ctx, index); err != nil {
		return nil, err
	}
	doc, evidence, err := l.documentFor(ctx, p, stored.Receipt.Issuer(), index)
	if err != nil {
		return nil, err
	}
	b.Issuer = evidence
	signer, err := stored.Receipt.Verify(doc)
	if err == nil {
		err = selfCheck(p, b, stored.Receipt, did.EncodeKey(signer.Key))
	}
	if err != nil {
		l.logger.Error("stored receipt does not verify", "index", index, "error", err)
		return nil, fmt.Errorf("verify our own bundle of entry %d: %v", index, err)
	}
	return b, nil
}

// selfCheck passes a bundle through the verifier (I10), save for what has
// passed it already: the checkpoint's signatures when it was published, the
// issuer's evidence when it was first shown under this checkpoint, and the
// receipt's signature, which the caller found to be by key.
func selfCheck(p *Published, b *bundle.Bundle, r *receipt.Receipt, key string) error {
	e, err := verify.Opened(b.Entry, b.Salt, b.Receipt)
	if err != nil {
		return err
	}
	if e.Issuer != r.Issuer() || e.Key != key {
		return verdict.Errorf(verdict.EntryMismatch, "entry", "names another issuer or key than the receipt")
	}
	if b.Issuer != nil && b.Issuer.Index >= b.Index {
		return verdict.Errorf(verdict.EntryMismatch, "issuer.index", "the document was logged after the receipt")
	}
	return proof.VerifyInclusion(proof.LeafHash(b.Entry), b.Index, p.Size(), b.Hashes, p.Root())
}

// documentFor returns the issuer's document as it stood in the log below index,
// with the evidence for it, which did:key does not need.
func (l *Log) documentFor(ctx context.Context, p *Published, issuer string, index uint64) (*did.Document, *bundle.IssuerEvidence, error) {
	if did.IsKey(issuer) {
		doc, err := did.KeyDocument(issuer)
		return doc, nil, err
	}
	docs, err := l.index.Issuer(issuer)
	if err != nil {
		return nil, nil, err
	}
	for i := len(docs) - 1; i >= 0; i-- {
		if docs[i].Leaf < index {
			at, err := l.archivedAt(ctx, p, docs[i].Leaf)
			if err != nil {
				return nil, nil, err
			}
			return at.document, at.evidence, nil
		}
	}
	return nil, nil, fmt.Errorf("no document of %s stands in the log before entry %d", issuer, index)
}

// archivedAt returns the document that stands at an index, with its proof. It
// is made and verified once for each checkpoint.
func (l *Log) archivedAt(ctx context.Context, p *Published, index uint64) (*archived, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.archived[index]; at != nil {
		return at, nil
	}
	data, err := l.entry(ctx, index)
	if err != nil {
		return nil, err
	}
	parsed, err := entry.Parse(data)
	if err != nil {
		return nil, err
	}
	logged, ok := parsed.(entry.Issuer)
	if !ok {
		return nil, fmt.Errorf("entry %d is of kind %s, not an issuer's document", index, parsed.Kind())
	}
	doc, err := did.ParseDocument(logged.Document)
	if err != nil {
		return nil, err
	}
	hashes, err := p.prover.Inclusion(ctx, index)
	if err != nil {
		return nil, err
	}
	if err := proof.VerifyInclusion(proof.LeafHash(data), index, p.Size(), hashes, p.Root()); err != nil {
		return nil, err
	}
	at := &archived{&bundle.IssuerEvidence{Entry: data, Index: index, Hashes: hashes}, doc}
	p.archived[index] = at
	return at, nil
}
