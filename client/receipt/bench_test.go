package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/jcs"
)

// benchReceipt is the full example, signed: about 4 KB of canonical JSON.
func benchReceipt(b *testing.B) ([]byte, *did.Document) {
	b.Helper()
	data, err := os.ReadFile("testdata/full.json")
	if err != nil {
		b.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	doc, err := did.ParseDocument([]byte(`{"id":"did:web:armalo.ai","assertionMethod":[{"id":"#key-1","type":"Multikey",
		"controller":"did:web:armalo.ai","publicKeyMultibase":"` + did.EncodeKey(key.Public().(ed25519.PublicKey)) + `"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	signed, err := Sign(data, key, SignOptions{VerificationMethod: "did:web:armalo.ai#key-1", Created: time.Unix(1778580000, 0)})
	if err != nil {
		b.Fatal(err)
	}
	return signed, doc
}

// BenchmarkFloor is the bare cost that no verifier can avoid: JCS, SHA-256 and
// Ed25519 of the same receipt.
func BenchmarkFloor(b *testing.B) {
	data, doc := benchReceipt(b)
	r, err := Parse(data)
	if err != nil {
		b.Fatal(err)
	}
	key, err := doc.AssertionKey("did:web:armalo.ai#key-1")
	if err != nil {
		b.Fatal(err)
	}
	signature, err := decodeProofValue(r.parsed.proofs[0].Value)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		canonical, _ := jcs.Canonicalize(data, MaxBytes)
		sum := sha256.Sum256(canonical)
		ed25519.Verify(key, append(sum[:], sum[:]...), signature)
	}
	b.ReportMetric(float64(len(data)), "bytes")
}

func BenchmarkVerify(b *testing.B) {
	data, doc := benchReceipt(b)
	for b.Loop() {
		r, err := Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Verify(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	data, _ := benchReceipt(b)
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonicalize(b *testing.B) {
	data, _ := benchReceipt(b)
	for b.Loop() {
		if _, err := jcs.Canonicalize(data, MaxBytes); err != nil {
			b.Fatal(err)
		}
	}
}
