package audit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/webhook"
)

// TestFollow follows a log of every awkward size, at once and step by step,
// and comes to the same root as an independent implementation.
func TestFollow(t *testing.T) {
	l := newLog(t)
	stepwise := newMemory()
	for _, size := range []int{1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 1030} {
		for len(l.entries) < size {
			l.append(entry.Receipt{Issuer: issuer, Key: multikey(keyOf(1)), Org: acme, At: l.now, Retain: entry.Indefinite, Commitment: [32]byte{byte(len(l.entries))}})
		}
		l.publish()
		for _, store := range []Store{newMemory(), stepwise} {
			acc := l.audit(store, func(o *Options) { o.Bodies = NoBodies })
			root := must(tlog.TreeHash(int64(size), l))
			if acc.To.Size != uint64(size) || acc.To.Root != encodeHash(root) || acc.Outcome() != account.Clean {
				t.Fatalf("size %d: %+v", size, acc.To)
			}
			if n := uint64(size - 1); acc.Entries[entry.KindReceipt] != n || acc.Bodies.Receipts != n || acc.NotChecked[account.ReasonUnwanted] != n || acc.Bodies.Owed != n {
				t.Fatalf("size %d: %+v", size, acc)
			}
		}
	}
}

func TestCheckpointsThatCannotBe(t *testing.T) {
	grown := func(t *testing.T) (*simlog, *memory) {
		l, store := newLog(t), newMemory()
		l.submit(acme)
		l.publish()
		l.clean(store)
		return l, store
	}
	t.Run("fork of one size", func(t *testing.T) {
		l, store := grown(t)
		other := newLog(t)
		other.signers, other.policy = l.signers, l.policy
		other.now = other.now.Add(time.Minute)
		l.now = other.now
		other.submit(acme)
		other.publish()
		acc := other.audit(store, nil)
		if !slices.Equal(codes(acc), []string{string(Fork)}) || len(acc.Findings[0].Evidence) != 2 {
			t.Errorf("%+v", acc.Findings)
		}
		// It stays found, whatever is shown later.
		if got := codes(l.audit(store, nil)); !slices.Equal(got, []string{string(Fork)}) {
			t.Errorf("later: %v", got)
		}
	})
	t.Run("fork further on", func(t *testing.T) {
		l, store := grown(t)
		other := newLog(t)
		other.signers, other.policy = l.signers, l.policy
		for range 300 {
			other.append(entry.Receipt{Issuer: issuer, Key: multikey(keyOf(1)), Org: acme, At: l.now, Retain: entry.Indefinite})
		}
		other.publish()
		if acc := other.audit(store, nil); !slices.Equal(codes(acc), []string{string(Fork)}) {
			t.Errorf("%+v", acc.Findings)
		}
		l.submit(acme)
		l.publish()
		if acc := l.audit(store, nil); acc.To.Size != 3 {
			t.Errorf("the fork was followed: %+v", acc.To)
		}
	})
	t.Run("shrunk", func(t *testing.T) {
		l, store := grown(t)
		old := l.signed
		l.submit(acme)
		l.publish()
		l.clean(store)
		l.signed = old
		acc := l.audit(store, nil)
		if !slices.Equal(codes(acc), []string{string(CheckpointShrunk)}) || acc.To.Size != 3 {
			t.Errorf("%+v", acc)
		}
	})
	t.Run("no quorum", func(t *testing.T) {
		l, store := grown(t)
		l.submit(acme)
		l.publishWith(l.signers[0])
		acc := l.audit(store, nil)
		if !slices.Equal(codes(acc), []string{string(QuorumNotMet)}) || acc.To.Size != 2 || acc.Outcome() != account.Found {
			t.Errorf("%+v", acc)
		}
		l.publish()
		l.clean(store)
	})
	t.Run("not of the log", func(t *testing.T) {
		l, store := grown(t)
		l.signed = newLog(t).signed
		if got := codes(l.audit(store, nil)); !slices.Equal(got, []string{string(CheckpointInvalid)}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("silent witness and stale checkpoint", func(t *testing.T) {
		l, store := grown(t)
		l.publishWith(l.signers[:2]...)
		l.now = l.now.AddDate(0, 0, 2)
		acc := l.audit(store, nil)
		if !slices.Equal(codes(acc), []string{string(CosignatureMissing), string(CheckpointStale)}) || acc.Outcome() != account.Clean {
			t.Errorf("%+v", acc)
		}
		if f := acc.Findings[0]; f.Severity != account.Warning || f.Witness != "w2" {
			t.Errorf("%+v", f)
		}
	})
}

func TestUnreachable(t *testing.T) {
	l, store := newLog(t), newMemory()
	l.submit(acme)
	l.publish()
	l.clean(store)
	l.down = errors.New("connection refused")
	acc := l.audit(store, nil)
	if acc.Outcome() != account.CannotTell || !strings.Contains(acc.Incomplete, "refused") {
		t.Errorf("outcome %d, incomplete %q", acc.Outcome(), acc.Incomplete)
	}
}

// TestSurvivesCrash ends an audit at every k-th write, goes on with what is
// durable, and wants the same account as one that was never disturbed.
func TestSurvivesCrash(t *testing.T) {
	l := newLog(t)
	l.rules(acme, entry.ClassLog, "", entry.AppliesLater)
	var receipts []uint64
	for range 600 {
		receipts = append(receipts, l.submit(acme))
	}
	l.pass("P1Y")
	l.erase(acme, entry.BasisExpired, receipts[:40]...)
	want := l.clean(newMemory())
	if want.Bodies.Lawful != 40 || want.Bodies.Present != 560 || want.Bodies.Receipts != 600 {
		t.Fatalf("%+v", want.Bodies)
	}
	for k := 1; ; k++ {
		store := newMemory()
		store.fail = k
		_, err := l.auditor(store, nil).Run(t.Context())
		if err == nil {
			if k < 4 {
				t.Fatalf("the run made %d writes only", k)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		store.fail = 0
		got := l.clean(store)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("crash at write %d: %+v, want %+v", k, got, want)
		}
	}
}

// TestGoesOn cuts a run short, by its context, in the midst of entries and of
// bodies.
func TestGoesOn(t *testing.T) {
	l := newLog(t)
	for range 3000 {
		l.submit(acme)
	}
	l.publish()
	for _, step := range []string{"entries", "bodies"} {
		store := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		a := l.auditor(store, func(o *Options) {
			o.Progress = func(p Progress) {
				if p.Step == step && p.Done > 1000 {
					cancel()
				}
			}
		})
		if _, err := a.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: %v", step, err)
		}
		before := l.calls["bodies"]
		if acc := l.clean(store); acc.Bodies.Present != 3000 {
			t.Errorf("%s: %+v", step, acc.Bodies)
		}
		if asked := l.calls["bodies"] - before; step == "bodies" && asked >= 12 {
			t.Errorf("all %d bundles of bodies were asked for again", asked)
		}
	}
}

func TestSample(t *testing.T) {
	times := 60
	if testing.Short() {
		times = 12
	}
	l := newLog(t)
	var receipts []uint64
	for range 400 {
		receipts = append(receipts, l.submit(acme))
	}
	l.erase(acme, entry.BasisRequest, receipts[:10]...)
	sample := func(n uint64) *account.Account {
		return l.audit(newMemory(), func(o *Options) { o.Bodies, o.Sample = SampleBodies, n })
	}
	acc := sample(100)
	if s := acc.Sample; s.Asked != 100 || s.Population != 390 || s.Confidence != 0.99 || s.Below < 0.044 || s.Below > 0.046 {
		t.Errorf("%+v", acc.Sample)
	}
	if b := acc.Bodies; b.Present != 100 || b.Receipts != 400 || acc.NotChecked[account.ReasonUnsampled] != 300 || b.Owed != 390 {
		t.Errorf("%+v %v", b, acc.NotChecked)
	}
	if s := sample(1000).Sample; s.Asked != 390 || s.Below != 0 {
		t.Errorf("%+v", s)
	}
	// A sample that is said to exclude a share does find it, all but always.
	for _, i := range receipts[10:60] {
		delete(l.bodies, i)
	}
	missed := 0
	for range times {
		if len(sample(100).Findings) == 0 {
			missed++
		}
	}
	if missed > 1 {
		t.Errorf("%d of %d samples of 100 missed an eighth of all bodies", missed, times)
	}
}

// TestErasedMeanwhile holds that an honest erasure that falls between the
// checkpoint and the question is no finding.
func TestErasedMeanwhile(t *testing.T) {
	l, store := newLog(t), newMemory()
	i := l.submit(acme)
	l.publish()
	once := false
	acc := l.audit(store, func(o *Options) {
		o.Progress = func(p Progress) {
			if p.Step == "entries" && !once {
				once = true
				l.erase(acme, entry.BasisRequest, i)
			}
		}
	})
	if acc.Outcome() != account.Clean || acc.Bodies.Lawful != 1 || acc.Bodies.Missing != 0 || acc.Bodies.Owed != 0 {
		t.Errorf("%+v %v", acc.Bodies, acc.Findings)
	}
}

func TestDir(t *testing.T) {
	l := newLog(t)
	l.submit(acme)
	l.publish()
	path := filepath.Join(t.TempDir(), "audit")
	d := must(OpenDir(path))
	if _, err := OpenDir(path); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	first := l.clean(d)
	l.submit(acme)
	l.publish()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = must(OpenDir(path))
	defer d.Close()
	second := l.clean(d)
	if second.From.Signed != first.From.Signed || second.To.Size != 3 || len(second.Checkpoints) != 2 {
		t.Errorf("%+v", second)
	}
	if err := d.Replace([]byte(`{"audit":"receiptlog/v9"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Policy: l.policy, Log: l, Store: d}); !errors.Is(err, errState) {
		t.Errorf("another version: %v", err)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"audit":"receiptlog/v1","origin":"o","verified":{"size":1,"edge":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"rules":{"latest":"2026-01-31T12:00:00Z","records":[]}}}`))
	f.Add([]byte(`{"audit":"receiptlog/v1","verified":{"size":3,"edge":[]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseState(data)
		if err != nil {
			return
		}
		a := &Auditor{opts: Options{Store: newMemory()}, state: s}
		a.ledger = newLedger(a.opts.Store.Ledger())
		_ = a.resume(&s.Verified) // either usable or an error, and no panic
	})
}

func TestMonitor(t *testing.T) {
	l, store := newLog(t), newMemory()
	i, j := l.submit(acme), l.submit(globex)
	l.publish()
	var told []Alert
	refuse := false
	secret, now := webhook.NewSecret(), l.auditor(newMemory(), nil).opts.Now
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			w.WriteHeader(http.StatusTeapot)
		}
		// SPEC Standard Webhooks: what a receiver does to verify.
		body := must(io.ReadAll(r.Body))
		if err := webhook.Verify(secret, r.Header.Get, body, now()); err != nil {
			t.Errorf("header %v: %v", r.Header, err)
		}
	}))
	defer hook.Close()
	teller := &Webhook{URL: hook.URL, Secret: secret, Client: hook.Client(), Now: now}
	round := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var failure error
		m := &Monitor{Auditor: l.auditor(store, nil), Orgs: []string{acme}, Tell: func(ctx context.Context, a Alert) error {
			if err := teller.Tell(ctx, a); err != nil {
				return err
			}
			told = append(told, a)
			return nil
		}, Done: func(_ *account.Account, err error) { failure = err; cancel() }}
		if err := m.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return failure
	}
	want := func(err error, codes ...verdict.Code) {
		t.Helper()
		var got []verdict.Code
		for _, a := range told {
			got = append(got, a.Finding.Code)
		}
		if err != nil || !slices.Equal(got, codes) {
			t.Fatalf("told %v, want %v (%v)", got, codes, err)
		}
		told = nil
	}
	want(round())
	delete(l.bodies, i)
	delete(l.bodies, j) // of an organisation that nobody asked about
	refuse = true
	if err := round(); err == nil {
		t.Error("what could not be told is no error")
	}
	refuse = false
	want(round(), BodyMissing)
	want(round()) // once is enough
	l.down = errors.New("gone")
	want(round(), LogUnreachable)
	want(round())
	l.down = nil
	want(round())
	l.down = errors.New("gone again")
	want(round(), LogUnreachable)
	if teller.Secret = (webhook.Secret{}); teller.Tell(t.Context(), Alert{}) == nil {
		t.Error("posted without a secret")
	}
}
