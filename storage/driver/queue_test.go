package driver_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// Rows that cannot be written cost their own entry its leaf, and nobody else's;
// what they wrote before is taken back.
func TestFailedRecordsFailAlone(t *testing.T) {
	l := newLog(t, setup{})
	bad := errors.New("no")
	var futures []tessera.IndexFuture
	for i := range uint64(1000) {
		ctx := driver.WithRecords(t.Context(), records(func(b *kv.Batch, at uint64) error {
			b.Set(kv.BodyKey(1000+i), []byte("row"))
			b.SetTracked(kv.ErasedKey(1000+i), []byte("row"))
			if i%3 == 0 {
				return bad
			}
			return nil
		}))
		futures = append(futures, l.appender.Add(ctx, tessera.NewEntry(entry(i-i/3-1))))
	}
	var leaf uint64
	for i, f := range futures {
		got, err := f()
		has, hasErr := l.db.Has(kv.BodyKey(1000 + uint64(i)))
		if hasErr != nil {
			t.Fatal(hasErr)
		}
		if i%3 == 0 {
			if !errors.Is(err, bad) || has {
				t.Fatalf("entry %d: %v, row there: %v", i, err, has)
			}
			continue
		}
		if err != nil || got.Index != leaf || !has {
			t.Fatalf("entry %d is at leaf %d, want %d; row there: %v; %v", i, got.Index, leaf, has, err)
		}
		leaf++
	}
	l.publish(t)
	if err := check(t.Context(), l.reader); err != nil {
		t.Fatal(err)
	}
}

func TestPushback(t *testing.T) {
	hold := make(chan struct{})
	l := newLog(t, setup{pushback: 10})
	slow := driver.WithRecords(t.Context(), records(func(*kv.Batch, uint64) error { <-hold; return nil }))
	var futures []tessera.IndexFuture
	for i := range 10 {
		futures = append(futures, l.appender.Add(slow, tessera.NewEntry(entry(uint64(i)))))
	}
	if _, err := l.appender.Add(t.Context(), tessera.NewEntry(entry(10)))(); !errors.Is(err, tessera.ErrPushback) {
		t.Fatalf("the eleventh entry: %v", err)
	}
	close(hold)
	for _, f := range futures {
		if _, err := f(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.appender.Add(t.Context(), tessera.NewEntry(entry(10)))(); err != nil {
		t.Fatalf("once there is room: %v", err)
	}
}

// What was accepted before the stop is finished; what comes after is refused.
func TestStopFinishesWhatWasAccepted(t *testing.T) {
	l, err := start(setup{fs: storagetest.NewFaultFS(storagetest.Fault{}), create: true})
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	slow := driver.WithRecords(t.Context(), records(func(*kv.Batch, uint64) error { <-hold; return nil }))
	var futures []tessera.IndexFuture
	for i := range 100 {
		futures = append(futures, l.appender.Add(slow, tessera.NewEntry(entry(uint64(i)))))
	}
	l.cancel()
	time.Sleep(10 * time.Millisecond)
	if _, err := l.appender.Add(t.Context(), tessera.NewEntry(entry(0)))(); !errors.Is(err, driver.ErrStopped) {
		t.Fatalf("after the stop: %v", err)
	}
	if _, err := l.driver.AwaitPublished(t.Context(), 99); !errors.Is(err, driver.ErrStopped) {
		t.Fatalf("waiting after the stop: %v", err)
	}
	close(hold)
	for _, f := range futures {
		if _, err := f(); err != nil {
			t.Fatal(err)
		}
	}
	l.stop(t)
}

// Tessera's shutdown need not wait for the checkpoint interval.
func TestHurryPublishesAtOnce(t *testing.T) {
	l := newLog(t, setup{interval: time.Hour})
	l.add(t, 3)
	l.driver.Hurry()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if size, _ := l.driver.Published(); size != 3 {
		t.Fatalf("published size is %d", size)
	}
}

// An unchanged tree is published again after the republish interval.
func TestRepublish(t *testing.T) {
	var mu sync.Mutex
	var sizes []uint64
	l := newLog(t, setup{republish: 20 * time.Millisecond, opts: driver.Options{
		OnPublish: func(size uint64, _ []byte) { mu.Lock(); defer mu.Unlock(); sizes = append(sizes, size) },
	}})
	l.add(t, 1)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		mu.Lock()
		n := 0
		for _, s := range sizes {
			if s == 1 {
				n++
			}
		}
		mu.Unlock()
		if n >= 3 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("publications: %v", sizes)
}

func TestAwaitPublishedEndsWithContext(t *testing.T) {
	l := newLog(t, setup{})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("client went away")
	cancel(gone)
	if _, err := l.driver.AwaitPublished(ctx, 1<<40); !errors.Is(err, gone) {
		t.Fatal(err)
	}
}

// After the first failed sync the log refuses everything, though the disk works
// again: nothing is retried, and a restart finds what is durable.
func TestFailedSyncStopsTheLog(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	fatal := make(chan error, 1)
	l, err := start(setup{fs: disk, create: true, kv: kv.Options{OnFatal: func(err error) { fatal <- err }}})
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, 5)
	l.publish(t)
	disk.SetFault(storagetest.Fault{At: disk.Ops() + 1, Once: true})
	if _, err := l.appender.Add(t.Context(), tessera.NewEntry(entry(5)))(); !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("the entry whose sync failed: %v", err)
	}
	if err := <-fatal; !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("OnFatal: %v", err)
	}
	if _, err := l.appender.Add(t.Context(), tessera.NewEntry(entry(5)))(); !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("the next entry: %v", err)
	}
	if _, err := l.driver.AwaitPublished(t.Context(), 5); !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("awaiting publication: %v", err)
	}
	if _, err := l.db.Get(kv.TreeKey()); !errors.Is(err, storagetest.ErrInjected) {
		t.Fatalf("reading: %v", err)
	}
	l.stop(t)
	if l, err = start(setup{fs: disk.Crash(0, 0)}); err != nil {
		t.Fatal(err)
	}
	l.add(t, 3)
	l.publish(t)
	if err := check(t.Context(), l.reader); err != nil {
		t.Fatal(err)
	}
	l.stop(t)
}

// A lone entry waits for no timer: its latency is that of the disk.
func TestLoneEntryIsNotHeldBack(t *testing.T) {
	l := newLog(t, setup{interval: time.Hour})
	l.add(t, 10)
	begin := time.Now()
	for range 100 {
		l.add(t, 1)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("100 entries, one after another, took %v in memory", took)
	}
}

func TestOneDriverRunsOnce(t *testing.T) {
	l := newLog(t, setup{})
	o := tessera.NewAppendOptions().WithCheckpointSigner(keys.signer)
	if _, _, err := l.driver.Appender(t.Context(), o); err == nil {
		t.Fatal("it runs twice")
	}
}

func TestForeignSignerIsRefused(t *testing.T) {
	db, err := kv.Open("log", kv.Options{FS: storagetest.NewFaultFS(storagetest.Fault{}), Create: true, Origin: "another.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	o := tessera.NewAppendOptions().WithCheckpointSigner(keys.signer)
	if _, _, _, err := tessera.NewAppender(t.Context(), driver.New(db, driver.Options{}), o); err == nil {
		t.Fatal("a log publishes under another origin")
	}
}
