package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/witness"
)

// Algorithms that a witness can cosign with, by the name that people give them.
var algorithms = map[string]func(name string) (skey, vkey string, err error){
	"ed25519":   checkpoint.GenerateCosignatureEd25519,
	"ml-dsa-44": checkpoint.GenerateMLDSA44,
}

// generateKey makes a key for name in a file that only its owner can read, named
// for algorithm and key ID, and returns its verifier key.
func generateKey(dir, name, algorithm string) (vkey string, err error) {
	skey, vkey, err := algorithms[algorithm](name)
	if err != nil {
		return "", exit.With(exit.Usage, fmt.Errorf("make a key for %q: %w", name, err), "a name is such as witness.example.com/w1, without blanks, plus signs or a scheme")
	}
	path := filepath.Join(dir, keysName, algorithm+"-"+keyID(vkey)+".key")
	return vkey, durable.Create(path, []byte(skey+"\n"), 0o600)
}

// keyID returns the key ID of a verifier key, as it is written in it.
func keyID(vkey string) string {
	_, rest, _ := strings.Cut(vkey, "+")
	id, _, _ := strings.Cut(rest, "+")
	return id
}

// loadKeys reads the keys that cosign.
func loadKeys(dir string) (*witness.Keys, error) {
	skeys, err := readKeys(filepath.Join(dir, keysName))
	if err != nil {
		return nil, err
	}
	keys, err := witness.NewKeys(skeys, time.Now)
	if err != nil {
		return nil, fmt.Errorf("keys in %s: %w", filepath.Join(dir, keysName), err)
	}
	return keys, nil
}

// loadRetired returns the verifiers of the keys that cosign no more.
func loadRetired(dir string) ([]*checkpoint.Verifier, error) {
	skeys, err := readKeys(filepath.Join(dir, keysName, retiredName))
	if err != nil {
		return nil, err
	}
	var verifiers []*checkpoint.Verifier
	for _, skey := range skeys {
		s, err := checkpoint.NewSigner(skey, time.Now)
		if err != nil {
			return nil, fmt.Errorf("retired key: %w", err)
		}
		verifiers = append(verifiers, s.Verifier())
	}
	return verifiers, nil
}

// readKeys reads every *.key in a folder, in the order of their names.
func readKeys(dir string) (skeys []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		data, err := durable.ReadSecret(path)
		if err != nil {
			return nil, err
		}
		skeys = append(skeys, strings.TrimSuffix(string(data), "\n"))
	}
	return skeys, nil
}

// retireKey takes the key with that ID out of service, and keeps its file.
func retireKey(dir, id string) error {
	files, err := filepath.Glob(filepath.Join(dir, keysName, "*.key"))
	if err != nil {
		return err
	}
	for _, path := range files {
		if !strings.HasSuffix(path, "-"+id+".key") {
			continue
		}
		if len(files) == 1 {
			return exit.With(exit.Bad, errors.New("it is the only key: a witness needs at least one"), "add another first: receiptwitness keys add")
		}
		retired := filepath.Join(dir, keysName, retiredName)
		if err := os.MkdirAll(retired, 0o700); err != nil {
			return err
		}
		to := filepath.Join(retired, filepath.Base(path))
		if _, err := os.Lstat(to); err == nil {
			return exit.With(exit.Bad, fmt.Errorf("%s exists already and was left as it is", to), "")
		}
		if err := os.Rename(path, to); err != nil {
			return err
		}
		return errors.Join(durable.SyncDir(retired), durable.SyncDir(filepath.Dir(path)))
	}
	return exit.With(exit.Usage, fmt.Errorf("no key has the ID %q", id), "see them with: receiptwitness keys list")
}

const bastionKeyType = "PRIVATE KEY"

// generateBastionKey makes the key that bastions know the witness by: an Ed25519
// key in PKCS #8, of no other use.
func generateBastionKey(dir string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return public, durable.Create(filepath.Join(dir, bastionName), pem.EncodeToMemory(&pem.Block{Type: bastionKeyType, Bytes: der}), 0o600)
}

func loadBastionKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, bastionName)
	data, err := durable.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != bastionKeyType || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("read key %s: it is not one PEM block of type %q", path, bastionKeyType)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key %s: it is not PKCS #8", path)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read key %s: it is not an Ed25519 key", path)
	}
	return private, nil
}
