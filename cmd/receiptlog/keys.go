package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// maxKeyFileBytes bounds a key file: a key is one line of some hundred bytes.
const maxKeyFileBytes = 4096

// generate makes a key in a file that only its owner can read, and returns its
// verifier key.
func generate(dir, name, origin string, make func(string) (skey, vkey string, err error)) (vkey string, err error) {
	skey, vkey, err := make(origin)
	if err != nil {
		return "", failing(exitUsage, fmt.Errorf("make a key for %q: %w", origin, err), "an origin is a name such as log.example.com, without blanks, plus signs or a scheme")
	}
	return vkey, writeNew(filepath.Join(dir, name), []byte(skey+"\n"), 0o600)
}

// loadSigners reads the log's keys. A key that others can read is refused: it
// may be in their hands already.
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
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, failing(exitBad, fmt.Errorf("key %s can be read by others (mode %04o)", path, info.Mode().Perm()),
			"if nobody has read it, run: chmod 600 "+path)
	}
	if info.Size() > maxKeyFileBytes {
		return nil, fmt.Errorf("read key: %s is over %d bytes", path, maxKeyFileBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	s, err := checkpoint.NewSigner(strings.TrimSuffix(string(data), "\n"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err) // never shows the key
	}
	return s, nil
}
