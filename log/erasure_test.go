package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
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
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	e := newErasable(t, disk)
	e.Close()
	step := 1
	if testing.Short() {
		step = 5
	}
	everyK(t, 400, step, func(t *testing.T, k int, persisted bool) (reached bool) {
		disk := disk.Crash(100, 0) // all was synced when the log was closed
		copied := *e
		copied.World = e.Copy(t, func(o *log.Options) { o.Storage.FS = disk })
		return eraseAndCrash(t, &copied, disk, k, persisted)
	})
}

// everyK runs a test of the k-th write for every k that is reached, some side by
// side: once with a write that fails and is not done, and once with one that is
// done all the same. With a step above 1 one k in so many is tried, by turns in
// one way and the other.
func everyK(t *testing.T, most, step int, test func(t *testing.T, k int, persisted bool) (reached bool)) {
	const abreast = 8
	for first := 1; first <= most; first += abreast * step {
		var any atomic.Bool
		t.Run(fmt.Sprintf("from %d", first), func(t *testing.T) {
			for k := first + rand.IntN(step); k < first+abreast*step; k += step {
				for _, persisted := range []bool{k%2 == 0, k%2 == 1} {
					t.Run(fmt.Sprintf("%d/persisted=%v", k, persisted), func(t *testing.T) {
						t.Parallel()
						if test(t, k, persisted) {
							any.Store(true)
						}
					})
					if step > 1 {
						break
					}
				}
			}
		})
		if !any.Load() {
			return
		}
	}
	t.Fatalf("%d writes and no end", most)
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
		o.IssuerRefresh = time.Hour // nothing is written but what the test is about
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

// erase asks for the erasure and reports whether it was appended. It gives up
// when stop says so.
func (e *erasable) erase(stop func() bool) (appended bool) {
	ctx, cancel := context.WithTimeout(e.T.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, _, err := e.Log.Keeper().Erase(ctx, e.org, e.indices(), "GDPR Article 17", "case 31")
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return err == nil
		case <-time.After(time.Millisecond):
			if stop() {
				cancel()
				return <-done == nil
			}
		}
	}
}

func never() bool { return false }

// settle waits until the follower has nothing left to do, or stop says that it
// cannot.
func (e *erasable) settle(stop func() bool) {
	e.T.Helper()
	// A database that fails may keep whoever asks it.
	keeper, idle := e.Log.Keeper(), make(chan bool, 1)
	for until := time.Now().Add(30 * time.Second); ; {
		go func() { idle <- keeper.Idle() }()
		for asking := true; asking; {
			select {
			case yes := <-idle:
				if yes {
					return
				}
				asking = false
			case <-time.After(time.Millisecond):
			}
			if stop() {
				select {
				case <-idle:
				case <-time.After(20 * time.Millisecond):
				}
				return
			}
			if time.Now().After(until) {
				e.T.Fatal("the follower never comes to rest")
			}
		}
		time.Sleep(time.Millisecond)
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
func eraseAndCrash(t *testing.T, e *erasable, disk *storagetest.FaultFS, k int, persisted bool) bool {
	at := disk.Ops() + k
	disk.SetFault(storagetest.Fault{At: at, Persisted: persisted})
	// From the fault on nothing changes on the disk, so there is nothing to wait for.
	hit := func() bool { return disk.Ops() >= at }
	acknowledged := e.erase(hit)
	e.settle(hit)
	reached := hit()
	e.Abandon()
	disk = disk.Crash(50, uint64(k))
	e.Options.Storage.FS = disk
	e.checkI6()
	e.Open()
	e.settle(never)
	switch n := e.gone(); {
	case n != 0 && n != 3:
		t.Errorf("%d of 3 bodies are gone", n)
	case n == 0 && acknowledged:
		t.Error("the erasure was acknowledged and is not carried out")
	case n == 0:
		if !e.erase(never) {
			t.Fatal("asked for again, it is refused")
		}
		if e.settle(never); e.gone() != 3 {
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
	return reached
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
	e.settle(never)
	if e.gone() != 3 {
		t.Error("the hold was lifted and the erasure is not carried out")
	}
	e.checkI7(disk)
}
