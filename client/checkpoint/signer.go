package checkpoint

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints, and nothing else, with one key. It is a
// [note.Signer], so that Tessera and note.Sign can use it. It may be used
// concurrently.
//
// An Ed25519 signature of one body (at one time) is always the same; an
// ML-DSA-44 signature is randomised and differs each time.
type Signer struct {
	v       *Verifier
	ed25519 ed25519.PrivateKey // of types 0x01 and 0x04
	mldsa   *mldsa.PrivateKey  // of type 0x06
	now     func() time.Time
}

var _ note.Signer = (*Signer)(nil)

// NewSigner decodes a signer key of type 0x01, 0x04 or 0x06:
//
//	PRIVATE+KEY+<name>+hex(key ID)+base64(type || 32-byte seed)
//
// Types 0x04 and 0x06 sign a timestamp, which now gives; for type 0x01 now may
// be nil. Errors never show the key.
func NewSigner(skey string, now func() time.Time) (*Signer, error) {
	s, err := parseSigner(skey)
	if err != nil {
		return nil, err
	}
	if now == nil && s.v.alg != Ed25519 {
		return nil, badKey("a key of type " + s.v.alg.String() + " signs a timestamp and needs a clock")
	}
	s.now = now
	return s, nil
}

// parseSigner decodes a signer key into a Signer without a clock.
func parseSigner(skey string) (*Signer, error) {
	encoded, ok := strings.CutPrefix(skey, signerKeyPrefix)
	if !ok {
		return nil, badKey("signer key does not begin with " + signerKeyPrefix)
	}
	name, hash, alg, seed, err := decodeKey(encoded)
	if err != nil {
		return nil, err
	}
	s, err := newSigner(name, alg, seed)
	if err != nil {
		return nil, err
	}
	if s.v.hash != hash || encodeKey(name, hash, alg, seed) != encoded {
		return nil, badKey("signer key has another key ID than its key, or not in canonical form")
	}
	return s, nil
}

func newSigner(name string, alg Algorithm, seed []byte) (s *Signer, err error) {
	if len(seed) != seedSize {
		return nil, badKey("signer key is not 32 bytes")
	}
	s = &Signer{}
	var public []byte
	switch alg {
	case Ed25519, CosignatureEd25519:
		s.ed25519 = ed25519.NewKeyFromSeed(seed)
		public = s.ed25519.Public().(ed25519.PublicKey)
	case MLDSA44:
		if s.mldsa, err = mldsa.NewPrivateKey(mldsa.MLDSA44(), seed); err != nil {
			return nil, badKey("signer key is not an ML-DSA-44 seed")
		}
		public = s.mldsa.PublicKey().Bytes()
	default:
		return nil, badKey("signer key has the unknown " + alg.String())
	}
	s.v, err = newVerifier(name, alg, public)
	return s, err
}

// Name returns the key's name.
func (s *Signer) Name() string { return s.v.name }

// KeyHash returns the key ID.
func (s *Signer) KeyHash() uint32 { return s.v.hash }

// Verifier returns the verifier of the same key.
func (s *Signer) Verifier() *Verifier { return s.v }

// String returns the verifier key: printing a Signer shows no secret.
func (s *Signer) String() string { return s.v.VKey() }

// GoString is like String, for %#v.
func (s *Signer) GoString() string { return s.v.VKey() }

// Sign signs the body of a checkpoint and returns the bytes that follow the key
// ID in a signature line: for types 0x04 and 0x06 a timestamp and the signature.
//
// A key of type 0x01 is a log's, and refuses what [Parse] refuses and the checkpoint
// of a log of another name. The others cosign for any log and refuse what
// [ParseExtended] refuses; what their signatures say of extension lines is written
// there.
func (s *Signer) Sign(body []byte) ([]byte, error) {
	c, extensions, err := ParseExtended(body)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	if s.v.alg == Ed25519 {
		// SPEC tlog-checkpoint: extension lines are NOT RECOMMENDED.
		if len(extensions) != 0 {
			return nil, fmt.Errorf("sign checkpoint: %w", errExtensions)
		}
		// SPEC tlog-checkpoint: the log's key name SHOULD match the origin line.
		if c.Origin != s.v.name {
			return nil, fmt.Errorf("sign checkpoint: origin %q is not the name of the log's key, %q", c.Origin, s.v.name)
		}
		return ed25519.Sign(s.ed25519, body), nil
	}
	timestamp := s.now().Unix()
	// SPEC tlog-witness: the timestamp MUST NOT be zero.
	if timestamp <= 0 || timestamp > maxTimestamp {
		return nil, errors.New("sign checkpoint: the clock is before 1970 or after 9999")
	}
	if s.v.alg == CosignatureEd25519 {
		// SPEC tlog-cosignature: extension lines "MUST be included in the cosigned message".
		sig := binary.BigEndian.AppendUint64(nil, uint64(timestamp))
		return append(sig, ed25519.Sign(s.ed25519, ed25519Message(uint64(timestamp), body))...), nil
	}
	// SPEC tlog-cosignature: "extension lines are not included in the signed message
	// for ML-DSA-44 cosignatures, and no statement is made about them."
	return s.signMLDSA(subtree{timestamp: uint64(timestamp), origin: c.Origin, end: c.Size, hash: c.Root})
}

// SignLine signs the body of a checkpoint as [Signer.Sign] does and returns the
// whole signature line, including its newline.
func (s *Signer) SignLine(body []byte) ([]byte, error) {
	sig, err := s.Sign(body)
	if err != nil {
		return nil, err
	}
	return s.line(sig), nil
}

// SignSubtree signs the statement that the log named origin has the subtree
// [start, end) with the given hash, and returns a signature line with timestamp
// zero. It does not check that this is so. Only ML-DSA-44 keys can sign it.
func (s *Signer) SignSubtree(origin string, start, end uint64, hash [32]byte) ([]byte, error) {
	if s.v.alg != MLDSA44 {
		return nil, fmt.Errorf("sign subtree: a key of type %v cannot", s.v.alg)
	}
	t := subtree{origin: origin, start: start, end: end, hash: hash}
	if !t.valid() {
		return nil, fmt.Errorf("sign subtree: [%d, %d) of %q is not a subtree", start, end, origin)
	}
	sig, err := s.signMLDSA(t)
	if err != nil {
		return nil, err
	}
	return s.line(sig), nil
}

func (s *Signer) signMLDSA(t subtree) ([]byte, error) {
	// The operating system's randomness is used, whatever the first argument.
	sig, err := s.mldsa.Sign(nil, t.message(s.v.name), &mldsa.Options{})
	if err != nil {
		return nil, fmt.Errorf("sign with ml-dsa-44: %w", err)
	}
	return append(binary.BigEndian.AppendUint64(nil, t.timestamp), sig...), nil
}

// line returns the signature line for the bytes of a signature.
func (s *Signer) line(sig []byte) []byte {
	value := append(binary.BigEndian.AppendUint32(nil, s.v.hash), sig...)
	line := append([]byte(signaturePrefix+s.v.name), ' ')
	line = base64.StdEncoding.AppendEncode(line, value)
	return append(line, '\n')
}
