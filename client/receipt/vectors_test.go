package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/mr-tron/base58"
)

// The test vector of the W3C Recommendation "Data Integrity EdDSA Cryptosuites
// v1.0", appendix "Representation: eddsa-jcs-2022". It is no build receipt, so
// that Parse would refuse it; what is tested is what lies under Sign and
// Verify.
const (
	vectorPublic = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
	vectorSecret = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
	vectorValue  = "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"

	vectorDocumentHash = "59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19"
	vectorProofHash    = "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db"

	vectorContext = `["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"]`
	vectorMethod  = "did:key:" + vectorPublic + "#" + vectorPublic
	vectorSigned  = `{
		"@context": ` + vectorContext + `,
		"id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
		"type": ["VerifiableCredential", "AlumniCredential"],
		"name": "Alumni Credential",
		"description": "A minimum viable example of an Alumni Credential.",
		"issuer": "https://vc.example/issuers/5678",
		"validFrom": "2023-01-01T00:00:00Z",
		"credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
		"proof": {
			"type": "DataIntegrityProof",
			"cryptosuite": "eddsa-jcs-2022",
			"created": "2023-02-24T23:36:38Z",
			"verificationMethod": "` + vectorMethod + `",
			"proofPurpose": "assertionMethod",
			"@context": ` + vectorContext + `,
			"proofValue": "` + vectorValue + `"
		}
	}`
)

func vector(t *testing.T) *Receipt {
	t.Helper()
	canonical, err := jcs.Canonicalize([]byte(vectorSigned), MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	r := &Receipt{canonical: canonical, text: string(canonical)}
	c := cursor{text: r.text}
	var value span
	r.parsed.proof, value = find(r.text, r.whole(), "proof")
	_, r.parsed.context = find(r.text, r.whole(), "@context")
	c.at = value.from
	if r.parsed.proofs = c.proofs(); c.err != nil {
		t.Fatal(c.err)
	}
	return r
}

func TestW3CVectorHashes(t *testing.T) {
	r := vector(t)
	p := &r.parsed.proofs[0]
	document := r.hashWithout(r.whole(), r.parsed.proof)
	config := r.hashWithout(p.where, p.value)
	if got := hex.EncodeToString(document[:]); got != vectorDocumentHash {
		t.Errorf("hash of the document is %s, want %s", got, vectorDocumentHash)
	}
	if got := hex.EncodeToString(config[:]); got != vectorProofHash {
		t.Errorf("hash of the proof is %s, want %s", got, vectorProofHash)
	}
}

func TestW3CVectorVerifies(t *testing.T) {
	r := vector(t)
	doc, err := did.KeyDocument("did:key:" + vectorPublic)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.check(ed25519.Verify, &r.parsed.proofs[0], r.hashWithout(r.whole(), r.parsed.proof), doc); err != nil {
		t.Error(err)
	}
}

func TestW3CVectorIsSignedByteForByte(t *testing.T) {
	// A secret multikey is "z" and the base58 of 0x80 0x26 and the seed.
	secret, err := base58.Decode(vectorSecret[1:])
	if err != nil || len(secret) != 2+ed25519.SeedSize {
		t.Fatalf("secret key: %v, %d bytes", err, len(secret))
	}
	key := ed25519.NewKeyFromSeed(secret[2:])
	if got := did.EncodeKey(key.Public().(ed25519.PublicKey)); got != vectorPublic {
		t.Fatalf("public key is %s, want %s", got, vectorPublic)
	}
	canonical, err := canonicalProof(proofConfig{
		Context:            []byte(vectorContext),
		Created:            "2023-02-24T23:36:38Z",
		Cryptosuite:        cryptosuite,
		ProofPurpose:       proofPurpose,
		Type:               proofType,
		VerificationMethod: vectorMethod,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := vector(t)
	config, document := sha256.Sum256(canonical), r.hashWithout(r.whole(), r.parsed.proof)
	if got := "z" + base58.Encode(ed25519.Sign(key, append(config[:], document[:]...))); got != vectorValue {
		t.Errorf("proofValue is %s, want %s", got, vectorValue)
	}
}
