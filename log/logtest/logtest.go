// Package logtest gives tests a log with keys and issuers, and holds every log
// that a test has used to the invariants: when the test ends, the log is closed
// and checked by package fsck.
package logtest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/fsck"
	"github.com/armalo/receiptlog/storage/kv"
)

// Origin is the name of the log under test.
const Origin = "log.example/test"

// World is a log with its keys and issuers.
type World struct {
	T        testing.TB
	Log      *log.Log
	Options  log.Options
	Policy   *policy.Policy
	Issuer   *Issuer // did:web, accepted by the log
	Resolver *Resolver
	vkeys    []string
}

// New returns a world with an open log. change may adjust the options first.
func New(t testing.TB, change ...func(*log.Options)) *World {
	t.Helper()
	w := &World{T: t, Resolver: NewResolver()}
	w.Issuer = NewIssuer("did:web:issuer.example")
	w.Resolver.Publish(w.Issuer.Document())
	w.Options = log.Options{
		Dir:                t.TempDir(),
		Signers:            w.signers(),
		Issuers:            []string{w.Issuer.DID},
		Resolver:           did.Chain{did.KeyResolver{}, w.Resolver},
		CheckpointInterval: 20 * time.Millisecond,
		IssuerRefresh:      1, // nanosecond: what tests publish counts at once
		Storage:            kv.Options{MemTableBytes: 1 << 20, CacheBytes: 1 << 20},
	}
	for _, f := range change {
		f(&w.Options)
	}
	storage := w.Options.Storage
	storage.Create, storage.Origin = true, Origin
	db := Must(kv.Open(w.Options.Dir, storage))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.Policy = Must(policy.ForLog(w.vkeys...))
	w.Open()
	t.Cleanup(w.finish)
	return w
}

// Copy returns a world of the same log for the test t, opened with options that
// change adjusts: another folder or disk, which holds a copy of its data.
func (w *World) Copy(t testing.TB, change func(*log.Options)) *World {
	t.Helper()
	other := *w
	other.T, other.Log = t, nil
	change(&other.Options)
	other.Open()
	t.Cleanup(other.finish)
	return &other
}

func (w *World) signers() []*checkpoint.Signer {
	var signers []*checkpoint.Signer
	for _, generate := range []func(string) (string, string, error){checkpoint.GenerateEd25519, checkpoint.GenerateMLDSA44} {
		skey, vkey, err := generate(Origin)
		if err != nil {
			w.T.Fatal(err)
		}
		signers = append(signers, Must(checkpoint.NewSigner(skey, time.Now)))
		w.vkeys = append(w.vkeys, vkey)
	}
	return signers
}

// Open opens the log, which must be closed.
func (w *World) Open() {
	w.T.Helper()
	var err error
	if w.Log, err = log.Open(w.Options); err != nil {
		w.T.Fatalf("open log: %v", err)
	}
}

// Close closes the log.
func (w *World) Close() {
	w.T.Helper()
	if w.Log == nil {
		return
	}
	if err := w.Log.Close(context.Background()); err != nil {
		w.T.Errorf("close log: %v", err)
	}
	w.Log = nil
}

// finish closes the log and checks all that it stored.
func (w *World) finish() {
	w.Close()
	report := w.Fsck()
	for _, d := range report.Damages {
		w.T.Errorf("fsck: %s %s: %s", d.What, d.Where, d.Detail)
	}
	if !report.CheckpointHolds || report.Published != report.Size {
		w.T.Errorf("fsck: checkpoint holds: %v; %d of %d entries are published", report.CheckpointHolds, report.Published, report.Size)
	}
}

// Fsck checks the closed log.
func (w *World) Fsck() *fsck.Report {
	w.T.Helper()
	report, err := fsck.Run(context.Background(), fsck.Options{
		Dir: w.Options.Dir, Origin: Origin, Policy: w.Policy, Storage: w.Options.Storage,
	})
	if err != nil {
		w.T.Fatalf("fsck: %v", err)
	}
	return report
}

