package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// The disk fails at its k-th change after an erasure was asked for, and the
// process dies: while the entry is appended, published, while bodies are
// destroyed, files rewritten. Before anything else is done afterwards, no body
// may be gone whose erasure is not under a published checkpoint (I6). Once the
// log runs again, an erasure that is on record is carried out to its end, one
// that is not leaves everything as it was, and of what was erased neither key
// nor salt is in any file (I7).
func TestI6I7CrashAtTheKthWrite(t *testing.T) {
	for k := 1; ; k += 3 {
		reached := false
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d/persisted=%v", k, persisted), func(t *testing.T) {
				reached = eraseAndCrash(t, k, persisted)
			})
		}
		if !reached {
			break
		}
		if k > 400 {
			t.Fatal("the erasure has no end")
		}
	}
}

// erasable is a log of four receipts, of which three are to be erased.
type erasable struct {
	*logtest.World
	bundles []*bundle.Bundle
	secrets [][]byte // keys and salts of those to be erased
	org     string
}

func newErasable(t *testing.T, disk vfs.FS) *erasable {
	e := &erasable{World: logtest.New(t, func(o *log.Options) {
		o.Dir, o.Storage.FS = "data", disk
		o.Retention.Interval, o.Retention.ScrubEvery = 5*time.Millisecond, time.Nanosecond
	})}
	for i := range 4 {
		e.bundles = append(e.bundles, e.Submit(e.Issuer.Receipt(fmt.Sprint("run-", i))))
	}
	e.org = logtest.Must(e.Log.Handle("acme"))
	e.Close()
	e.Change(func(db *kv.DB) {
		for _, b := range e.bundles[:3] {
			row := logtest.Must(db.Get(kv.BodyKeyKey(b.Index)))
			e.secrets = append(e.secrets, row[:32], row[32:])
		}
	})
	e.Open()
	return e
}

func (e *erasable) indices() (all []uint64) {
	for _, b := range e.bundles[:3] {
		all = append(all, b.Index)
	}
	return all
}

// erase asks for the erasure and reports whether it was appended.
func (e *erasable) erase() (appended bool) {
	ctx, cancel := context.WithTimeout(e.T.Context(), 10*time.Second)
	defer cancel()
	_, _, err := e.Log.Keeper().Erase(ctx, e.org, e.indices(), "GDPR Article 17", "case 31")
	return err == nil
}

