package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/mr-tron/base58"
)

// SignOptions says how [Sign] signs.
type SignOptions struct {
	// VerificationMethod is the DID URL by which verifiers find the public
	// key, as in did:web:armalo.ai#key-1.
	VerificationMethod string
	// Created is put into the proof, in UTC and whole seconds; the zero time
	// leaves it out.
	Created time.Time
	// Add makes the proof one more of a set, next to those that the receipt
	// has, and may be somebody else's than the issuer's. Without it the
	// receipt must have no proof yet and the key must be the issuer's.
	Add bool
}

// proofConfig is a proof as it is made, without proofValue until signed.
type proofConfig struct {
	Context            jsontext.Value `json:"@context"`
	Created            string         `json:"created,omitzero"`
	Cryptosuite        string         `json:"cryptosuite"`
	ProofPurpose       string         `json:"proofPurpose"`
	ProofValue         string         `json:"proofValue,omitzero"`
	Type               string         `json:"type"`
	VerificationMethod string         `json:"verificationMethod"`
}

// Sign checks a credential as [Parse] does, signs it, and returns the receipt
// in canonical form. It does not check that the key is the one that
// opts.VerificationMethod stands for: it has no DID document.
//
// The codes of the errors are those of Parse.
func Sign(credential []byte, key ed25519.PrivateKey, opts SignOptions) ([]byte, error) {
	r, err := Parse(credential)
	if err != nil {
		return nil, err
	}
	if err := opts.check(r, key); err != nil {
		return nil, fmt.Errorf("sign receipt: %w", err)
	}
	// SPEC vc-di-eddsa 3.3.1, 2: the proof carries the document's @context.
	config := proofConfig{
		Context:            jsontext.Value(r.text[r.parsed.context.from:r.parsed.context.to]),
		Cryptosuite:        cryptosuite,
		ProofPurpose:       proofPurpose,
		Type:               proofType,
		VerificationMethod: opts.VerificationMethod,
	}
	if !opts.Created.IsZero() {
		config.Created = opts.Created.UTC().Format("2006-01-02T15:04:05Z")
	}
	canonical, err := canonicalProof(config)
	if err != nil {
		return nil, fmt.Errorf("sign receipt: %w", err)
	}
	proofHash := sha256.Sum256(canonical)
	documentHash := r.hashWithout(r.whole(), r.parsed.proof)
	signature := ed25519.Sign(key, append(proofHash[:], documentHash[:]...))
	config.ProofValue = "z" + base58.Encode(signature)
	return r.withProof(config)
}

func (o *SignOptions) check(r *Receipt, key ed25519.PrivateKey) error {
	if len(key) != ed25519.PrivateKeySize {
		return errors.New("an Ed25519 private key has 64 bytes")
	}
	signer, _, err := did.SplitURL(o.VerificationMethod)
	if err != nil {
		return fmt.Errorf("verification method: %w", err)
	}
	if o.Add {
		return nil
	}
	if len(r.parsed.proofs) > 0 {
		return verdict.Errorf(verdict.SchemaInvalid, "proof", "the receipt is signed already")
	}
	if signer != r.Issuer() {
		return verdict.Errorf(verdict.SchemaInvalid, "issuer", "is %s, but the key is of %s", r.Issuer(), signer)
	}
	return nil
}

func canonicalProof(config proofConfig) ([]byte, error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return jcs.Canonicalize(data, MaxBytes)
}

// withProof returns the canonical receipt with one proof more. It goes through
// Parse once more, since the proof may have carried it over a bound.
func (r *Receipt) withProof(config proofConfig) ([]byte, error) {
	added, err := canonicalProof(config)
	if err != nil {
		return nil, err
	}
	proofs := added
	if len(r.parsed.proofs) > 0 {
		proofs = []byte{'['}
		for _, p := range r.parsed.proofs {
			proofs = append(append(proofs, r.text[p.where.from:p.where.to]...), ',')
		}
		proofs = append(append(proofs, added...), ']')
	}
	head, tail := without(r.text, r.whole(), r.parsed.proof)
	// The receipt is cut before its closing brace; it has other members.
	out := []byte(r.text[head.from:head.to] + r.text[tail.from:tail.to])
	out = append(out[:len(out)-1], `,"proof":`...)
	out = append(append(out, proofs...), '}')
	signed, err := Parse(out)
	if err != nil {
		return nil, err
	}
	return signed.Canonical(), nil
}
