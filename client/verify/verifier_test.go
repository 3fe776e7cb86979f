package verify

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// hold judges a bundle with a Verifier that has seen a good one before, with the
// same document in the same tree, and holds that to the verdict of Bundle.
func (w *world) hold(good, b *bundle.Bundle) {
	w.t.Helper()
	x := NewVerifier(Options{Policy: w.policy})
	read := must(receipt.Parse(good.Receipt))
	for range 2 {
		again := must(bundle.Parse(good.Marshal()))
		w.seal(again)
		if v, parts := x.Bundle(again, read); !v.Verified || parts.Receipt != read || parts.Entry == nil || parts.Checkpoint.Size != uint64(len(w.leaves)) {
			w.t.Fatalf("a good bundle: %+v", v)
		}
		want := Bundle(b, x.options)
		if got, _ := x.Bundle(b, read); !reflect.DeepEqual(got, want) {
			w.t.Errorf("a verifier that remembers says\n%+v\nand one that does not\n%+v", got, want)
		}
	}
}

// What is remembered of an issuer or a checkpoint is a copy: whoever hands it in may
// use the memory again.
func TestVerifierKeepsCopies(t *testing.T) {
	w := newWorld(t)
	b := w.bundle(w.sign(issuerDID, methodID, nil))
	x := NewVerifier(Options{Policy: w.policy})
	if v, _ := x.Bundle(b, nil); !v.Verified {
		t.Fatalf("%+v", v)
	}
	b.Issuer.Hashes[0][0] ^= 1
	if v, _ := x.Bundle(b, nil); status(v, CheckIssuer) != verdict.Failed {
		t.Errorf("a proof that was altered in place: %+v", v)
	}
	b.Issuer.Hashes[0][0] ^= 1
	b.Checkpoint[bytes.IndexByte(b.Checkpoint, '\n')+1] ^= 1
	if v, _ := x.Bundle(b, nil); status(v, CheckCheckpoint) != verdict.Failed {
		t.Errorf("a checkpoint that was altered in place: %+v", v)
	}
}

// Memory is bounded, and beyond the bound everything is still verified. Concurrent
// use is for the race detector.
func TestVerifierIsBounded(t *testing.T) {
	x := NewVerifier(Options{})
	var all sync.WaitGroup
	for half := range 2 {
		all.Go(func() {
			for i := range maxIssuers {
				seed := bytes.Repeat([]byte{byte(half), byte(i), byte(i >> 8), 1}, 8)
				if _, err := x.keyDocument(did.KeyDID(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))); err != nil {
					t.Error(fmt.Errorf("issuer %d: %w", i, err))
				}
			}
		})
	}
	all.Wait()
	kept := 0
	x.known.issuers.Range(func(any, any) bool { kept++; return true })
	if kept > maxIssuers {
		t.Errorf("%d issuers are remembered", kept)
	}
}

// Of checkpoints, those of a usual size are remembered, so many, and no others.
func TestVerifierRemembersNoLongNotes(t *testing.T) {
	w := newWorld(t)
	x := NewVerifier(Options{Policy: w.policy})
	kept := func() (n int) {
		x.known.notes.Range(func(any, any) bool { n++; return true })
		return n
	}
	if _, err := x.checkpoint(make([]byte, maxNoteBytes+1)); err == nil || kept() != 0 || x.known.last.Load() != nil {
		t.Errorf("a long note: %v, %d are remembered", err, kept())
	}
	for i := range maxNotes + 10 {
		if _, err := x.checkpoint(fmt.Append(nil, "no note ", i)); err == nil {
			t.Fatal("this is no checkpoint")
		}
	}
	if kept() != maxNotes {
		t.Errorf("%d are remembered, want %d", kept(), maxNotes)
	}
}
