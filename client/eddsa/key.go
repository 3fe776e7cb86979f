package eddsa

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"sync/atomic"

	"filippo.io/edwards25519"
)

// tableAfter is how many good signatures a key must have made before it gets a
// table, which costs as much as five of them to make and 130 KB to keep. Keys
// that sign once or twice, or have been invented by a stranger, get none.
const tableAfter = 16

// Key is an Ed25519 public key that verifies signatures. It is safe for
// concurrent use. Make it with [NewKey].
type Key struct {
	public   ed25519.PublicKey
	good     atomic.Uint32
	multiple atomic.Pointer[table] // of -A; nil until there is one
}

// NewKey returns a Key for public, which must have 32 bytes and must not be
// changed. Whether they encode a point is only found out by Verify, which
// accepts nothing if they do not.
func NewKey(public ed25519.PublicKey) *Key { return &Key{public: public} }

// Public returns the key itself. Callers must not modify it.
func (k *Key) Public() ed25519.PublicKey { return k.public }

// Verify reports whether signature is a signature of message by the key: it
// says what ed25519.Verify says.
func (k *Key) Verify(message, signature []byte) bool {
	if t := k.multiple.Load(); t != nil {
		return k.verify(t, message, signature)
	}
	if !ed25519.Verify(k.public, message, signature) {
		return false
	}
	if k.good.Add(1) == tableAfter {
		// What verified a signature decodes.
		if a, err := new(edwards25519.Point).SetBytes(k.public); err == nil {
			k.multiple.Store(newTable(a.Negate(a), keyWindow))
		}
	}
	return true
}

// verify is Ed25519 verification with a table.
func (k *Key) verify(negated *table, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	r := signature[:32]
	// SPEC RFC 8032 5.1.7: S must be below the order of the group.
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	sum := edwards25519.NewIdentityPoint()
	baseTable().add(sum, s)
	negated.add(sum, challenge(r, k.public, message))
	// SPEC RFC 8032 5.1.7, without the cofactor, as crypto/ed25519 has it.
	return bytes.Equal(sum.Bytes(), r)
}

// challenge returns SHA-512(R || A || message) modulo the order of the group.
func challenge(r, public, message []byte) *edwards25519.Scalar {
	h := sha512.New()
	h.Write(r)
	h.Write(public)
	h.Write(message)
	c, _ := new(edwards25519.Scalar).SetUniformBytes(h.Sum(nil)) // 64 bytes: cannot fail
	return c
}
