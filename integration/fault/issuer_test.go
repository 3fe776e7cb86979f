package fault

import (
	"crypto/ed25519"
	"encoding/json/v2"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
)

// issuer signs receipts. Its document is pinned, so that the log archives it in
// an entry of its own.
type issuer struct {
	did, method string
	key         ed25519.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const name = "did:web:issuer.example"
	return &issuer{did: name, method: name + "#key-1", key: key}
}

// Document is the issuer's DID document.
func (i *issuer) Document(t testing.TB) []byte {
	t.Helper()
	doc, err := json.Marshal(map[string]any{
		"@context": []string{"https://www.w3.org/ns/did/v1"},
		"id":       i.did,
		"verificationMethod": []any{map[string]string{
			"id": i.method, "type": "Multikey", "controller": i.did,
			"publicKeyMultibase": did.EncodeKey(i.key.Public().(ed25519.PublicKey)),
		}},
		"assertionMethod": []string{i.method},
	})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Receipt signs a receipt for a run. padding makes it that many bytes longer.
func (i *issuer) Receipt(t testing.TB, runID string, padding int) []byte {
	t.Helper()
	const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	credential := fmt.Sprintf(`{"@context":["https://www.w3.org/ns/credentials/v2","https://armalo.ai/ns/build-receipt/v1"],
		"id":"urn:run:%[1]s","type":["VerifiableCredential","BuildReceipt"],"issuer":%[2]q,"validFrom":"2026-05-12T10:00:00Z",
		"credentialSubject":{"id":"urn:build:%[1]s","build":{"runId":%[1]q,"org":"acme","planSummary":%[4]q,
		"policyGates":[{"id":"receipt.publish","decision":"allow","fired":false}],"diff":{"sha256":%[3]q}}}}`,
		runID, i.did, hash, "tidy up"+strings.Repeat(".", padding))
	signed, err := receipt.Sign([]byte(credential), i.key, receipt.SignOptions{
		VerificationMethod: i.method, Created: time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
