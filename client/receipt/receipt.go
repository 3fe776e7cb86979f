package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/verdict"
)

// MaxBytes bounds a receipt, as submitted and in canonical form. A receipt of
// a usual change has about 3 KB.
const MaxBytes = 1 << 20

// Receipt is a parsed receipt. It never changes and is safe for concurrent
// use. There is no way to have one that [Parse] did not accept.
type Receipt struct {
	parsed    parsed
	canonical []byte
	text      string // the same; the credential's strings are parts of it

	once sync.Once
	hash [sha256.Size]byte
}

// parsed is what one walk over the canonical text finds.
type parsed struct {
	credential Credential
	context    span // the value of @context
	proof      span // the member proof, zero where there is none
	proofs     []proof
}

// Parse reads a receipt, signed or not, in any JSON form. It checks every
// field and verifies no signature. data is not kept.
//
// Codes: too_large, malformed (not strict JSON), schema_invalid (the path of
// the error names the field).
func Parse(data []byte) (*Receipt, error) {
	canonical, err := jcs.Canonicalize(data, MaxBytes)
	if err != nil {
		return nil, err
	}
	if len(canonical) > MaxBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "has %d bytes in canonical form, and at most %d are accepted", len(canonical), MaxBytes)
	}
	r := &Receipt{canonical: canonical, text: string(canonical)}
	c := cursor{text: r.text, path: make([]step, 0, 8)}
	object(&c, &r.parsed, receiptFields)
	if c.err != nil {
		return nil, c.err
	}
	return r, nil
}

// Canonical returns the receipt in RFC 8785 form, proofs included. Callers
// must not modify it.
func (r *Receipt) Canonical() []byte { return r.canonical }

// Hash returns the SHA-256 of [Receipt.Canonical], which is the identity of
// the receipt.
func (r *Receipt) Hash() [sha256.Size]byte {
	r.once.Do(func() { r.hash = sha256.Sum256(r.canonical) })
	return r.hash
}

// Credential returns the typed view. Callers must not modify it.
func (r *Receipt) Credential() *Credential { return &r.parsed.credential }

// Issuer returns the DID of the issuer.
func (r *Receipt) Issuer() string { return r.parsed.credential.Issuer }

// RunID returns credentialSubject.build.runId.
func (r *Receipt) RunID() string { return r.build().RunID }

// Org returns credentialSubject.build.org.
func (r *Receipt) Org() string { return r.build().Org }

func (r *Receipt) build() *Build { return &r.parsed.credential.CredentialSubject.Build }

// Publishable reports whether the receipt may be shown to anyone: the gate
// receipt.publish allows it at least once and denies it never.
func (r *Receipt) Publishable() bool {
	allowed := false
	for _, gate := range r.build().PolicyGates {
		if gate.ID != GatePublish {
			continue
		}
		if gate.Decision != Allow {
			return false
		}
		allowed = true
	}
	return allowed
}

// ConfigurationHash returns the SHA-256, in hex, that the receipt states for
// its configuration, and that of the configuration as it is listed: the
// canonical JSON of the object without its sha256 member, members unknown to
// us included. ok is false where the receipt has no configuration.
func (r *Receipt) ConfigurationHash() (declared, computed string, ok bool) {
	if r.build().Configuration == nil {
		return "", "", false
	}
	at := r.whole()
	for _, name := range []string{"credentialSubject", "build", "configuration"} {
		_, at = find(r.text, at, name)
	}
	hash, _ := find(r.text, at, "sha256")
	sum := r.hashWithout(at, hash)
	return r.build().Configuration.SHA256, hex.EncodeToString(sum[:]), true
}

// whole is where the receipt is in its text: from end to end.
func (r *Receipt) whole() span { return span{0, len(r.text)} }

// hashWithout returns the SHA-256 of a part of the canonical text, an object,
// with one member cut out.
func (r *Receipt) hashWithout(object, member span) (sum [sha256.Size]byte) {
	head, tail := without(r.text, object, member)
	h := sha256.New()
	h.Write(r.canonical[head.from:head.to])
	h.Write(r.canonical[tail.from:tail.to])
	h.Sum(sum[:0])
	return sum
}