// rests waits until the follower has nothing left to do, and reports false where
// it has failed, or cannot come to its end because the disk does not obey.
func (e *erasable) rests(patience time.Duration) bool {
	for until := time.Now().Add(patience); time.Now().Before(until); {
		select {
		case <-e.Log.Failed():
			return false
		default:
		}
		if e.Log.Keeper().Idle() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// settle wants the follower to come to its end.
func (e *erasable) settle() {
	e.T.Helper()
	if !e.rests(30 * time.Second) {
		e.T.Fatal("the follower never comes to rest")
	}
}

// gone counts which of the three bodies are gone.
func (e *erasable) gone() (n int) {
	for _, b := range e.bundles[:3] {
		if err := e.Log.Body(e.T.Context(), b.Index).Err; verdict.CodeOf(err) == verdict.Erased {
			n++
		} else if err != nil {
			e.T.Errorf("body of entry %d: %v", b.Index, err)
		}
	}
	return n
}

// checkI6 looks at the disk as the crash left it.
func (e *erasable) checkI6() {
	e.T.Helper()
	e.Change(func(db *kv.DB) {
		var published uint64
		lower, upper := kv.PublishedBounds(0, 0)
		if err := db.Last(lower, upper, func(key, _ []byte) error { published, _ = kv.PublishedAt(key); return nil }); err != nil {
			e.T.Fatal(err)
		}
		erasure := e.bundles[3].Index + 1
		for _, b := range e.bundles[:3] {
			if _, err := body.Erased(db, b.Index); err == nil && published <= erasure {
				e.T.Errorf("entry %d is gone, its erasure is entry %d, and %d entries are published", b.Index, erasure, published)
			}
		}
	})
}

// checkI7 searches every file.
func (e *erasable) checkI7(disk vfs.FS) {
	e.T.Helper()
	for _, name := range logtest.Must(disk.List("data")) {
		f, err := disk.Open(disk.PathJoin("data", name))
		if err != nil {
			continue // a folder, or gone meanwhile
		}
		data, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil {
			e.T.Fatal(err)
		}
		for i, secret := range e.secrets {
			if bytes.Contains(data, secret) {
				e.T.Errorf("secret %d is in %s", i, name)
			}
		}
	}
}

// eraseAndCrash reports whether there was a k-th write at all.
func eraseAndCrash(t *testing.T, k int, persisted bool) bool {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	e := newErasable(t, disk)
	disk.SetFault(storagetest.Fault{At: disk.Ops() + k, Persisted: persisted})
	acknowledged := e.erase()
	// A fault that hits the removal of an old file stops nothing but the scrub.
	failed := !acknowledged || !e.rests(2*time.Second)
	e.Abandon()
	disk = disk.Crash(50, uint64(k))
	e.Options.Storage.FS = disk
	e.checkI6()
	e.Open()
	e.settle()
	switch n := e.gone(); {
	case n != 0 && n != 3:
		t.Errorf("%d of 3 bodies are gone", n)
	case n == 0 && acknowledged:
		t.Error("the erasure was acknowledged and is not carried out")
	case n == 0:
		if !e.erase() {
			t.Fatal("asked for again, it is refused")
		}
		if e.settle(); e.gone() != 3 {
			t.Error("asked for again, it is not carried out")
		}
	}
	e.checkI7(disk)
	if err := e.Log.Body(t.Context(), e.bundles[3].Index).Err; err != nil {
		t.Errorf("another body: %v", err)
	}
	if n := countErasures(e); n != 1 {
		t.Errorf("%d erasure entries", n)
	}
	return failed
}

func countErasures(e *erasable) (n int) {
	for at := range e.Size() {
		if evidence, err := e.Log.Erasure(e.T.Context(), at); err == nil && bytes.Contains(evidence.Entry, []byte(entry.KindErasure)) {
			n++
		}
	}
	return n
}

// TestI6HoldStopsWhatIsUnderWay places a hold between an erasure's entry and
// its act: nothing is destroyed until the hold is lifted.
func TestI6HoldStopsWhatIsUnderWay(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	e := newErasable(t, disk)
	e.Close()
	// A follower that is kept from acting, as by a log that does not publish.
	e.Options.Retention.Paused = true
	e.Open()
	if _, _, err := e.Log.Keeper().Erase(t.Context(), e.org, e.indices(), "GDPR Article 17", "case 31"); err != nil {
		t.Fatal(err)
	}
	hold := entry.Hold{Action: entry.HoldPlaced, Ranges: []entry.Range{{First: e.bundles[1].Index, Last: e.bundles[1].Index}}, Basis: "litigation", Asked: "counsel"}
	at, _, err := e.Log.Keeper().Hold(t.Context(), hold)
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	e.Options.Retention.Paused = false
	e.Open()
	for e.gone() < 2 {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if err := e.Log.Body(t.Context(), e.bundles[1].Index).Err; err != nil {
		t.Errorf("the body under hold: %v", err)
	}
	lift := entry.Hold{Action: entry.HoldLifted, Lifts: &at, Basis: "settled", Asked: "counsel"}
	if _, _, err := e.Log.Keeper().Hold(t.Context(), lift); err != nil {
		t.Fatal(err)
	}
	e.settle()
	if e.gone() != 3 {
		t.Error("the hold was lifted and the erasure is not carried out")
	}
	e.checkI7(disk)
}
