package checkpoint

import (
	"bytes"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// VerifiedSignature is a signature line that its Verifier accepted.
type VerifiedSignature struct {
	Signature
	Verifier *Verifier
	Time     time.Time // when the cosigner says it signed; zero if it does not say
}

// Verify verifies every signature line that names a known key and returns those
// lines in their order in the note. One key may have signed more than once, as
// when a witness cosigned again later.
//
// A line that names no known key is ignored. A line that names a known key and
// does not verify is an error: the whole note is refused, however many other
// signatures are good. An empty result is not an error; that nobody known has
// signed is for the caller to judge.
func (n *Note) Verify(known ...*Verifier) ([]VerifiedSignature, error) {
	var verified []VerifiedSignature
	for _, s := range n.Signatures {
		v, err := lookUp(known, s)
		if err != nil {
			return nil, err
		}
		// SPEC signed-note: verifiers MUST ignore signatures from unknown keys,
		// even if they share a name or ID (but not both) with a known key.
		if v == nil {
			continue
		}
		// SPEC signed-note: if name and ID match a known key, verifiers MUST
		// verify; if that fails, they SHOULD reject the whole note.
		if !v.Verify(n.Text, s.Value) {
			return nil, verdict.Errorf(verdict.CheckpointInvalid, "", "signature by %q with key ID %08x does not verify", s.Name, s.KeyHash)
		}
		verified = append(verified, VerifiedSignature{s, v, v.signatureTime(s.Value)})
	}
	return verified, nil
}

// lookUp returns the known key that s names, or nil. Two different keys of one
// name and ID are an error: no line could be said to be by either.
func lookUp(known []*Verifier, s Signature) (found *Verifier, err error) {
	for _, v := range known {
		if v.hash != s.KeyHash || v.name != s.Name {
			continue
		}
		if found != nil && (found.alg != v.alg || !bytes.Equal(found.public, v.public)) {
			return nil, verdict.Errorf(verdict.CheckpointInvalid, "", "two known keys are named %q with key ID %08x", s.Name, s.KeyHash)
		}
		found = v
	}
	return found, nil
}
