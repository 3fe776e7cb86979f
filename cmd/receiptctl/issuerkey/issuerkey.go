// Package issuerkey is the file in which an issuer keeps the key that signs
// receipts: a W3C Multikey with its secret half, as JSON.
//
//	{"id": "did:web:armalo.ai#key-1",
//	 "type": "Multikey",
//	 "controller": "did:web:armalo.ai",
//	 "publicKeyMultibase": "z6Mk...",
//	 "secretKeyMultibase": "z3u2..."}
//
// The secret is base58btc of 0x80 0x26 (the multicodec ed25519-priv) and the
// 32 bytes of the Ed25519 seed. The file names the DID and the verification
// method too, so that signing needs nothing but the file.
//
// Files are made with mode 0600 and nothing overwrites them; a file that
// others may read is refused. Secrets appear in no error.
package issuerkey

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strings"

	"github.com/mr-tron/base58"

	"github.com/armalo/receiptlog/client/did"
)

// Key is an issuer's signing key.
type Key struct {
	Method     string // the verification method's DID URL
	Controller string // the issuer's DID
	Private    ed25519.PrivateKey
}

// typeMultikey is the value of the member "type".
const typeMultikey = "Multikey"

// secretPrefix is the multicodec ed25519-priv as a varint.
const secretPrefix = "\x80\x26"

type file struct {
	Context    jsontext.Value `json:"@context,omitzero"` // as other tools write it; not used
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	Controller string         `json:"controller"`
	Public     string         `json:"publicKeyMultibase"`
	Secret     string         `json:"secretKeyMultibase"`
}

// Generate makes a new key for an issuer's DID. fragment names the key within
// the DID document, as in "key-1". An empty DID means the key's own did:key,
// for which fragment is not used.
func Generate(issuer, fragment string) (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	k := &Key{Private: private}
	if issuer == "" {
		k.Controller, k.Method = did.KeyDID(k.Public()), did.KeyMethodID(k.Public())
		return k, nil
	}
	k.Controller, k.Method = issuer, issuer+"#"+fragment
	return k, k.check()
}

// Public returns the public half.
func (k *Key) Public() ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }

func (k *Key) check() error {
	if err := did.Check(k.Controller); err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	of, _, err := did.SplitURL(k.Method)
	if err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if of != k.Controller {
		return fmt.Errorf("id: %s is no key of %s", k.Method, k.Controller)
	}
	if did.IsKey(k.Controller) && k.Controller != did.KeyDID(k.Public()) {
		return errors.New("controller: is the did:key of another key")
	}
	return nil
}

// Marshal returns the contents of the key's file. They are secret.
func (k *Key) Marshal() []byte {
	data, err := json.Marshal(file{
		ID: k.Method, Type: typeMultikey, Controller: k.Controller,
		Public: did.EncodeKey(k.Public()),
		Secret: "z" + base58.Encode(append([]byte(secretPrefix), k.Private.Seed()...)),
	}, jsontext.WithIndent("  "))
	if err != nil {
		panic("issuerkey: " + err.Error()) // five strings always encode
	}
	return append(data, '\n')
}

// Parse reads the contents of a key file.
func Parse(data []byte) (*Key, error) {
	var f file
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New("parse issuer key: not the JSON of a Multikey with its secret") // the cause could quote it
	}
	if f.Type != typeMultikey {
		return nil, errors.New("parse issuer key: type: must be Multikey")
	}
	private, err := decodeSecret(f.Secret)
	if err != nil {
		return nil, fmt.Errorf("parse issuer key: secretKeyMultibase: %w", err)
	}
	k := &Key{Method: f.ID, Controller: f.Controller, Private: private}
	if subtle.ConstantTimeCompare([]byte(did.EncodeKey(k.Public())), []byte(f.Public)) != 1 {
		return nil, errors.New("parse issuer key: publicKeyMultibase: is not the public half of the secret")
	}
	if err := k.check(); err != nil {
		return nil, fmt.Errorf("parse issuer key: %w", err)
	}
	return k, nil
}

func decodeSecret(multibase string) (ed25519.PrivateKey, error) {
	const want = len(secretPrefix) + ed25519.SeedSize
	digits, ok := strings.CutPrefix(multibase, "z")
	if !ok || len(digits) > 2*want { // base58 takes 1.37 digits a byte
		return nil, errors.New("must be an Ed25519 secret in base58btc, beginning with z")
	}
	raw, err := base58.Decode(digits)
	if err != nil || len(raw) != want || string(raw[:2]) != secretPrefix {
		return nil, errors.New("must be an Ed25519 secret in base58btc, beginning with z")
	}
	return ed25519.NewKeyFromSeed(raw[2:]), nil
}

// Document returns a DID document that authorises the key to make assertions
// for its controller, to be published or pinned.
func (k *Key) Document() []byte {
	type method struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		Controller string `json:"controller"`
		Public     string `json:"publicKeyMultibase"`
	}
	data, err := json.Marshal(struct {
		Context   []string `json:"@context"`
		ID        string   `json:"id"`
		Methods   []method `json:"verificationMethod"`
		Assertion []string `json:"assertionMethod"`
	}{
		Context:   []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"},
		ID:        k.Controller,
		Methods:   []method{{k.Method, typeMultikey, k.Controller, did.EncodeKey(k.Public())}},
		Assertion: []string{k.Method},
	}, jsontext.WithIndent("  "))
	if err != nil {
		panic("issuerkey: " + err.Error())
	}
	return append(data, '\n')
}
