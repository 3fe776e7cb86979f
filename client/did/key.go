package did

import (
	"crypto/ed25519"
	"encoding/json/v2"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/mr-tron/base58"
)

// multikeyLength is the length of an Ed25519 multikey in characters: "z" and
// the base58 of 34 bytes that begin with 0xed 0x01.
const multikeyLength = 48

// multikeyPrefix is the multicodec "ed25519-pub" (0xed) as a varint.
const multikeyPrefix = "\xed\x01"

const keyMethod = "did:key:"

// EncodeKey returns pub as a multikey, z6Mk.... It panics unless pub has 32
// bytes.
func EncodeKey(pub ed25519.PublicKey) string {
	if len(pub) != ed25519.PublicKeySize {
		panic("did: an Ed25519 public key has 32 bytes")
	}
	return "z" + base58.Encode(append([]byte(multikeyPrefix), pub...))
}

// DecodeKey reads an Ed25519 multikey. The code of an error is malformed.
func DecodeKey(multikey string) (ed25519.PublicKey, error) {
	// Checked before decoding, whose cost grows with the square of the length.
	if len(multikey) != multikeyLength || multikey[0] != 'z' {
		return nil, verdict.Errorf(verdict.Malformed, "", "%s is not an Ed25519 multikey (z6Mk...)", quote(multikey))
	}
	// SPEC CID 2.2.2: "z" is base58btc; 0xed 0x01 and 32 bytes for Ed25519.
	raw, err := base58.Decode(multikey[1:])
	key, ok := strings.CutPrefix(string(raw), multikeyPrefix)
	if err != nil || !ok {
		return nil, verdict.Errorf(verdict.Malformed, "", "%s is not an Ed25519 multikey (z6Mk...)", quote(multikey))
	}
	return checkKey([]byte(key))
}

// checkKey refuses what cannot be a sound Ed25519 public key. That the bytes
// are a point on the curve at all is left to signature verification, which
// fails where they are not.
func checkKey(raw []byte) (ed25519.PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return nil, verdict.Errorf(verdict.Malformed, "", "an Ed25519 public key has 32 bytes, not %d", len(raw))
	}
	if isSmallOrder(raw) {
		return nil, verdict.Errorf(verdict.Malformed, "", "the Ed25519 public key is of small order: its signatures prove nothing")
	}
	return ed25519.PublicKey(raw), nil
}

// KeyDID returns the did:key of pub: did:key:z6Mk....
func KeyDID(pub ed25519.PublicKey) string { return keyMethod + EncodeKey(pub) }

// KeyMethodID returns the DID URL by which a proof names the one key of a
// did:key: did:key:z6Mk...#z6Mk....
func KeyMethodID(pub ed25519.PublicKey) string {
	return KeyDID(pub) + "#" + EncodeKey(pub)
}

// IsKey reports whether s claims to be a did:key.
func IsKey(s string) bool { return strings.HasPrefix(s, keyMethod) }

// KeyDocument expands a did:key into the document it stands for. It has one
// verification method, which is under assertionMethod and nothing else:
// receiptlog asks no document for more.
func KeyDocument(did string) (*Document, error) {
	multikey, ok := strings.CutPrefix(did, keyMethod)
	if !ok {
		return nil, verdict.Errorf(verdict.Malformed, "", "%s is not a did:key", quote(did))
	}
	if _, err := DecodeKey(multikey); err != nil {
		return nil, err
	}
	id := did + "#" + multikey
	data, err := json.Marshal(map[string]any{
		"@context":           []string{contextDID, contextMultikey},
		"id":                 did,
		"assertionMethod":    []string{id},
		"verificationMethod": []method{{ID: id, Type: typeMultikey, Controller: did, PublicKeyMultibase: multikey}},
	})
	if err != nil {
		return nil, err
	}
	return ParseDocument(data)
}
