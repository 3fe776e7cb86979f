package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
	"github.com/armalo/receiptlog/cmd/receiptctl/draft"
	"github.com/armalo/receiptlog/cmd/receiptctl/issuerkey"
)

// stamp settles what makes this receipt one of its own.
func (f issueFlags) stamp(key *issuerkey.Key, d *draft.Draft, change *commit.Change) (draft.Stamp, error) {
	s := draft.Stamp{ID: f.id, RunID: f.runID, Issuer: key.Controller, Time: time.Now().UTC().Truncate(time.Second)}
	if f.created != "" {
		at, err := time.Parse(time.RFC3339, f.created)
		if err != nil {
			return s, fmt.Errorf("--created %q is no time like 2026-05-12T10:00:00Z", f.created)
		}
		s.Time = at.UTC().Truncate(time.Second)
	}
	if s.RunID == "" {
		s.RunID = d.RunID
	}
	if s.RunID == "" {
		s.RunID = "run-" + change.Head[:12] + "-" + randomHex(4)
	}
	if s.ID == "" {
		s.ID = "urn:uuid:" + randomUUID()
	}
	return s, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// randomUUID returns a UUID of version 4. SPEC RFC 9562, 5.4.
func randomUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
