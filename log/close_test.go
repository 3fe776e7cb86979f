package log_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// TestClosingWithoutQuorum: while the quorum is lost nobody waits for it when the log
// is closed. What was accepted is durable and is published after the next start.
func TestClosingWithoutQuorum(t *testing.T) {
	a := newPlayedWitness(t, "a")
	w := logtest.New(t, watched(t, false, 1, a), func(o *log.Options) { o.ShutdownTimeout = time.Minute })
	w.Submit(w.Issuer.Receipt("run-1"))
	a.down.Store(true)
	p := logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt("run-2")))
	at := logtest.Must(p.Index())
	waited := make(chan error)
	go func() {
		_, err := p.Bundle(context.Background())
		waited <- err
	}()
	eventually(t, "the quorum is lost", func() bool { _, lost := w.Log.Quorum(); return !lost.IsZero() })
	began := time.Now()
	w.Log.Drain()
	if err := <-waited; !errors.Is(err, log.ErrUnpublished) {
		t.Errorf("who waited got %v", err)
	}
	l := w.Log
	w.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	if n := l.Unpublished(); n != 1 {
		t.Errorf("%d entries are unpublished, want 1", n)
	}
	a.down.Store(false)
	w.Open()
	if b := w.Submit(w.Issuer.Receipt("run-2")); b.Index != at {
		t.Errorf("I2: it is at %d, and was at %d", b.Index, at)
	}
}

// TestClosingLosesTheQuorum: the witnesses fall silent while the log closes.
func TestClosingLosesTheQuorum(t *testing.T) {
	a := newPlayedWitness(t, "a")
	w := logtest.New(t, watched(t, false, 1, a), func(o *log.Options) { o.ShutdownTimeout = time.Minute })
	w.Submit(w.Issuer.Receipt("run-1"))
	a.wait.Store(int64(300 * time.Millisecond))
	p := logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt("run-2")))
	logtest.Must(p.Index())
	a.down.Store(true)
	began := time.Now()
	w.Close()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("closing took %v", took)
	}
	a.wait.Store(0)
	a.down.Store(false)
	w.Open()
	w.Submit(w.Issuer.Receipt("run-2"))
}

// TestClosingWithQuorumPublishes: while the quorum stands, closing publishes all that
// was accepted.
func TestClosingWithQuorumPublishes(t *testing.T) {
	a := newPlayedWitness(t, "a")
	w := logtest.New(t, watched(t, false, 1, a), func(o *log.Options) { o.ShutdownTimeout = time.Minute })
	a.wait.Store(int64(200 * time.Millisecond))
	w.Fill(5)
	l := w.Log
	w.Log.Drain()
	w.Close()
	if n := l.Unpublished(); n != 0 {
		t.Errorf("%d entries are unpublished", n)
	}
}
