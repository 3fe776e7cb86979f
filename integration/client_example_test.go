package integration

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verify"
)

// Example uses the Go client with a real log: it signs a receipt, submits it,
// finds it again by its model, and verifies what the log hands out.
func Example() {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	url, trust, stop, err := exampleLog(did.KeyDID(public))
	if err != nil {
		panic(err)
	}
	defer stop()

	// An issuer signs what it did.
	sum := sha256.Sum256([]byte("the diff"))
	draft, err := json.Marshal(receipt.Credential{
		Context: []string{receipt.ContextCredentials, receipt.ContextReceipt}, Type: []string{receipt.TypeCredential, receipt.TypeReceipt},
		ID: "urn:build:run-1", Issuer: did.KeyDID(public), ValidFrom: "2026-05-12T10:00:00Z",
		CredentialSubject: receipt.Subject{Build: receipt.Build{
			RunID: "run-1", Org: "acme", Diff: receipt.Diff{SHA256: hex.EncodeToString(sum[:])},
			Models:      []receipt.Model{{Provider: "Example", Model: "large-2", Role: receipt.RoleBuilder}},
			PolicyGates: []receipt.Gate{{ID: receipt.GatePublish, Decision: receipt.Allow}},
		}},
	})
	if err != nil {
		panic(err)
	}
	signed, err := receipt.Sign(draft, key, receipt.SignOptions{VerificationMethod: did.KeyMethodID(public), Created: time.Now()})
	if err != nil {
		panic(err)
	}

	// It has the receipt logged. After any failure the same call may be made again.
	ctx := context.Background()
	client, err := api.New(url, api.Options{})
	if err != nil {
		panic(err)
	}
	result, err := client.Submit(ctx, signed)
	if problem, ok := errors.AsType[*api.Problem](err); ok {
		fmt.Println("the log refuses it:", problem.Code)
		return
	} else if err != nil {
		panic(err)
	}
	fmt.Println("logged at index", result.Index)

	// Anybody finds it, and trusts the log only as far as the policy says.
	for hit, err := range client.Search(ctx, search.Query{Model: "large-2"}, 0) {
		if err != nil {
			panic(err)
		}
		data, err := client.Bundle(ctx, hit.RunID, api.At(hit.Index))
		if err != nil {
			panic(err)
		}
		b, err := bundle.Parse(data)
		if err != nil {
			panic(err)
		}
		v := verify.Bundle(b, verify.Options{Policy: trust})
		fmt.Printf("%s of %s by %s: verified %v\n", hit.RunID, hit.Org, hit.Models[0].Model, v.Verified)
	}

	// Output:
	// logged at index 0
	// run-1 of acme by large-2: verified true
}

// exampleLog serves a log with one issuer until stop is called.
func exampleLog(issuer string) (url string, trust *policy.Policy, stop func(), err error) {
	dir, err := os.MkdirTemp("", "receiptlog-example-")
	if err != nil {
		return "", nil, nil, err
	}
	program, data, address := filepath.Join(programs, "receiptlog"), filepath.Join(dir, "log"), filepath.Join(dir, "address")
	if out, err := exec.Command(program, "init", "--dir", data, "--origin", "log.example", "--issuer", issuer).CombinedOutput(); err != nil {
		return "", nil, nil, fmt.Errorf("%w: %s", err, out)
	}
	serve := exec.Command(program, "serve", "--dir", data, "--listen", "127.0.0.1:0", "--address-file", address)
	if err := serve.Start(); err != nil {
		return "", nil, nil, err
	}
	stop = func() {
		serve.Process.Kill()
		serve.Wait()
		os.RemoveAll(dir)
	}
	text, err := os.ReadFile(filepath.Join(data, "policy.txt"))
	if err == nil {
		trust, err = policy.Parse(text)
	}
	for n := 0; err == nil && n < 1500; n++ {
		if raw, _ := os.ReadFile(address); len(raw) > 0 {
			return "http://" + strings.TrimSpace(string(raw)), trust, stop, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	return "", nil, nil, errors.Join(err, errors.New("the log was not served in time"))
}
