package log_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// TestFreeze: a frozen log has a last checkpoint over everything, and signs and takes
// in nothing after it, across restarts.
func TestFreeze(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) { o.RepublishInterval = o.CheckpointInterval })
	w.Submit(w.Issuer.Receipt("run-0"))
	p := logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt("run-1")))
	at := logtest.Must(p.Index())
	last := logtest.Must(w.Log.Freeze(t.Context()))
	if last.Checkpoint.Size != at+1 {
		t.Errorf("frozen at %d entries, and %d were accepted", last.Checkpoint.Size, at+1)
	}
	w.Close()
	for range 2 {
		w.Open()
		if !w.Log.Frozen() || w.Log.Refused() != nil {
			t.Fatalf("frozen: %v; refuses: %v", w.Log.Frozen(), w.Log.Refused())
		}
		signed := w.Log.Published().Signed
		if _, err := w.Log.Begin(t.Context(), w.Issuer.Receipt("run-2")); !errors.Is(err, log.ErrFrozen) {
			t.Errorf("a receipt is taken in: %v", err)
		}
		if _, err := w.Log.Freeze(t.Context()); !errors.Is(err, log.ErrFrozen) {
			t.Errorf("frozen twice: %v", err)
		}
		b, err := w.Log.Bundle(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		w.Verify(b.Marshal())
		time.Sleep(5 * w.Options.CheckpointInterval)
		if !bytes.Equal(w.Log.Published().Signed, signed) || w.Size() != at+1 {
			t.Error("it has signed again")
		}
		w.Close()
	}
}

// TestFreezeWantsTheQuorum: without the quorum nothing happens, and the log goes on.
func TestFreezeWantsTheQuorum(t *testing.T) {
	a := newPlayedWitness(t, "a")
	w := logtest.New(t, watched(t, false, 1, a))
	w.Submit(w.Issuer.Receipt("run-0"))
	a.down.Store(true)
	p := logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt("run-1")))
	logtest.Must(p.Index())
	if _, err := w.Log.Freeze(context.Background()); !errors.Is(err, log.ErrUnfinished) {
		t.Errorf("without the quorum: %v", err)
	}
	a.down.Store(false)
	w.Close()
	w.Open()
	if w.Log.Frozen() {
		t.Error("it is frozen")
	}
	w.Submit(w.Issuer.Receipt("run-1"))
}
