package did

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"
)

func TestAssertionKeys(t *testing.T) {
	pub := func(b byte) ed25519.PublicKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
	}
	doc, err := ParseDocument(fmt.Appendf(nil, `{"id":"did:web:a.example","verificationMethod":[
		{"id":"#1","type":"Multikey","controller":"did:web:a.example","publicKeyMultibase":%q},
		{"id":"#2","type":"Multikey","controller":"did:web:a.example","publicKeyMultibase":%q},
		{"id":"#3","type":"Multikey","controller":"did:web:a.example","revoked":"2026-01-01T00:00:00Z","publicKeyMultibase":%q},
		{"id":"#4","type":"Other","controller":"did:web:a.example"}],
		"assertionMethod":["#1","#3","#4","#9"]}`, EncodeKey(pub(1)), EncodeKey(pub(2)), EncodeKey(pub(3))))
	if err != nil {
		t.Fatal(err)
	}
	if keys := doc.AssertionKeys(); len(keys) != 1 || !keys[0].Equal(pub(1)) {
		t.Errorf("got %d keys, want the one that is listed and not revoked", len(keys))
	}
}
