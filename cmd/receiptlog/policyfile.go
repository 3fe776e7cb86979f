package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/durable"
)

// policyText is a C2SP tlog-policy that trusts this log and asks for no
// witnesses.
func policyText(origin, url string, vkeys ...string) []byte {
	text := "# Trust policy (C2SP tlog-policy) for receipts in the log\n# " + origin + "\n"
	for _, vkey := range vkeys {
		text += "log " + vkey
		if url != "" {
			text += " " + url
		}
		text += "\n"
	}
	return []byte(text + "quorum none\n")
}

// knownKeys returns the log's verifier keys as readers were given them, by the
// policy file beside the data.
func knownKeys(dir string) (vkeys []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, policyName))
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, policyName), err)
	}
	for _, l := range p.Logs() {
		vkeys = append(vkeys, l.VKey)
	}
	return vkeys, nil
}

// addLogLine puts another key of the log into the policy file beside the data,
// below those that are there, durably, and returns the file's text.
func addLogLine(dir, vkey string) ([]byte, error) {
	path := filepath.Join(dir, policyName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	after, end := 0, 0
	for line := range bytes.Lines(text) {
		end += len(line)
		if f := bytes.Fields(line); len(f) > 0 && string(f[0]) == "log" {
			after = end
		}
	}
	text = slices.Insert(text, after, []byte("log "+vkey+"\n")...)
	if _, err := policy.Parse(text); err != nil {
		return nil, fmt.Errorf("add a key to %s: %w", path, err)
	}
	return text, durable.Replace(path, text, 0o644)
}
