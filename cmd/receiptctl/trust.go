package main

import (
	"fmt"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// loadPolicy reads the policy file, the one thing that verification trusts.
// No name means no policy.
func loadPolicy(name string) (*policy.Policy, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readInput(nil, name, policy.MaxBytes)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), "a policy file is as C2SP tlog-policy describes; the log's operator publishes one")
	}
	return p, nil
}

// loadDocument reads an issuer's DID document. No name means none.
func loadDocument(name string) (*did.Document, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readInput(nil, name, did.MaxDocumentBytes)
	if err != nil {
		return nil, err
	}
	doc, err := did.ParseDocument(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), "")
	}
	return doc, nil
}
