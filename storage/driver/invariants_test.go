package driver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// records is a function as driver.Records.
type records func(b *kv.Batch, at uint64) error

func (r records) Append(b *kv.Batch, at uint64) error { return r(b, at) }

// When a future returns, entry, rows and tree state survive a crash that loses
// everything which was not synced.
func TestI1AcknowledgedIsDurable(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	l := newLog(t, setup{fs: disk, interval: time.Hour})
	for i := range uint64(20) {
		key := kv.BodyKey(i)
		ctx := driver.WithRecords(t.Context(), records(func(b *kv.Batch, at uint64) error {
			b.Set(key, []byte("row"))
			return nil
		}))
		if _, err := l.appender.Add(ctx, tessera.NewEntry(entry(i)))(); err != nil {
			t.Fatal(err)
		}
		after, err := start(setup{fs: disk.Crash(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := after.driver.Tree(); size != i+1 {
			t.Fatalf("after %d acknowledged entries and a crash there are %d", i+1, size)
		}
		if ok, err := after.db.Has(key); !ok || err != nil {
			t.Fatalf("row of entry %d is lost: %v", i, err)
		}
		after.publish(t)
		if err := check(t.Context(), after.reader); err != nil {
			t.Fatal(err)
		}
		after.stop(t)
	}
}

// A hundred submissions of one receipt at once, in one batch or several, get one
// leaf, and all of them learn which.
func TestI2OneReceiptOneLeaf(t *testing.T) {
	l := newLog(t, setup{opts: driver.Options{MaxBatchLeaves: 7}})
	x := index.New(l.db)
	var wg sync.WaitGroup
	leaves := make([]tessera.Index, 500)
	for i := range leaves {
		receipt := [32]byte{byte(i % 5)}
		wg.Go(func() {
			ctx := driver.WithRecords(t.Context(), records(func(b *kv.Batch, at uint64) error {
				leaf, claimed, err := x.Claim(b, receipt, at)
				if err == nil && !claimed {
					err = &driver.Duplicate{Leaf: leaf}
				}
				return err
			}))
			got, err := l.appender.Add(ctx, tessera.NewEntry(receipt[:]))()
			if err != nil {
				t.Error(err)
			}
			leaves[i] = got
		})
	}
	wg.Wait()
	if size, _ := l.driver.Tree(); size != 5 {
		t.Fatalf("5 receipts are at %d leaves", size)
	}
	firsts := 0
	for i, got := range leaves {
		if got.Index != leaves[i%5].Index {
			t.Errorf("submission %d was told leaf %d, another %d", i, got.Index, leaves[i%5].Index)
		}
		if !got.IsDup {
			firsts++
		}
	}
	if firsts != 5 {
		t.Errorf("%d submissions were told to be the first", firsts)
	}
}

// A checkpoint is only ever signed of a tree that a crash at that moment would
// leave: the signer itself looks at what is on the disk.
func TestI3OnlyDurableIsSigned(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	var mu sync.Mutex
	signed := 0
	signer := &watchingSigner{Signer: keys.signer, watch: func(body string) error {
		mu.Lock()
		defer mu.Unlock()
		signed++
		size, root, err := stored(disk.Crash(0, 0))
		if errors.Is(err, kv.ErrNotExist) {
			return err
		}
		// What is on disk may be ahead of what is being signed, never behind.
		lines := strings.Split(body, "\n")
		var of uint64
		if _, err := fmt.Sscan(lines[1], &of); err != nil {
			return err
		}
		if size < of || size == of && base64.StdEncoding.EncodeToString(root[:]) != lines[2] {
			return fmt.Errorf("signing size %d while the disk has %d", of, size)
		}
		return nil
	}}
	l := newLog(t, setup{fs: disk, interval: time.Nanosecond, signer: signer})
	for range 50 {
		l.add(t, 3)
	}
	l.publish(t)
	mu.Lock()
	defer mu.Unlock()
	if err := signer.err(); err != nil {
		t.Fatal(err)
	}
	if signed < 2 {
		t.Fatalf("only %d checkpoints were signed", signed)
	}
}

// stored returns the tree state on a disk.
func stored(disk *storagetest.FaultFS) (size uint64, root [32]byte, err error) {
	db, err := kv.Open("log", kv.Options{FS: disk})
	if err != nil {
		return 0, root, err
	}
	r, err := driver.OpenReader(db)
	if err != nil {
		return 0, root, errors.Join(err, db.Close())
	}
	size, root = r.Tree()
	return size, root, db.Close()
}

// watchingSigner shows what it signs to watch.
type watchingSigner struct {
	note.Signer
	watch func(body string) error

	mu    sync.Mutex
	first error
}

func (s *watchingSigner) Sign(body []byte) ([]byte, error) {
	if err := s.watch(string(body)); err != nil {
		s.mu.Lock()
		s.first = errors.Join(s.first, err)
		s.mu.Unlock()
	}
	return s.Signer.Sign(body)
}

func (s *watchingSigner) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Whoever sees a checkpoint sees one that a crash does not take back.
func TestI4PublishedIsDurable(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	var mu sync.Mutex
	published := 0
	opts := driver.Options{OnPublish: func(size uint64, signed []byte) {
		mu.Lock()
		defer mu.Unlock()
		published++
		db, err := kv.Open("log", kv.Options{FS: disk.Crash(0, 0)})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = db.Close() }()
		r, err := driver.OpenReader(db)
		if err != nil {
			t.Error(err)
			return
		}
		if got, err := r.ReadCheckpoint(context.Background()); err != nil || !bytes.Equal(got, signed) {
			t.Errorf("checkpoint of size %d was seen, the disk has %q, %v", size, got, err)
		}
	}}
	l := newLog(t, setup{fs: disk, opts: opts})
	for range 20 {
		l.add(t, 2)
		l.publish(t)
	}
	l.cancel() // the last is told a moment after it can be seen
	l.driver.Wait()
	mu.Lock()
	defer mu.Unlock()
	if published < 21 { // more if a step was published in two parts
		t.Errorf("%d publications, want one of the empty log and at least 20", published)
	}
}

// A tree that does not extend what was published, because it is older or
// another, is not signed: the log does not start.
func TestI4NeverShrinksNorForks(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	l, err := start(setup{fs: disk, create: true})
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, 300)
	l.publish(t)
	old := mustGet(t, l.db, kv.TreeKey())
	oldCheckpoint := mustGet(t, l.db, kv.CheckpointKey("log"))
	l.add(t, 300)
	l.publish(t)
	newCheckpoint := mustGet(t, l.db, kv.CheckpointKey("log"))
	l.stop(t)
	disk = disk.Crash(0, 0)

	forked := bytes.Clone(oldCheckpoint)
	forked[8] ^= 1 // its root
	larger := bytes.Clone(newCheckpoint)
	larger[7]++ // its size
	for name, rows := range map[string]map[string][]byte{
		"the tree is older":          {string(kv.TreeKey()): old},
		"the published one is newer": {string(kv.CheckpointKey("log")): larger},
		"the tree is another one":    {string(kv.CheckpointKey("log")): forked},
	} {
		t.Run(name, func(t *testing.T) {
			disk := disk.Crash(100, 0)
			db, err := kv.Open("log", kv.Options{FS: disk})
			if err != nil {
				t.Fatal(err)
			}
			b := db.NewBatch()
			for key, value := range rows {
				b.Set([]byte(key), value)
			}
			if err := b.Commit(true); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := start(setup{fs: disk}); !errors.Is(err, driver.ErrRollback) {
				t.Fatalf("the log starts: %v", err)
			}
			readsOn(t, disk)
		})
	}
}

// readsOn holds that the rolled back log can be read, shows no checkpoint that its
// tree does not have, and signs nothing.
func readsOn(t *testing.T, disk vfs.FS) {
	t.Helper()
	refused := errors.New("refused")
	l, err := start(setup{fs: disk, signer: neverSigner{t}, opts: driver.Options{Refused: func() error { return refused }}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.stop(t)
	if err := l.driver.CheckPublished(); !errors.Is(err, driver.ErrRollback) {
		t.Errorf("the published checkpoint: %v", err)
	}
	size, root := l.driver.Tree()
	signed, at, err := l.driver.LastExtended()
	if err != nil || at.IsZero() {
		t.Fatalf("nothing to show of %d entries: %v, %v", size, at, err)
	}
	want := fmt.Sprintf("%s\n%d\n%s\n\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
	if !bytes.HasPrefix(signed, []byte(want)) {
		t.Errorf("it shows\n%s\nwant\n%s", signed, want)
	}
	l.add(t, 1)
	time.Sleep(50 * time.Millisecond)
}

// neverSigner fails the test when it is asked to sign.
type neverSigner struct{ t *testing.T }

func (neverSigner) Name() string    { return origin }
func (neverSigner) KeyHash() uint32 { return 1 }
func (s neverSigner) Sign([]byte) ([]byte, error) {
	s.t.Error("I5: it signs")
	return nil, errors.New("it signs")
}

// A log that was rolled back and kept no checkpoint that its tree has shows none.
func TestI5NothingToShow(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	l, err := start(setup{fs: disk, create: true})
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, 10)
	l.publish(t)
	lower, upper := kv.PublishedBounds(0, 0)
	b := l.db.NewBatch()
	if err := l.db.Scan(lower, upper, func(key, signed []byte) error {
		b.Set(bytes.Clone(key), bytes.Replace(signed, []byte(origin), []byte("log.example/other"), 1))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if signed, _, err := l.driver.LastExtended(); signed != nil || err != nil {
		t.Errorf("it shows %q, %v", signed, err)
	}
	l.stop(t)
}

func mustGet(t *testing.T, db *kv.DB, key []byte) []byte {
	t.Helper()
	value, err := db.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// A second process, or a hand in the database, that moves the published
// checkpoint while the log runs stops it from signing.
func TestI4PublishedChangedUnderTheLog(t *testing.T) {
	l := newLog(t, setup{})
	l.add(t, 10)
	l.publish(t)
	record := mustGet(t, l.db, kv.CheckpointKey("log"))
	if err := cas.New(l.db).Replace("log", record, append(bytes.Clone(record), '\n')); err != nil {
		t.Fatal(err)
	}
	l.add(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := l.driver.AwaitPublished(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it was published: %v", err)
	}
}

// If witnesses do not answer nothing is published, and once they do everything.
func TestI4CosignFailsClosed(t *testing.T) {
	var mu sync.Mutex
	fail := errors.New("no quorum")
	opts := driver.Options{Cosign: func(_ context.Context, _ uint64, _ [32]byte, signed []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		return append(bytes.Clone(signed), "— witness AAAAAAA=\n"...), fail
	}}
	l := newLog(t, setup{opts: opts})
	l.add(t, 5)
	time.Sleep(20 * time.Millisecond)
	if _, err := l.reader.ReadCheckpoint(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a checkpoint was published without its witnesses: %v", err)
	}
	mu.Lock()
	fail = nil
	mu.Unlock()
	signed, err := l.driver.AwaitPublished(t.Context(), 4)
	if err != nil || !bytes.Contains(signed, []byte("— witness ")) {
		t.Fatalf("published %q, %v", signed, err)
	}
}

// A witness cannot put another body under the log's checkpoint.
func TestI4CosignCannotChangeTheBody(t *testing.T) {
	opts := driver.Options{Cosign: func(_ context.Context, _ uint64, _ [32]byte, signed []byte) ([]byte, error) {
		return bytes.Replace(signed, []byte(origin+"\n0\n"), []byte(origin+"\n1\n"), 1), nil
	}}
	if l, err := start(setup{fs: storagetest.NewFaultFS(storagetest.Fault{}), create: true, opts: opts}); err == nil {
		l.stop(t)
		t.Fatal("another body was published")
	}
}
