package logtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json/v2"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
)

// Issuer signs receipts.
type Issuer struct {
	DID    string
	Method string // of the key that signs
	Key    ed25519.PrivateKey
	keyID  int
}

// NewIssuer returns an issuer of that DID with a fresh key.
func NewIssuer(id string) *Issuer {
	i := &Issuer{DID: id}
	i.Rotate()
	return i
}

// NewKeyIssuer returns an issuer whose DID is its key.
func NewKeyIssuer() *Issuer {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	id := did.KeyDID(key.Public().(ed25519.PublicKey))
	return &Issuer{DID: id, Method: id + "#" + id[len("did:key:"):], Key: key}
}

// Rotate gives the issuer another key; its document has to be published again.
func (i *Issuer) Rotate() {
	_, i.Key, _ = ed25519.GenerateKey(rand.Reader) // never fails with this reader
	i.keyID++
	i.Method = fmt.Sprintf("%s#key-%d", i.DID, i.keyID)
}

// Document returns the issuer's DID document, with the current key only.
func (i *Issuer) Document() *did.Document { return i.document(i.Method) }

// DocumentWithout returns a document that has the key, but not under
// assertionMethod.
func (i *Issuer) DocumentWithout() *did.Document { return i.document() }

func (i *Issuer) document(assertion ...string) *did.Document {
	text := Must(json.Marshal(map[string]any{
		"@context": []string{"https://www.w3.org/ns/did/v1"},
		"id":       i.DID,
		"verificationMethod": []any{map[string]string{
			"id": i.Method, "type": "Multikey", "controller": i.DID,
			"publicKeyMultibase": did.EncodeKey(i.Key.Public().(ed25519.PublicKey)),
		}},
		"assertionMethod": append([]string{}, assertion...),
	}))
	return Must(did.ParseDocument(text))
}

// Receipt returns a signed receipt for a run, anybody may see.
func (i *Issuer) Receipt(runID string, change ...func(*receipt.Credential)) []byte {
	c := &receipt.Credential{
		Context:   []string{receipt.ContextCredentials, receipt.ContextReceipt},
		ID:        "urn:build:" + hex.EncodeToString([]byte(runID)),
		Type:      []string{receipt.TypeCredential, receipt.TypeReceipt},
		Issuer:    i.DID,
		ValidFrom: "2026-05-12T10:00:00Z",
		CredentialSubject: receipt.Subject{Build: receipt.Build{
			RunID:       runID,
			Org:         "acme",
			PolicyGates: []receipt.Gate{{ID: receipt.GatePublish, Decision: receipt.Allow}},
			Diff:        receipt.Diff{SHA256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"},
		}},
	}
	for _, f := range change {
		f(c)
	}
	return i.Sign(Must(json.Marshal(c)))
}

// Sign signs a credential, whatever it says.
func (i *Issuer) Sign(credential []byte) []byte {
	return Must(receipt.Sign(credential, i.Key, receipt.SignOptions{
		VerificationMethod: i.Method, Created: time.Date(2026, 5, 12, 10, 0, 1, 0, time.UTC),
	}))
}

// Private makes a receipt one that only its holder sees.
func Private(c *receipt.Credential) {
	c.CredentialSubject.Build.PolicyGates[0].Decision = receipt.Deny
}

// Summary sets the plan's summary, to make another receipt of the same run.
func Summary(text string) func(*receipt.Credential) {
	return func(c *receipt.Credential) { c.CredentialSubject.Build.PlanSummary = text }
}
