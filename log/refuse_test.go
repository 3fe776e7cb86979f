package log_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/log/seen"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// refusing opens the log, which must refuse for a reason that says that, and holds
// that it can be read and does nothing else.
func refusing(t *testing.T, o log.Options, why string) *log.Log {
	t.Helper()
	l, err := log.Open(o)
	if err != nil {
		t.Fatalf("I5: it is not opened: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	refusal, ok := errors.AsType[*log.Refusal](l.Refused())
	if !ok || !strings.Contains(refusal.Error(), why) || refusal.Do == "" {
		t.Fatalf("I5: it refuses with %v, want %q", l.Refused(), why)
	}
	if l.Origin() != logtest.Origin {
		t.Errorf("it calls itself %s", l.Origin())
	}
	if _, err := l.Begin(t.Context(), nil); !errors.Is(err, log.ErrRefuses) {
		t.Errorf("I5: a receipt is taken in: %v", err)
	}
	if _, err := l.Keeper().Step(t.Context()); !errors.As(err, &refusal) {
		t.Errorf("I5, I6: it keeps promises: %v", err)
	}
	return l
}

// copied returns options of a copy of the closed log.
func copied(t *testing.T, o log.Options) log.Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	o.Dir = dir
	return o
}

// TestI5RefusesAndIsRead: a log that was rolled back, or has the keys or the name of
// another one, is opened, says so, signs nothing, erases nothing and is read.
func TestI5RefusesAndIsRead(t *testing.T) {
	w := logtest.New(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	w.Close()
	old := copied(t, w.Options)
	w.Open()
	w.Submit(w.Issuer.Receipt("run-1"))
	latest := w.Log.Published().Signed
	w.Close()
	other := logtest.New(t)

	var known []string
	for _, s := range w.Options.Signers {
		known = append(known, s.Verifier().VKey())
	}
	stranger := logtest.Must(checkpoint.NewSigner(first(checkpoint.GenerateEd25519("log.example/stranger")), nil))
	for name, c := range map[string]struct {
		options log.Options
		change  func(o *log.Options)
		why     string
		is      error
		size    uint64
	}{
		"older than what was seen": {old, func(o *log.Options) { o.Seen = [][]byte{latest} },
			"it had 3 entries, the data has 2", seen.ErrRolledBack, 2},
		"what was seen is damaged": {old, func(o *log.Options) { o.Seen = [][]byte{[]byte("gibberish")} },
			"is not signed by it", seen.ErrNotOurs, 2},
		"other keys": {w.Options, func(o *log.Options) { o.Signers = other.Options.Signers },
			"is not signed by these log keys", log.ErrForeignKeys, 3},
		"one other key": {w.Options, func(o *log.Options) {
			o.Signers = []*checkpoint.Signer{o.Signers[0], other.Options.Signers[1]}
		}, "1 of 2 have", log.ErrForeignKeys, 3},
		"a key of another log": {w.Options, func(o *log.Options) { o.Signers = []*checkpoint.Signer{stranger} },
			"the data is of the log log.example/test, and a log key is of log.example/stranger", log.ErrOtherLog, 3},
		"configured as another log": {w.Options, func(o *log.Options) { o.Origin = "log.example/renamed" },
			"the data is of the log log.example/test, and the configuration is of log.example/renamed", log.ErrOtherLog, 3},
	} {
		t.Run(name, func(t *testing.T) {
			o := copied(t, c.options)
			o.Known, o.RepublishInterval = known, o.CheckpointInterval
			c.change(&o)
			l := refusing(t, o, c.why)
			if !errors.Is(l.Refused(), c.is) {
				t.Errorf("it refuses with %v", l.Refused())
			}
			p := l.Published()
			if p == nil || p.Size() != c.size {
				t.Fatalf("it shows %+v, want %d entries", p, c.size)
			}
			b, err := l.Bundle(t.Context(), 1)
			if err != nil {
				t.Fatalf("it cannot be read: %v", err)
			}
			w.Verify(b.Marshal())
			time.Sleep(5 * o.CheckpointInterval)
			if l.Published() != p {
				t.Error("I5: it has published again")
			}
		})
	}

	// Where nobody's keys have signed what is published nobody can read it either.
	o := copied(t, w.Options)
	o.Signers = other.Options.Signers
	if l, err := log.Open(o); !errors.Is(err, log.ErrForeignKeys) {
		l.Close(t.Context())
		t.Errorf("opened with keys that nobody knows: %v", err)
	}
}

func first(skey, _ string, err error) string { return logtest.Must(skey, err) }

// TestI5OwnRecord: the log's own record is of a larger tree than the data has. What
// it shows is the last checkpoint that the data does have, and who waits for more
// is told so.
func TestI5OwnRecord(t *testing.T) {
	w := logtest.New(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	o := w.Options
	w.Close()
	var tree []byte
	w.Change(func(db *kv.DB) { tree = logtest.Must(db.Get(kv.TreeKey())) })
	w.Open()
	w.Submit(w.Issuer.Receipt("run-1"))
	w.Close()
	o = copied(t, o)
	db := logtest.Must(kv.Open(o.Dir, kv.Options{}))
	b := db.NewBatch()
	b.Set(kv.TreeKey(), tree)
	if err := errors.Join(b.Commit(true), db.Close()); err != nil {
		t.Fatal(err)
	}
	l := refusing(t, o, "it has size 3, the tree 2")
	if !errors.Is(l.Refused(), driver.ErrRollback) {
		t.Errorf("it refuses with %v", l.Refused())
	}
	if p := l.Published(); p == nil || p.Size() != 2 {
		t.Fatalf("it shows %+v", p)
	}
	bundle, err := l.Bundle(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	w.Verify(bundle.Marshal())
	if n := 0; l.History(0, time.Time{}, func(k log.Kept) bool { n++; return k.Size <= 2 }) != nil || n == 0 {
		t.Errorf("its history has %d checkpoints", n)
	}
}
