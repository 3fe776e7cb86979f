package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/mr-tron/base58"
)

// What a proof that counts says of itself.
const (
	proofType    = "DataIntegrityProof"
	cryptosuite  = "eddsa-jcs-2022"
	proofPurpose = "assertionMethod"
)

// maxProofValue is the length in characters of "z" and the base58 of 64 bytes
// where none of them is saved by a leading zero.
const maxProofValue = 1 + 88

// Signer is who signed a receipt.
type Signer struct {
	// Method is the DID URL of the key, as in did:web:armalo.ai#key-1.
	Method string
	// Key is the Ed25519 public key behind it.
	Key ed25519.PublicKey
	// Created is when the signer says to have signed, and "" where it does not
	// say. Nothing backs it.
	Created string
	// Expires is the time from which proof or key are no longer good, by their
	// own words; zero is never. Verify knows no time to compare it with: the
	// caller compares it with the time at which the receipt was logged.
	Expires time.Time
	// Unchecked counts the proofs that were not judged: those in the name of
	// others than the issuer, with another purpose or of another cryptosuite.
	Unchecked int
}

// Verify checks that the receipt is signed by its issuer, whose DID document
// is doc. At least one proof must be an eddsa-jcs-2022 assertion in the
// issuer's name, and each that is must verify with a key under assertionMethod.
// The signer returned is that of the first.
//
// Codes: issuer_untrusted where doc is another's, proof_missing,
// key_unknown, key_not_authorized, signature_invalid.
func (r *Receipt) Verify(doc *did.Document) (Signer, error) {
	return r.VerifyWith(ed25519.Verify, doc)
}

// SignatureCheck reports whether signature is one by key over message. Its
// verdicts must be those of [ed25519.Verify]. key is of the right length.
type SignatureCheck func(key ed25519.PublicKey, message, signature []byte) bool

// VerifyWith is [Receipt.Verify] with signatures checked by the caller's own
// means: a server that takes in thousands a second may have faster ones.
func (r *Receipt) VerifyWith(valid SignatureCheck, doc *did.Document) (Signer, error) {
	if doc.DID() != r.Issuer() {
		return Signer{}, verdict.Errorf(verdict.IssuerUntrusted, "issuer", "is %s, and the DID document at hand is of %s", r.Issuer(), doc.DID())
	}
	var signer Signer
	var document [sha256.Size]byte
	for i := range r.parsed.proofs {
		p := &r.parsed.proofs[i]
		if !p.assertsFor(r.Issuer()) {
			signer.Unchecked++
			continue
		}
		if signer.Method == "" && document == [sha256.Size]byte{} {
			document = r.hashWithout(r.whole(), r.parsed.proof)
		}
		key, expires, err := r.check(valid, p, document, doc)
		if err != nil {
			return Signer{}, r.at(i, err)
		}
		if signer.Method == "" {
			signer.Method, signer.Key, signer.Created, signer.Expires = p.Method, key, p.Created, expires
		}
	}
	if signer.Method == "" {
		return Signer{}, verdict.Errorf(verdict.ProofMissing, "proof", "has no %s assertion by %s", cryptosuite, r.Issuer())
	}
	return signer, nil
}

// assertsFor reports whether p is a proof that Verify has to judge.
func (p *proof) assertsFor(issuer string) bool {
	name, isURL := strings.CutPrefix(p.Method, issuer)
	return p.Type == proofType && p.Cryptosuite == cryptosuite && p.Purpose == proofPurpose &&
		isURL && strings.HasPrefix(name, "#")
}

// check verifies one proof. It returns the key that made it, and when proof or
// key end.
func (r *Receipt) check(valid SignatureCheck, p *proof, document [sha256.Size]byte, doc *did.Document) (ed25519.PublicKey, time.Time, error) {
	key, err := doc.AssertionKey(p.Method)
	if err != nil {
		return nil, time.Time{}, err
	}
	// SPEC vc-di-eddsa 3.3.2, 4: the proof's @context is checked against the
	// document's and then signed in its stead. We want the two to be the same.
	if p.context != "" && p.context != r.text[r.parsed.context.from:r.parsed.context.to] {
		return nil, time.Time{}, verdict.Errorf(verdict.SignatureInvalid, "@context", "is not the receipt's @context")
	}
	signature, err := decodeProofValue(p.Value)
	if err != nil {
		return nil, time.Time{}, err
	}
	// SPEC vc-di-eddsa 3.3.4: the proof's hash comes first.
	config := r.hashWithout(p.where, p.value)
	if !valid(key, append(config[:], document[:]...), signature) {
		return nil, time.Time{}, verdict.Errorf(verdict.SignatureInvalid, "proofValue", "is not a signature of this receipt by %s", p.Method)
	}
	expires, err := p.expiry(doc.KeyExpires(p.Method))
	return key, expires, err
}

// expiry returns the earlier end of proof and key. A proof made after it, by
// its own word, is refused here; whether it has come since is for the caller.
func (p *proof) expiry(key time.Time) (time.Time, error) {
	end, _ := parseStamp(p.Expires)
	if end.IsZero() || !key.IsZero() && key.Before(end) {
		end = key
	}
	created, ok := parseStamp(p.Created)
	if ok && !end.IsZero() && created.After(end) {
		return end, verdict.Errorf(verdict.KeyNotAuthorized, "created", "is after the end of the proof or its key, %s", end.Format(time.RFC3339))
	}
	return end, nil
}

// decodeProofValue reads a signature: "z" and the base58 of 64 bytes.
func decodeProofValue(s string) ([]byte, error) {
	// Checked before decoding, whose cost grows with the square of the length.
	if len(s) > maxProofValue || !strings.HasPrefix(s, "z") {
		return nil, verdict.Errorf(verdict.SignatureInvalid, "proofValue", "is not a multibase base58 Ed25519 signature")
	}
	signature, err := base58.Decode(s[1:])
	if err != nil || len(signature) != ed25519.SignatureSize {
		return nil, verdict.Errorf(verdict.SignatureInvalid, "proofValue", "is not a multibase base58 Ed25519 signature")
	}
	return signature, nil
}

// at puts the place of proof i before the path of an error.
func (r *Receipt) at(i int, err error) error {
	path := "proof"
	if r.text[r.parsed.proofs[i].where.from-1] != ':' {
		path += "[" + strconv.Itoa(i) + "]"
	}
	if e, ok := err.(*verdict.Error); ok {
		if e.Path != "" {
			path += "." + e.Path
		}
		return &verdict.Error{Code: e.Code, Path: path, Detail: e.Detail}
	}
	return fmt.Errorf("%s: %w", path, err)
}
