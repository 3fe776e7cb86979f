package receipt_test

import (
	"crypto/ed25519"
	"fmt"
	"log"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
)

// An issuer signs a receipt with the key of a did:key, and somebody else, who
// has nothing but the receipt, verifies it.
func Example() {
	key := ed25519.NewKeyFromSeed([]byte("a seed for documentation only...")) // never like this
	pub := key.Public().(ed25519.PublicKey)

	credential := fmt.Appendf(nil, `{
		"@context": ["https://www.w3.org/ns/credentials/v2", "https://armalo.ai/ns/build-receipt/v1"],
		"id": "urn:uuid:2b3c9e1e-6d3f-4a57-9a50-8f0d7c1b9a11",
		"type": ["VerifiableCredential", "BuildReceipt"],
		"issuer": %q,
		"validFrom": "2026-05-12T10:00:00Z",
		"credentialSubject": {"build": {
			"runId": "run-1",
			"org": "acme",
			"jury": {"verdict": "approve", "votes": [{"model": "juror", "verdict": "approve", "score": 0.9}]},
			"diff": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
		}}
	}`, did.KeyDID(pub))
	signed, err := receipt.Sign(credential, key, receipt.SignOptions{
		VerificationMethod: did.KeyMethodID(pub),
		Created:            time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}

	r, err := receipt.Parse(signed)
	if err != nil {
		log.Fatal(err)
	}
	doc, err := did.KeyDocument(r.Issuer())
	if err != nil {
		log.Fatal(err)
	}
	signer, err := r.Verify(doc)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Org(), r.RunID(), r.Credential().CredentialSubject.Build.Jury.Verdict)
	fmt.Println("signed at", signer.Created)
	// Output:
	// acme run-1 approve
	// signed at 2026-05-12T10:00:00Z
}
