package checkpoint

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/verdict"
)

// Algorithm is the signature type of a key: the first byte of its encoding.
type Algorithm byte

// SPEC signed-note: signature types. The others that it lists are not for logs
// and witnesses of this kind.
const (
	Ed25519            Algorithm = 0x01 // a log's signature over the body
	CosignatureEd25519 Algorithm = 0x04 // timestamped, by a witness
	MLDSA44            Algorithm = 0x06 // timestamped, by a log or a witness
)

// String returns the algorithm's name as verdicts and programs print it.
func (a Algorithm) String() string {
	switch a {
	case Ed25519:
		return "ed25519"
	case CosignatureEd25519:
		return "cosignature-ed25519"
	case MLDSA44:
		return "ml-dsa-44"
	}
	return fmt.Sprintf("type-0x%02x", byte(a))
}

// seedSize is the length of a private key of every type: the seed of RFC 8032
// for Ed25519 and of FIPS 204 for ML-DSA-44.
const seedSize = 32

// GenerateEd25519 generates a log key of type 0x01. The name should be the log's
// origin: its [Signer] signs for no other. skey is secret.
func GenerateEd25519(name string) (skey, vkey string, err error) {
	return generate(name, Ed25519)
}

// GenerateCosignatureEd25519 generates a witness key of type 0x04. skey is
// secret.
func GenerateCosignatureEd25519(name string) (skey, vkey string, err error) {
	return generate(name, CosignatureEd25519)
}

// GenerateMLDSA44 generates a log or witness key of type 0x06. The name of a
// log's key should be the log's origin. skey is secret.
func GenerateMLDSA44(name string) (skey, vkey string, err error) {
	return generate(name, MLDSA44)
}

func generate(name string, alg Algorithm) (skey, vkey string, err error) {
	seed := make([]byte, seedSize)
	rand.Read(seed) // never fails: it ends the program rather than return weak bytes
	s, err := newSigner(name, alg, seed)
	if err != nil {
		return "", "", err
	}
	return signerKeyPrefix + encodeKey(name, s.KeyHash(), alg, seed), s.Verifier().VKey(), nil
}

// VKey returns the verifier key that belongs to a signer key.
func VKey(skey string) (string, error) {
	s, err := parseSigner(skey)
	if err != nil {
		return "", err
	}
	return s.Verifier().VKey(), nil
}

// signerKeyPrefix marks an encoded private key.
const signerKeyPrefix = "PRIVATE+KEY+"

// maxKeyBytes bounds an encoded key before it is decoded: the longest name, key
// ID, and ML-DSA-44 public key (1312 bytes and a type byte, in base64).
const maxKeyBytes = len(signerKeyPrefix) + MaxOriginBytes + len("+01234567+") + (1313+2)/3*4

// encodeKey encodes a public key, or behind [signerKeyPrefix] a private one. A
// private key carries the key ID of its public key.
//
//	<name>+hex(key ID)+base64(type || key)
func encodeKey(name string, hash uint32, alg Algorithm, key []byte) string {
	typed := append([]byte{byte(alg)}, key...)
	return fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(typed))
}

// decodeKey decodes what [encodeKey] encodes. The caller checks that the key ID
// is the key's own and that the encoding is canonical. Errors do not show s,
// which may be secret.
func decodeKey(s string) (name string, hash uint32, alg Algorithm, key []byte, err error) {
	name, rest, _ := strings.Cut(s, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	n, idErr := strconv.ParseUint(id, 16, 32)
	typed, ok := decodeBase64(encoded)
	if len(s) > maxKeyBytes || idErr != nil || len(id) != 8 || !ok || len(typed) < 2 {
		return "", 0, 0, nil, badKey("key is not in the form name+id+base64")
	}
	return name, uint32(n), Algorithm(typed[0]), typed[1:], nil
}

// keyID computes the ID of a key. SPEC signed-note:
// SHA-256(name || 0x0A || type || public key)[:4].
func keyID(name string, alg Algorithm, public []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', byte(alg)})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// validName reports whether s may be the key name in a signature line. SPEC
// signed-note: UTF-8, non-empty, no Unicode spaces, no plus, no control characters.
func validName(s string) bool {
	bad := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || isControl(r) }
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, bad)
}

func badKey(detail string) error {
	return &verdict.Error{Code: verdict.Malformed, Detail: detail}
}