// Submit logs a receipt and returns its bundle, which it holds to be valid.
func (w *World) Submit(data []byte) *bundle.Bundle {
	w.T.Helper()
	p, err := w.Log.Begin(w.T.Context(), data)
	if err != nil {
		w.T.Fatalf("submit: %v", err)
	}
	b, err := p.Bundle(w.T.Context())
	if err != nil {
		w.T.Fatalf("submit: %v", err)
	}
	w.Verify(b.Marshal())
	return b
}

// Fill logs receipts of the runs run-0 up to run-(n-1) side by side and returns
// when they are durable. Their bundles are not looked at.
func (w *World) Fill(n int) {
	w.T.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			p, err := w.Log.Begin(w.T.Context(), w.Issuer.Receipt(fmt.Sprint("run-", i)))
			if err == nil {
				_, err = p.Index()
			}
			if err != nil {
				w.T.Errorf("fill: %v", err)
			}
		})
	}
	wg.Wait()
}

// Verify holds a marshalled bundle to the verifier.
func (w *World) Verify(marshalled []byte) {
	w.T.Helper()
	b, err := bundle.Parse(marshalled)
	if err != nil {
		w.T.Fatalf("bundle: %v", err)
	}
	if v := verify.Bundle(b, verify.Options{Policy: w.Policy}); !v.Verified {
		w.T.Fatalf("bundle of entry %d does not verify: %+v", b.Index, v.Reasons)
	}
}

// Size is the number of published entries.
func (w *World) Size() uint64 {
	if p := w.Log.Published(); p != nil {
		return p.Size()
	}
	return 0
}

// Resolver is a did.Resolver whose documents tests exchange.
type Resolver struct {
	mu    sync.Mutex
	known map[string]*did.Document
	down  error
	asked int
}

// Asked is how often it was asked.
func (r *Resolver) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Break has every question answered with err, until that is nil again.
func (r *Resolver) Break(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
}

// Withdraw lets the resolver know of no document of a DID.
func (r *Resolver) Withdraw(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}

// Publish makes doc the document of its DID.
func (r *Resolver) Publish(doc *did.Document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[doc.DID()] = doc
}

// Resolve implements did.Resolver.
func (r *Resolver) Resolve(_ context.Context, id string) (*did.Document, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.down != nil {
		return nil, r.down
	}
	if doc := r.known[id]; doc != nil {
		return doc, nil
	}
	return nil, fmt.Errorf("%s: %w", id, did.ErrNotFound)
}

// Must returns v, or panics: for what cannot fail in a test.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Rot flips a bit in the last byte of the n-th row (or the last, if there are
// fewer) from lower up to upper, in a closed log, and returns a function that
// flips it back.
func (w *World) Rot(lower, upper []byte, n int) (undo func()) {
	w.T.Helper()
	flip := func() {
		w.Change(func(db *kv.DB) {
			var key, value []byte
			row := 0
			err := db.Scan(lower, upper, func(k, v []byte) error {
				if row++; row <= n {
					key, value = bytes.Clone(k), bytes.Clone(v)
				}
				return nil
			})
			if err != nil || key == nil {
				w.T.Fatalf("nothing to rot: %v", err)
			}
			value[len(value)-1] ^= 1
			b := db.NewBatch()
			b.Set(key, value)
			if err := b.Commit(true); err != nil {
				w.T.Fatal(err)
			}
		})
	}
	flip()
	return flip
}

// Change lets f change the database of the closed log behind its back.
func (w *World) Change(f func(db *kv.DB)) {
	w.T.Helper()
	storage := w.Options.Storage
	storage.Create, storage.ReadOnly = false, false
	db, err := kv.Open(w.Options.Dir, storage)
	if err != nil {
		w.T.Fatal(err)
	}
	f(db)
	if err := db.Close(); err != nil {
		w.T.Fatal(err)
	}
}

// Abandon lets go of the log as it is, as if its process had died: what it
// still had to say does not count.
func (w *World) Abandon() {
	w.T.Helper()
	if w.Log != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.Log.Close(ctx); err == nil {
			w.T.Log("the log was closed cleanly after all")
		}
	}
	w.Log = nil
}

// NewResolver returns a resolver that knows no document yet.
func NewResolver() *Resolver { return &Resolver{known: make(map[string]*did.Document)} }
