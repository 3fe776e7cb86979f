package did

import (
	"crypto/ed25519"
	"encoding/base64"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	typeMultikey   = "Multikey"
	type2020       = "Ed25519VerificationKey2020"
	typeJSONWebKey = "JsonWebKey"
	typeJWK2020    = "JsonWebKey2020"
)

// method is the wire form of a verification method.
type method struct {
	ID                 string      `json:"id"`
	Type               string      `json:"type"`
	Controller         string      `json:"controller"`
	PublicKeyMultibase string      `json:"publicKeyMultibase,omitzero"`
	PublicKeyJWK       *jsonWebKey `json:"publicKeyJwk,omitzero"`
	Expires            string      `json:"expires,omitzero"`
	Revoked            string      `json:"revoked,omitzero"`

	// The key, or why there is none, is found out once: documents are read
	// seldom and asked for keys often.
	key      ed25519.PublicKey
	unusable error
}

// jsonWebKey is what RFC 8037 says of an Ed25519 key.
type jsonWebKey struct {
	KTY string `json:"kty"`
	CRV string `json:"crv"`
	X   string `json:"x"`
	D   string `json:"d,omitzero"`
}

// decode returns the method's Ed25519 key; the code of an error is key_unknown,
// because the document then offers no key that receiptlog can use.
func (m *method) decode() (ed25519.PublicKey, error) {
	switch m.Type {
	case typeMultikey, type2020:
		key, err := DecodeKey(m.PublicKeyMultibase)
		if err != nil {
			return nil, m.refuse(err.Error())
		}
		return key, nil
	case typeJSONWebKey, typeJWK2020:
		return m.decodeJWK()
	}
	return nil, m.refuse("keys of type " + quote(m.Type) + " are not supported")
}

func (m *method) decodeJWK() (ed25519.PublicKey, error) {
	jwk := m.PublicKeyJWK
	if jwk == nil || jwk.KTY != "OKP" || jwk.CRV != "Ed25519" {
		return nil, m.refuse("publicKeyJwk is not an Ed25519 key")
	}
	if jwk.D != "" {
		return nil, m.refuse("publicKeyJwk holds a private key")
	}
	// Checked before decoding: 32 bytes are 43 characters without padding.
	if len(jwk.X) != base64.RawURLEncoding.EncodedLen(ed25519.PublicKeySize) {
		return nil, m.refuse("publicKeyJwk.x is not 32 bytes")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(jwk.X)
	if err != nil {
		return nil, m.refuse("publicKeyJwk.x is not base64url")
	}
	key, err := checkKey(raw)
	if err != nil {
		return nil, m.refuse(err.Error())
	}
	return key, nil
}

func (m *method) refuse(why string) error {
	return verdict.Errorf(verdict.KeyUnknown, "", "the key %s cannot be used: %s", quote(m.ID), why)
}
