// Package verify decides whether a receipt is what it claims to be: signed by
// its issuer, committed to by a log, under a checkpoint that a quorum of
// witnesses saw. It is the lowest layer of receiptlog that knows all of this,
// and it is pure: no network, no file system, no clock of its own. It compiles
// to WebAssembly. The log runs it on its own answers before it gives them.
//
// What has to be trusted is in [Options] and nowhere else: a policy that names
// log and witness keys. A bundle brings the issuer's key as the log archived
// it, so neither the issuer's web site nor the operator is asked.
//
// Each function returns a verdict and never an error: bad input is a failed
// check with its code. What could not be checked for lack of evidence is said
// to be not checked. All functions may be called concurrently.
package verify

import (
	"bytes"
	"strconv"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// The names of the checks, in the order in which they are made.
const (
	CheckReceipt       = "receipt"       // well-formed, and every field as the schema wants it
	CheckOpening       = "opening"       // entry and salt open to this very receipt
	CheckInclusion     = "inclusion"     // the entry is in the tree of the checkpoint
	CheckCheckpoint    = "checkpoint"    // the checkpoint is signed by a log of the policy
	CheckQuorum        = "quorum"        // the policy's witnesses cosigned it
	CheckIssuer        = "issuer"        // the issuer's document was logged before the receipt
	CheckSignature     = "signature"     // the issuer's key signed the receipt
	CheckKey           = "key"           // whether the key was removed since, given evidence
	CheckExpiry        = "expiry"        // the proof had not expired when it was made
	CheckOthers        = "other_proofs"  // proofs by others than the issuer
	CheckConfiguration = "configuration" // the configuration matches its hash
	CheckDiffURL       = "diff_url"      // the diff's URL is of the repository and commit named
	CheckDiff          = "diff"          // the diff at hand is the one that was approved
	CheckSignatures    = "signatures"    // signatures on the checkpoint by keys the policy does not name
	CheckErasure       = "erasure"       // whether the log has erased its copy since
)

// Options says whom to trust and what else to compare with.
type Options struct {
	// Policy names the logs and witnesses to trust and the quorum. Without
	// one nothing about the log can be checked.
	Policy *policy.Policy
	// Document is the issuer's DID document for a receipt that comes without
	// a bundle. A bundle's own evidence takes precedence. did:key needs none.
	Document *did.Document
	// Issuers are bundles of other receipts of the same issuer in the same log,
	// whose evidence of its documents counts too: an earlier one for a receipt
	// that has none of its own, later ones to say whether the key was removed
	// since.
	Issuers []*bundle.Bundle
	// Diff is the SHA-256 of the diff at hand, where there is one.
	Diff *[32]byte
	// Erasure is evidence, where there is some, that the log has erased its own
	// copy of the receipt since.
	Erasure *bundle.Erasure
}

// Bundle verifies a bundle against a policy. It is verified only if the
// receipt, its signature, its place in the log and the quorum all hold. Whoever has
// many takes a [Verifier].
func Bundle(b *bundle.Bundle, o Options) *verdict.Verdict {
	v, _ := (&Verifier{options: o}).Bundle(b, nil)
	return v
}

// Receipt verifies a signed receipt by itself, in any JSON form. It is verified
// if the issuer's key signed it; whether any log holds it is not checked.
func Receipt(data []byte, o Options) *verdict.Verdict {
	v := verdict.New()
	r := checkReceipt(v, data, nil)
	var doc *did.Document
	if r != nil {
		var err error
		if doc, err = documentFor(r, o.Document); err != nil {
			v.Fail(CheckIssuer, err)
		} else if doc == nil {
			v.Skip(CheckIssuer, "no DID document of "+r.Issuer()+" at hand")
		} else {
			v.Pass(CheckIssuer, "the DID document of "+r.Issuer()+" is at hand; since when it has been valid was not checked")
		}
	}
	checkSigner(v, r, doc, nil, "there is no DID document to find the key in")
	checkContent(v, r, o)
	for _, name := range []string{CheckInclusion, CheckCheckpoint, CheckQuorum} {
		v.Skip(name, "no bundle was given, so whether a log holds this receipt is unknown")
	}
	v.Conclude(CheckReceipt, CheckSignature)
	return v
}

// checkReceipt reads a receipt, unless it was read already.
func checkReceipt(v *verdict.Verdict, data []byte, r *receipt.Receipt) *receipt.Receipt {
	if r == nil || !bytes.Equal(r.Canonical(), data) {
		var err error
		if r, err = receipt.Parse(data); err != nil {
			v.Fail(CheckReceipt, err)
			return nil
		}
	}
	v.Pass(CheckReceipt, "well-formed receipt for run "+r.RunID()+", issued by "+r.Issuer())
	return r
}

// documentFor returns the document that holds the issuer's keys: for did:key
// the one that the DID itself spells out, else the one at hand, else nil.
func documentFor(r *receipt.Receipt, at *did.Document) (*did.Document, error) {
	if did.IsKey(r.Issuer()) {
		return did.KeyDocument(r.Issuer())
	}
	return at, nil
}

// Opened holds that an entry and its salt commit to a receipt in canonical
// form, and returns the entry. Its codes are malformed and
// commitment_mismatch; with the latter it still returns an entry that is of
// kind receipt, so that what the entry says can be looked at.
func Opened(entryBytes []byte, salt [entry.SaltSize]byte, canonical []byte) (*entry.Receipt, error) {
	parsed, err := entry.Parse(entryBytes)
	if err != nil {
		return nil, err
	}
	e, ok := parsed.(entry.Receipt)
	if !ok {
		return nil, verdict.Errorf(verdict.CommitmentMismatch, "entry", "is of kind %q and commits to no receipt", parsed.Kind())
	}
	if entry.Commit(salt, canonical) != e.Commitment {
		return &e, verdict.Errorf(verdict.CommitmentMismatch, "entry.commitment", "entry and salt commit to another receipt than this one")
	}
	return &e, nil
}

func checkOpening(v *verdict.Verdict, b *bundle.Bundle) *entry.Receipt {
	e, err := Opened(b.Entry, b.Salt, b.Receipt)
	if err != nil {
		v.Fail(CheckOpening, err)
		return e
	}
	v.Pass(CheckOpening, "the log's entry commits to exactly this receipt, logged at "+entry.FormatTime(e.At)+" by the log's clock")
	return e
}

// checkTree checks that the entry, whose hash is leaf, is under a checkpoint that
// the policy accepts. It returns what the policy verified, or nil.
func (x *Verifier) checkTree(v *verdict.Verdict, b *bundle.Bundle, leaf [32]byte) *policy.Verified {
	p := x.options.Policy
	if p == nil {
		for _, name := range []string{CheckInclusion, CheckCheckpoint, CheckQuorum} {
			v.Skip(name, "no policy was given, so there is no log key to trust")
		}
		return nil
	}
	verified, err := x.checkpoint(b.Checkpoint)
	code := verdict.CodeOf(err)
	if err != nil && code != verdict.QuorumNotMet {
		v.Skip(CheckInclusion, "there is no checkpoint to trust")
		v.Fail(CheckCheckpoint, err)
		v.Skip(CheckQuorum, "there is no checkpoint to trust")
		return nil
	}
	cp := verified.Checkpoint
	if e := proof.VerifyInclusion(leaf, b.Index, cp.Size, b.Hashes, cp.Root); e != nil {
		v.Fail(CheckInclusion, e)
	} else {
		v.Pass(CheckInclusion, "entry "+strconv.FormatUint(b.Index, 10)+" is in the tree of "+strconv.FormatUint(cp.Size, 10)+" entries")
	}
	v.Pass(CheckCheckpoint, "signed by the log "+cp.Origin+" with "+counted(len(verified.LogKeys), "key"))
	if verified.Ignored > 0 {
		// SPEC signed-note: unknown signatures are ignored. They are not hidden.
		v.Skip(CheckSignatures, counted(verified.Ignored, "signature")+" on the checkpoint by keys that the policy does not name")
	}
	switch {
	case err != nil:
		v.Fail(CheckQuorum, err)
	case !p.RequiresWitnesses():
		v.Skip(CheckQuorum, "the policy asks for no witnesses, so the log could have shown others a different tree")
	default:
		v.Pass(CheckQuorum, quorumDetail(verified))
	}
	return verified
}
