package verify

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// Verifier verifies many bundles under the same options. It makes every check
// that [Bundle] makes and comes to the same verdicts, but what bundles share is
// checked once: the signatures on a checkpoint, an issuer's document and its place
// in the log. What it remembers is held byte by byte against what a bundle brings.
// It may be used concurrently.
type Verifier struct {
	options Options
	// known is nil where nothing is to be remembered.
	known *known
}

// known is what a Verifier remembers.
type known struct {
	last    atomic.Pointer[judged] // the checkpoint that was asked for last: mostly the next bundle has the same
	notes   sync.Map               // checkpoints, as text, to *judged
	issuers sync.Map               // DIDs to *vouched, the newest evidence of each
	kept    atomic.Int64           // how many are in notes
	vouched atomic.Int64           // and in issuers
}

const (
	// maxNotes and maxNoteBytes bound the checkpoints that are remembered, to 64 MB:
	// bundles that were fetched together share one, and one with the signatures of
	// a dozen witnesses has 48 KB at most. Others are verified each time.
	maxNotes     = 1024
	maxNoteBytes = 64 << 10
	// maxIssuers bounds the issuers, to 64 MB of documents of the greatest size.
	maxIssuers = 512
)

// judged is a checkpoint, and what the policy says of it.
type judged struct {
	signed   string
	verified *policy.Verified
	err      error
}

// vouched is an issuer's document. Of a did:key nothing but that is set.
type vouched struct {
	doc      *did.Document
	evidence *bundle.IssuerEvidence // a copy
	archive  *archive
	under    checkpoint.Checkpoint // the tree that the evidence is in
	detail   string
}

// NewVerifier returns a Verifier.
func NewVerifier(o Options) *Verifier { return &Verifier{options: o, known: new(known)} }

// Parts are the parts of a bundle as a Verifier read them on its way. Of a bundle
// that verified all are set.
type Parts struct {
	Receipt    *receipt.Receipt
	Entry      *entry.Receipt
	Leaf       [32]byte // the hash of the entry
	Checkpoint checkpoint.Checkpoint
}

// Bundle verifies a bundle as the function [Bundle] does, and returns its parts.
// read is its receipt where the caller has parsed it already, else nil.
func (x *Verifier) Bundle(b *bundle.Bundle, read *receipt.Receipt) (*verdict.Verdict, Parts) {
	v, o := verdict.New(), x.options
	parts := Parts{Leaf: proof.LeafHash(b.Entry)}
	parts.Receipt = checkReceipt(v, b.Receipt, read)
	parts.Entry = checkOpening(v, b)
	verified := x.checkTree(v, b, parts.Leaf)
	if verified != nil {
		parts.Checkpoint = verified.Checkpoint
	}
	doc := x.checkIssuer(v, b, parts.Entry, verified)
	checkSigner(v, parts.Receipt, doc, parts.Entry, "there is no document of the issuer's to find the key in")
	checkKey(v, b, parts.Entry, verified, o)
	checkContent(v, parts.Receipt, o)
	checkErasure(v, b, parts.Entry, o)
	required := []string{CheckReceipt, CheckOpening, CheckInclusion, CheckCheckpoint, CheckIssuer, CheckSignature}
	if o.Policy == nil || o.Policy.RequiresWitnesses() {
		required = append(required, CheckQuorum)
	}
	v.Conclude(required...)
	return v, parts
}

// checkpoint is [policy.Policy.Verify].
func (x *Verifier) checkpoint(signed []byte) (*policy.Verified, error) {
	if x.known == nil || len(signed) > maxNoteBytes {
		return x.options.Policy.Verify(signed)
	}
	if last := x.known.last.Load(); last != nil && last.signed == string(signed) {
		return last.verified, last.err
	}
	text := string(signed)
	j, ok := x.known.notes.Load(text)
	if !ok {
		verified, err := x.options.Policy.Verify(signed)
		j = &judged{text, verified, err}
		if x.known.kept.Add(1) <= maxNotes {
			x.known.notes.Store(text, j)
		}
	}
	x.known.last.Store(j.(*judged))
	return j.(*judged).verified, j.(*judged).err
}

// keyDocument is [did.KeyDocument].
func (x *Verifier) keyDocument(name string) (*did.Document, error) {
	if have := x.vouched(name); have != nil {
		return have.doc, nil
	}
	doc, err := did.KeyDocument(name)
	if err == nil {
		x.remember(name, &vouched{doc: doc})
	}
	return doc, err
}

// issuer reads the evidence that a bundle has of its issuer's document, and holds
// it against the receipt's place and the tree, if there is one.
func (x *Verifier) issuer(b *bundle.Bundle, name string, verified *policy.Verified) (*vouched, error) {
	evidence := b.Issuer
	if have := x.vouched(name); have.proves(evidence, verified) {
		return have, before(have.archive, b)
	}
	a, err := archived(evidence, name)
	if err == nil {
		err = before(a, b)
	}
	if err != nil {
		return nil, err
	}
	fresh := &vouched{doc: a.doc, archive: a}
	if verified == nil {
		return fresh, nil
	}
	if err := included(evidence, verified); err != nil {
		return nil, err
	}
	fresh.evidence = &bundle.IssuerEvidence{Entry: bytes.Clone(evidence.Entry), Index: evidence.Index, Hashes: slices.Clone(evidence.Hashes)}
	fresh.under = verified.Checkpoint
	fresh.detail = fmt.Sprintf("the log archived the DID document of %s as entry %d at %s, before this receipt", name, a.index, entry.FormatTime(a.logged.At))
	x.remember(name, fresh)
	return fresh, nil
}

// proves reports whether it was found before that this evidence is in that tree.
func (v *vouched) proves(evidence *bundle.IssuerEvidence, verified *policy.Verified) bool {
	if v == nil || v.evidence == nil || verified == nil {
		return false
	}
	a, cp := v.evidence, verified.Checkpoint
	return v.under.Size == cp.Size && v.under.Root == cp.Root &&
		a.Index == evidence.Index && bytes.Equal(a.Entry, evidence.Entry) && slices.Equal(a.Hashes, evidence.Hashes)
}

// vouched returns what is remembered of an issuer, or nil.
func (x *Verifier) vouched(name string) *vouched {
	if x.known == nil {
		return nil
	}
	if have, ok := x.known.issuers.Load(name); ok {
		return have.(*vouched)
	}
	return nil
}

// remember keeps the newest of an issuer, unless there are too many.
func (x *Verifier) remember(name string, v *vouched) {
	if x.known == nil {
		return
	}
	if _, ok := x.known.issuers.Load(name); ok || x.known.vouched.Add(1) <= maxIssuers {
		x.known.issuers.Store(name, v)
	}
}
