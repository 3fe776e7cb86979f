package checkpoint

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"encoding/binary"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Verifier verifies signatures by one key. It is a [note.Verifier]. It may be
// used concurrently.
type Verifier struct {
	name   string
	hash   uint32
	alg    Algorithm
	public []byte
	mldsa  *mldsa.PublicKey // of type 0x06: public, expanded
}

var _ note.Verifier = (*Verifier)(nil)

// NewVerifier decodes a verifier key of type 0x01, 0x04 or 0x06 in its one
// canonical spelling:
//
//	<name>+hex(key ID)+base64(type || public key)
func NewVerifier(vkey string) (*Verifier, error) {
	name, hash, alg, public, err := decodeKey(vkey)
	if err != nil {
		return nil, err
	}
	v, err := newVerifier(name, alg, public)
	if err != nil {
		return nil, err
	}
	// SPEC signed-note: the key ID is RECOMMENDED to be a hash of the key. For the
	// three types known here, their specifications say that it is that hash.
	if v.hash != hash || v.VKey() != vkey {
		return nil, badKey("verifier key has another key ID than its key, or not in canonical form")
	}
	return v, nil
}

func newVerifier(name string, alg Algorithm, public []byte) (v *Verifier, err error) {
	if !validName(name) || len(name) > MaxOriginBytes {
		return nil, badKey("key name is not 1 to 255 bytes of UTF-8 without spaces, plus and control characters")
	}
	v = &Verifier{name: name, hash: keyID(name, alg, public), alg: alg, public: public}
	switch alg {
	case Ed25519, CosignatureEd25519:
		if len(public) != ed25519.PublicKeySize {
			return nil, badKey("verifier key is not an Ed25519 key of 32 bytes")
		}
	case MLDSA44:
		if v.mldsa, err = mldsa.NewPublicKey(mldsa.MLDSA44(), public); err != nil {
			return nil, badKey("verifier key is not an ML-DSA-44 key of 1312 bytes")
		}
	default:
		return nil, badKey("verifier key has the unknown " + alg.String())
	}
	return v, nil
}

// Name returns the key's name.
func (v *Verifier) Name() string { return v.name }

// KeyHash returns the key ID.
func (v *Verifier) KeyHash() uint32 { return v.hash }

// Algorithm returns the key's signature type.
func (v *Verifier) Algorithm() Algorithm { return v.alg }

// PublicKey returns a copy of the public key, without name and type: two keys
// are the same key if these are the same.
func (v *Verifier) PublicKey() []byte { return slices.Clone(v.public) }

// VKey returns the verifier key that [NewVerifier] decodes.
func (v *Verifier) VKey() string { return encodeKey(v.name, v.hash, v.alg, v.public) }

// Verify reports whether sig, the bytes that follow the key ID in a signature
// line, is this key's signature of body. A cosignature is of a checkpoint or of
// nothing: types 0x04 and 0x06 refuse a body that [ParseExtended] refuses. One of
// type 0x06 does not cover extension lines: it verifies whatever they are.
func (v *Verifier) Verify(body, sig []byte) bool {
	if v.alg == Ed25519 {
		return ed25519.Verify(v.public, body, sig)
	}
	timestamp, sig, ok := cutTimestamp(sig)
	if !ok {
		return false
	}
	c, _, err := ParseExtended(body)
	if err != nil {
		return false
	}
	if v.alg == CosignatureEd25519 {
		return ed25519.Verify(v.public, ed25519Message(timestamp, body), sig)
	}
	return v.verifyMLDSA(subtree{timestamp: timestamp, origin: c.Origin, end: c.Size, hash: c.Root}, sig)
}

// VerifySubtree reports whether s is this key's signature of the subtree
// [start, end) with the given hash of the log named origin. The cosignature of a
// checkpoint is one of the subtree [0, size), timestamp and all. Only ML-DSA-44
// keys sign subtrees.
func (v *Verifier) VerifySubtree(origin string, start, end uint64, hash [32]byte, s Signature) bool {
	if v.alg != MLDSA44 || s.Name != v.name || s.KeyHash != v.hash {
		return false
	}
	timestamp, sig, ok := cutTimestamp(s.Value)
	t := subtree{timestamp: timestamp, origin: origin, start: start, end: end, hash: hash}
	return ok && t.valid() && v.verifyMLDSA(t, sig)
}

func (v *Verifier) verifyMLDSA(t subtree, sig []byte) bool {
	return mldsa.Verify(v.mldsa, t.message(v.name), sig, nil) == nil
}

// signatureTime returns the time in the bytes of a signature that verified, or
// the zero time if its type has none or it makes no statement.
func (v *Verifier) signatureTime(sig []byte) time.Time {
	if v.alg == Ed25519 {
		return time.Time{}
	}
	timestamp, _, ok := cutTimestamp(sig)
	if !ok || timestamp == 0 {
		return time.Time{}
	}
	return time.Unix(int64(timestamp), 0).UTC()
}

// cutTimestamp splits the bytes of a cosignature:
//
//	struct { u64 timestamp; opaque signature[...]; } timestamped_signature;
func cutTimestamp(b []byte) (timestamp uint64, sig []byte, ok bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	timestamp = binary.BigEndian.Uint64(b)
	return timestamp, b[8:], timestamp <= maxTimestamp
}
