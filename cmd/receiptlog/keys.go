package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// generate makes a key in a file that only its owner can read, and returns its
// verifier key.
func generate(dir, name, origin string, make func(string) (skey, vkey string, err error)) (vkey string, err error) {
	skey, vkey, err := make(origin)
	if err != nil {
		return "", exit.With(exit.Usage, fmt.Errorf("make a key for %q: %w", origin, err), "an origin is a name such as log.example.com, without blanks, plus signs or a scheme")
	}
	return vkey, durable.Create(filepath.Join(dir, name), []byte(skey+"\n"), 0o600)
}

// loadSigners reads the log's keys.
func loadSigners(dir string, names []string) ([]*checkpoint.Signer, error) {
	var signers []*checkpoint.Signer
	for _, name := range names {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, name)
		}
		s, err := loadSigner(path)
		if err != nil {
			return nil, err
		}
		signers = append(signers, s)
	}
	return signers, nil
}

func loadSigner(path string) (*checkpoint.Signer, error) {
	data, err := durable.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	s, err := checkpoint.NewSigner(strings.TrimSuffix(string(data), "\n"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err) // never shows the key
	}
	return s, nil
}
