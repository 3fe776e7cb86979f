package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// maxPolicyBytes bounds a policy: hundreds of witnesses with keys of both kinds.
const maxPolicyBytes = 1 << 20

// readWitnesses reads the policy whose witnesses cosign, nil if there is none.
func readWitnesses(dir string, c *Config) (*policy.Policy, error) {
	if c.Policy == "" {
		if c.FailOpen {
			return nil, exit.With(exit.Usage, errors.New("failing open without a policy means nothing"), "say which witnesses to ask, with --policy")
		}
		return nil, nil
	}
	path := c.Policy
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxPolicyBytes {
		err = fmt.Errorf("%s is over %d bytes", path, maxPolicyBytes)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the policy: %w", err), "")
	}
	p, err := policy.Parse(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the policy %s: %w", path, err), "its format is C2SP tlog-policy: lines of log, witness, group and quorum")
	}
	return p, nil
}
