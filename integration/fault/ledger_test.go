package fault

import (
	"bytes"
	"context"
	"encoding/hex"
	"sync"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verify"
)

// ledger is what the world remembers of one log, across all its crashes. Safe
// for concurrent use.
type ledger struct {
	t      testing.TB
	issuer *issuer
	policy *policy.Policy

	mu      sync.Mutex
	slips   map[string]*slip   // by run
	leaves  map[uint64]string  // run at each leaf
	trees   map[uint64]tree    // every checkpoint ever seen, by size
	highest uint64             // of them
	proven  map[[2]uint64]bool // pairs of sizes proven to extend one another
	faults  int
}

// slip is a receipt that was submitted, and what the log said to it.
type slip struct {
	run   string
	data  []byte // canonical
	hash  string
	acked bool
	index uint64
	held  bool // its bundle was verified
}

// tree is what a checkpoint commits to.
type tree struct {
	size uint64
	root [32]byte
}

// newLedger begins the memory of the log of s.
func newLedger(t testing.TB, is *issuer, s *server) *ledger {
	t.Helper()
	p, err := policy.ForLog(s.VKeys()...)
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{t: t, issuer: is, policy: p, slips: make(map[string]*slip),
		leaves: make(map[uint64]string), trees: make(map[uint64]tree), proven: make(map[[2]uint64]bool)}
}

// maxFaults bounds how many faults are reported: a log that is broken is broken
// everywhere.
const maxFaults = 20

// fault reports what must never be. The caller holds mu.
func (l *ledger) fault(format string, args ...any) {
	l.t.Helper()
	if l.faults++; l.faults <= maxFaults {
		l.t.Errorf(format, args...)
	}
}

// Draw makes a receipt for a new run that the log has never seen.
func (l *ledger) Draw(run string, padding int) *slip {
	data := l.issuer.Receipt(l.t, run, padding)
	r, err := receipt.Parse(data)
	if err != nil {
		l.t.Fatal(err)
	}
	hash := r.Hash()
	s := &slip{run: run, data: r.Canonical(), hash: hex.EncodeToString(hash[:])}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slips[run] = s
	return s
}

// Acknowledge notes that the log has said where a receipt is.
func (l *ledger) Acknowledge(s *slip, index uint64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hash != s.hash {
		l.fault("%s: the log speaks of receipt %s, submitted was %s", s.run, hash, s.hash)
	}
	if s.acked && s.index != index {
		l.fault("I2: %s was acknowledged at %d, and now at %d", s.run, s.index, index)
	}
	if other, taken := l.leaves[index]; taken && other != s.run {
		l.fault("I2: leaf %d was acknowledged to %s and to %s", index, other, s.run)
	}
	s.acked, s.index, l.leaves[index] = true, index, s.run
}

// Hold verifies a bundle offline, and that it is that of s, and notes both.
func (l *ledger) Hold(s *slip, raw []byte) {
	b, err := bundle.Parse(raw)
	if err != nil {
		l.t.Errorf("%s: bundle: %v", s.run, err)
		return
	}
	v := verify.Bundle(b, verify.Options{Policy: l.policy})
	if !v.Verified || !bytes.Equal(b.Receipt, s.data) {
		l.t.Errorf("%s: its bundle does not verify: %+v", s.run, v.Reasons)
	}
	l.Acknowledge(s, b.Index, s.hash)
	l.note(b.Checkpoint, 0)
	l.mu.Lock()
	defer l.mu.Unlock()
	s.held = true
}

// Look reads the published checkpoint and notes it. It must not be smaller than
// any that was seen before it was asked for.
func (l *ledger) Look(ctx context.Context, c *api.Client) error {
	l.mu.Lock()
	floor := l.highest
	l.mu.Unlock()
	signed, err := c.Checkpoint(ctx)
	if err == nil {
		l.note(signed, floor)
	}
	return err
}

// note remembers a checkpoint, which must have at least floor entries.
func (l *ledger) note(signed []byte, floor uint64) {
	cp, err := checkpoint.ParseSigned(signed)
	if err != nil {
		l.t.Errorf("checkpoint: %v\n%s", err, signed)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seen, known := l.trees[cp.Size]
	switch {
	case known && seen.root != cp.Root:
		l.fault("I4: two checkpoints of size %d have different roots", cp.Size)
	case !known:
		if _, err := l.policy.Verify(signed); err != nil {
			l.fault("checkpoint of size %d: %v", cp.Size, err)
		}
		l.trees[cp.Size] = tree{cp.Size, cp.Root}
	}
	if cp.Size < floor {
		l.fault("I4: the checkpoint shrank from %d to %d", floor, cp.Size)
	}
	l.highest = max(l.highest, cp.Size)
}

// all returns the receipts for which is holds.
func (l *ledger) all(is func(*slip) bool) (found []*slip) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.slips {
		if is(s) {
			found = append(found, s)
		}
	}
	return found
}

func acked(s *slip) bool { return s.acked }

// open is for receipts of which nobody knows whether they are logged.
func open(s *slip) bool { return !s.acked }

// Resubmit submits receipts again, acknowledged before or not. All must be
// taken, and those acknowledged must be known at the leaf they had. With bundles
// it waits for them and verifies them.
func (l *ledger) Resubmit(ctx context.Context, c *api.Client, slips []*slip, bundles bool) {
	l.t.Helper()
	receipts := func(yield func([]byte, error) bool) {
		for _, s := range slips {
			if !yield(s.data, nil) {
				return
			}
		}
	}
	n := 0
	for line, err := range c.SubmitMany(ctx, receipts, !bundles) {
		if err != nil || line.Error != nil {
			l.t.Fatalf("submit again: %v %+v", err, line)
		}
		s := slips[n]
		n++
		if s.acked && !line.Duplicate {
			l.t.Errorf("I2: %s is new to the log that acknowledged it at %d", s.run, s.index)
		}
		l.Acknowledge(s, line.Index, line.ReceiptHash)
		if bundles {
			l.Hold(s, line.Bundle)
		}
	}
	if n != len(slips) {
		l.t.Fatalf("%d of %d receipts were answered", n, len(slips))
	}
}

// Fetch reads the bundles of acknowledged receipts as anybody does.
func (l *ledger) Fetch(ctx context.Context, c *api.Client, slips []*slip) {
	l.t.Helper()
	for _, s := range slips {
		raw, err := c.Bundle(ctx, s.run, api.Only)
		if err != nil {
			l.t.Errorf("I1: %s was acknowledged at %d and cannot be had: %v", s.run, s.index, err)
			continue
		}
		l.Hold(s, raw)
	}
}
