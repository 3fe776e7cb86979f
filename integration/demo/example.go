package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mr-tron/base58"

	"github.com/armalo/receiptlog/client/receipt"
)

// issuer is an issuer's key file, as receiptctl keygen makes it.
type issuer struct {
	Method  string `json:"id"`
	DID     string `json:"controller"`
	Secret  string `json:"secretKeyMultibase"`
	private ed25519.PrivateKey
}

func loadIssuer(name string) (*issuer, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	key := new(issuer)
	if err := json.Unmarshal(data, key); err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	raw, err := base58.Decode(strings.TrimPrefix(key.Secret, "z"))
	if err != nil || len(raw) != 2+ed25519.SeedSize {
		return nil, errors.New("read the issuer's key: no Ed25519 secret in it")
	}
	key.private = ed25519.NewKeyFromSeed(raw[2:])
	return key, nil
}

// example is the input of receiptctl issue that ships with it, of which the
// demo makes receipts of changes that were never committed anywhere.
type example struct {
	receipt.Build
	Spec struct{ Title, File string }     `json:"spec"`
	Plan struct{ Rationale, File string } `json:"plan"`
	Pact struct{ Name, File string }      `json:"pact"`
}

func loadExample(dir string) (*example, error) {
	data, err := os.ReadFile(dir + "/build.json")
	if err != nil {
		return nil, err
	}
	e := new(example)
	if err := json.Unmarshal(data, e, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("read the example: %w", err)
	}
	sums := make(map[string]string)
	for _, file := range []string{e.Spec.File, e.Plan.File, e.Pact.File} {
		content, err := os.ReadFile(dir + "/" + file)
		if err != nil {
			return nil, err
		}
		sums[file] = sumOf(content)
	}
	e.Build.Spec = &receipt.Spec{Title: e.Spec.Title, SHA256: sums[e.Spec.File]}
	e.Build.Plan = &receipt.Plan{Rationale: e.Plan.Rationale, SHA256: sums[e.Plan.File]}
	e.Build.Pact = &receipt.Pact{Name: e.Pact.Name, SHA256: sums[e.Pact.File]}
	e.Build.Configuration = nil // its hash is receiptctl issue's to compute
	return e, nil
}

// receipt makes the n-th receipt of the example, over a diff of its own.
func (e *example) receipt(key *issuer, runID string, n int) ([]byte, error) {
	diff := fmt.Appendf(nil, "diff --git a/attempt b/attempt\n--- a/attempt\n+++ b/attempt\n@@ -1 +1 @@\n-%d\n+%d\n", n, n+1)
	build := e.Build
	build.RunID = runID
	build.Diff = receipt.Diff{SHA256: sumOf(diff), Files: []receipt.File{{Path: "attempt", Change: receipt.Modified}}}
	now := time.Now().UTC().Truncate(time.Second)
	credential, err := json.Marshal(receipt.Credential{
		Context: []string{"https://www.w3.org/ns/credentials/v2", "https://armalo.ai/ns/build-receipt/v1"},
		ID:      "urn:receiptlog-demo:" + build.RunID, Type: []string{"VerifiableCredential", "BuildReceipt"},
		Issuer: key.DID, ValidFrom: now.Format(time.RFC3339),
		CredentialSubject: receipt.Subject{ID: key.DID + ":builds:" + build.RunID, Build: build},
	})
	if err != nil {
		return nil, err
	}
	return receipt.Sign(credential, key.private, receipt.SignOptions{VerificationMethod: key.Method, Created: now})
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
