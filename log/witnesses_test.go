package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// playedWitness cosigns whatever it is asked to, after a while.
type playedWitness struct {
	*httptest.Server
	vkey string
	wait atomic.Int64 // nanoseconds
	down atomic.Bool
}

func newPlayedWitness(t *testing.T, name string) *playedWitness {
	skey, vkey, err := checkpoint.GenerateCosignatureEd25519(name)
	if err != nil {
		t.Fatal(err)
	}
	s := logtest.Must(checkpoint.NewSigner(skey, time.Now))
	w := &playedWitness{vkey: vkey}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || w.down.Load() || r.Method != http.MethodPost {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		time.Sleep(time.Duration(w.wait.Load()))
		_, signed, _ := bytes.Cut(body, []byte("\n\n"))
		text, _, _ := bytes.Cut(signed, []byte("\n\n"))
		line, err := s.SignLine(append(text, '\n'))
		if err != nil {
			t.Error(err)
		}
		rw.Write(line)
	}))
	t.Cleanup(w.Close)
	return w
}

// watched returns options of a log that publishes with k of the witnesses.
func watched(t *testing.T, failOpen bool, k int, witnesses ...*playedWitness) func(*log.Options) {
	text, group := "", fmt.Sprintf("group g %d", k)
	for i, w := range witnesses {
		text += fmt.Sprintf("witness w%d %s %s\n", i+1, w.vkey, w.URL)
		group += fmt.Sprintf(" w%d", i+1)
	}
	p, err := policy.Parse([]byte(text + group + "\nquorum g\n"))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *log.Options) {
		o.Witnesses, o.FailOpen = p, failOpen
		o.ShutdownTimeout = time.Second
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// cosigners returns who cosigned the published checkpoint.
func cosigners(l *log.Log) string {
	var names []string
	for _, c := range l.Published().Verified.Cosignatures {
		names = append(names, c.Witness)
	}
	return strings.Join(names, " ")
}

// Whoever cosigns late is not waited for, and is served all the same: now and
// after a restart.
func TestLateCosignaturesAreServed(t *testing.T) {
	fast, slow := newPlayedWitness(t, "fast"), newPlayedWitness(t, "slow")
	slow.wait.Store(int64(300 * time.Millisecond))
	w := logtest.New(t, watched(t, false, 1, fast, slow))
	b := w.Submit(w.Issuer.Receipt("run-1"))
	if bytes.Contains(b.Checkpoint, []byte("\n— slow ")) {
		t.Error("the submitter waited for the slow witness")
	}
	eventually(t, "the slow witness's line is served", func() bool { return cosigners(w.Log) == "w1 w2" })
	if size := w.Size(); size != 2 {
		t.Errorf("published size is %d", size)
	}
	w.Close()
	w.Open()
	if now := cosigners(w.Log); now != "w1 w2" {
		t.Errorf("after a restart it is served with %s", now)
	}
	w.Submit(w.Issuer.Receipt("run-2"))
}

// Failing open publishes without the quorum, and everybody can see it.
func TestFailOpen(t *testing.T) {
	a := newPlayedWitness(t, "a")
	a.down.Store(true)
	w := logtest.New(t, watched(t, true, 1, a))
	w.Submit(w.Issuer.Receipt("run-1"))
	if p := w.Log.Published(); p.Verified.Quorum {
		t.Error("it claims a quorum")
	}
	if _, lost := w.Log.Quorum(); lost.IsZero() {
		t.Error("it does not say that the quorum is lost")
	}
	a.down.Store(false)
	w.Submit(w.Issuer.Receipt("run-2"))
	if _, lost := w.Log.Quorum(); !lost.IsZero() || !w.Log.Published().Verified.Quorum {
		t.Error("the quorum is back, and it does not say so")
	}
}

// TestI4FailClosed: without the quorum nothing new is seen, and submitters wait as
// long as they like to.
func TestI4FailClosed(t *testing.T) {
	a := newPlayedWitness(t, "a")
	w := logtest.New(t, watched(t, false, 1, a))
	w.Submit(w.Issuer.Receipt("run-1"))
	size := w.Size()
	a.down.Store(true)
	p := logtest.Must(w.Log.Begin(t.Context(), w.Issuer.Receipt("run-2")))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := p.Bundle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a quorum: %v", err)
	}
	if now := w.Size(); now != size {
		t.Errorf("published %d entries without a quorum", now)
	}
	if s := w.Log.Witnesses(); len(s) != 1 || s[0].FailingSince.IsZero() {
		t.Errorf("witnesses are %+v", s)
	}
	a.down.Store(false)
	if _, err := p.Bundle(t.Context()); err != nil {
		t.Errorf("the quorum is back: %v", err)
	}
}

// A policy of another log is refused.
func TestPolicyOfAnotherLog(t *testing.T) {
	w := logtest.New(t)
	w.Close()
	_, vkey, err := checkpoint.GenerateEd25519("log.example/another")
	if err != nil {
		t.Fatal(err)
	}
	options := w.Options
	options.Witnesses = logtest.Must(policy.ForLog(vkey))
	if l, err := log.Open(options); err == nil {
		l.Close(t.Context())
		t.Error("it was opened")
	} else if !strings.Contains(err.Error(), "none is of this log") {
		t.Error(err)
	}
}
