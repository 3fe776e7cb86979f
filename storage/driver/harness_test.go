package driver_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

const origin = "log.example/test"

// keys are the log's keys in all tests.
var keys = func() (k struct {
	signer   note.Signer
	verifier note.Verifier
}) {
	skey, vkey, err := note.GenerateKey(nil, origin)
	if err == nil {
		k.signer, err = note.NewSigner(skey)
	}
	if err == nil {
		k.verifier, err = note.NewVerifier(vkey)
	}
	if err != nil {
		panic(err)
	}
	return k
}()

// testLog is a running log.
type testLog struct {
	db       *kv.DB
	driver   *driver.Driver
	appender *tessera.Appender
	reader   tessera.LogReader
	shutdown func(context.Context) error
	cancel   context.CancelFunc
}

type setup struct {
	fs       vfs.FS // nil: in memory
	dir      string
	create   bool
	opts     driver.Options
	interval time.Duration
	pushback uint
	kv       kv.Options
	signer   note.Signer

	republish time.Duration
}

// start opens a log, creating it if asked to.
func start(s setup) (*testLog, error) {
	if s.dir == "" {
		s.dir = "log"
	}
	s.kv.FS, s.kv.Create, s.kv.Origin = s.fs, s.create, origin
	if s.kv.MemTableBytes == 0 {
		s.kv.MemTableBytes = 1 << 20
	}
	db, err := kv.Open(s.dir, s.kv)
	if err != nil {
		return nil, err
	}
	l := &testLog{db: db, driver: driver.New(db, s.opts)}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	if s.interval == 0 {
		s.interval = time.Millisecond
	}
	if s.pushback == 0 {
		s.pushback = 1 << 20
	}
	if s.signer == nil {
		s.signer = keys.signer
	}
	o := tessera.NewAppendOptions().WithCheckpointSigner(s.signer).
		WithCheckpointInterval(s.interval).WithPushback(s.pushback).
		WithCheckpointRepublishInterval(s.republish)
	l.appender, l.shutdown, l.reader, err = tessera.NewAppender(ctx, l.driver, o)
	if err != nil {
		cancel()
		return nil, errors.Join(l.driver.StartErr(), err, db.Close())
	}
	return l, nil
}

// newLog starts a new log in memory and stops it with the test.
func newLog(t testing.TB, s setup) *testLog {
	t.Helper()
	if s.fs == nil {
		s.fs = vfs.NewMem()
	}
	s.create = true
	l, err := start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(t) })
	return l
}

func (l *testLog) stop(t testing.TB) {
	t.Helper()
	l.cancel()
	l.driver.Wait()
	if err := l.db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// add adds n entries, numbered from the size of the log on, and waits for them.
func (l *testLog) add(t testing.TB, n int) {
	t.Helper()
	futures := make([]tessera.IndexFuture, n)
	size, _ := l.driver.Tree()
	for i := range futures {
		futures[i] = l.appender.Add(t.Context(), tessera.NewEntry(entry(size+uint64(i))))
	}
	for i, f := range futures {
		got, err := f()
		if err != nil {
			t.Fatalf("add %d: %v", i, err)
		}
		if want := size + uint64(i); got.Index != want {
			t.Fatalf("entry %d is at leaf %d", want, got.Index)
		}
	}
}

// publish waits until everything is published.
func (l *testLog) publish(t testing.TB) {
	t.Helper()
	size, _ := l.driver.Tree()
	if size == 0 {
		return
	}
	if _, err := l.driver.AwaitPublished(t.Context(), size-1); err != nil {
		t.Fatal(err)
	}
}

// entry returns the entry that tests put at leaf i.
func entry(i uint64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, i))
	return fmt.Appendf(nil, "entry %d: %x", i, sum[:i%32])
}

// check has Tessera's own fsck verify the published log, every entry and tile.
func check(ctx context.Context, r tessera.LogReader) error {
	return fsck.New(origin, keys.verifier, r, leafHashes, fsck.Opts{N: 2}).Check(ctx)
}

func leafHashes(bundle []byte) (hashes [][]byte, err error) {
	b := &api.EntryBundle{}
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}
