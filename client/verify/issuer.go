package verify

import (
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

// archive is an issuer's DID document as the log archived it.
type archive struct {
	index  uint64
	logged *entry.Issuer
	doc    *did.Document
}

// checkIssuer establishes the DID document to verify the signature with, and
// that the log held it before it held the receipt.
func (x *Verifier) checkIssuer(v *verdict.Verdict, b *bundle.Bundle, e *entry.Receipt, verified *policy.Verified) *did.Document {
	if e == nil {
		v.Skip(CheckIssuer, "there is no entry that names an issuer")
		return nil
	}
	if did.IsKey(e.Issuer) {
		doc, err := x.keyDocument(e.Issuer)
		if err != nil {
			v.Fail(CheckIssuer, err)
			return nil
		}
		v.Pass(CheckIssuer, e.Issuer+" is its own key")
		return doc
	}
	if b.Issuer == nil {
		return borrow(v, b, e, verified, x.options)
	}
	issuer, err := x.issuer(b, e.Issuer, verified)
	if err != nil {
		v.Fail(CheckIssuer, err)
		return nil
	}
	if verified == nil {
		v.Skip(CheckIssuer, "the bundle has a DID document of "+e.Issuer+", but whether the log holds it was not checked")
	} else {
		v.Pass(CheckIssuer, issuer.detail)
	}
	return issuer.doc
}

// borrow takes the evidence of other bundles of the same issuer, for a receipt
// that comes with a .tlog-proof, which has none.
func borrow(v *verdict.Verdict, b *bundle.Bundle, e *entry.Receipt, verified *policy.Verified, o Options) *did.Document {
	if len(o.Issuers) == 0 || verified == nil {
		v.Skip(CheckIssuer, "there is no evidence of the issuer's keys at the time of the receipt")
		return nil
	}
	var latest *archive
	for _, other := range o.Issuers {
		a, err := lent(other, e.Issuer, verified, o)
		if err != nil {
			v.Fail(CheckIssuer, err)
			return nil
		}
		if a.index < b.Index && (latest == nil || latest.index < a.index) {
			latest = a
		}
	}
	if latest == nil {
		v.Skip(CheckIssuer, "the evidence at hand is of documents that were logged after this receipt, and a key published after the fact verifies nothing")
		return nil
	}
	v.Pass(CheckIssuer, fmt.Sprintf("the log archived the DID document of %s as entry %d at %s, before this receipt, as another bundle shows", e.Issuer, latest.index, entry.FormatTime(latest.logged.At)))
	return latest.doc
}

// checkKey says whether the key that signed still stands in the issuer's later
// documents, where there is evidence of them. A key that was removed verifies
// what was logged before: so it takes nothing away from a receipt.
func checkKey(v *verdict.Verdict, b *bundle.Bundle, e *entry.Receipt, verified *policy.Verified, o Options) {
	if len(o.Issuers) == 0 || e == nil || verified == nil || did.IsKey(e.Issuer) {
		return
	}
	var latest, without *archive
	for _, other := range o.Issuers {
		a, err := lent(other, e.Issuer, verified, o)
		if err != nil {
			v.Fail(CheckKey, err)
			return
		}
		if a.index < b.Index {
			continue
		}
		if latest == nil || a.index > latest.index {
			latest = a
		}
		if !has(a.doc, e.Key) && (without == nil || a.index < without.index) {
			without = a
		}
	}
	switch {
	case latest == nil:
		v.Skip(CheckKey, "the evidence at hand is not of documents that were logged after this receipt")
	case without != nil:
		v.Pass(CheckKey, fmt.Sprintf("the key was removed from the issuer's document as of entry %d of %s; it verifies what was logged before, as this receipt", without.index, entry.FormatTime(without.logged.At)))
	default:
		v.Pass(CheckKey, fmt.Sprintf("the key stands in the issuer's document of entry %d of %s too", latest.index, entry.FormatTime(latest.logged.At)))
	}
}

func has(doc *did.Document, multikey string) bool {
	for _, key := range doc.AssertionKeys() {
		if did.EncodeKey(key) == multikey {
			return true
		}
	}
	return false
}

// lent verifies the issuer evidence of another bundle, which has to be of the same
// issuer and the same log, under a checkpoint with its quorum.
func lent(other *bundle.Bundle, issuer string, verified *policy.Verified, o Options) (*archive, error) {
	if other.Issuer == nil {
		return nil, verdict.Errorf(verdict.EntryMismatch, "issuer", "the other bundle has no evidence of an issuer's keys")
	}
	a, err := archived(other.Issuer, issuer)
	if err != nil {
		return nil, err
	}
	cosigned, err := o.Policy.Verify(other.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("issuer evidence: %w", err)
	}
	if cosigned.Checkpoint.Origin != verified.Checkpoint.Origin {
		return nil, verdict.Errorf(verdict.EntryMismatch, "issuer", "the evidence is of the log %s, the receipt is in %s", cosigned.Checkpoint.Origin, verified.Checkpoint.Origin)
	}
	return a, included(other.Issuer, cosigned)
}

// archived reads issuer evidence, which has to be of that issuer.
func archived(evidence *bundle.IssuerEvidence, issuer string) (*archive, error) {
	parsed, err := entry.Parse(evidence.Entry)
	if err != nil {
		return nil, fmt.Errorf("issuer evidence: %w", err)
	}
	logged, ok := parsed.(entry.Issuer)
	if !ok || logged.DID != issuer {
		return nil, verdict.Errorf(verdict.EntryMismatch, "issuer.entry", "is no issuer entry of %s", issuer)
	}
	doc, err := did.ParseDocument(logged.Document)
	if err != nil {
		return nil, fmt.Errorf("issuer evidence: %w", err)
	}
	return &archive{evidence.Index, &logged, doc}, nil
}

// before holds that a document was logged before the receipt: a key that was
// published after the fact verifies nothing.
func before(a *archive, b *bundle.Bundle) error {
	if a.index >= b.Index {
		return verdict.Errorf(verdict.EntryMismatch, "issuer.index", "the DID document was logged as entry %d, after the receipt's entry %d", a.index, b.Index)
	}
	return nil
}

// included holds that the evidence is in the tree of a verified checkpoint.
func included(evidence *bundle.IssuerEvidence, verified *policy.Verified) error {
	cp := verified.Checkpoint
	if err := proof.VerifyInclusion(proof.LeafHash(evidence.Entry), evidence.Index, cp.Size, evidence.Hashes, cp.Root); err != nil {
		return fmt.Errorf("issuer evidence: %w", err)
	}
	return nil
}
