package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

func create(t *testing.T, fs vfs.FS) *kv.DB {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOpenCreatesOnlyWhenAsked(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := kv.Open("db", kv.Options{FS: fs}); !errors.Is(err, kv.ErrNotExist) {
		t.Fatalf("open of nothing: %v", err)
	}
	if names, _ := fs.List(""); len(names) != 0 {
		t.Fatalf("open of nothing left %v", names)
	}
	if _, err := kv.Open("db", kv.Options{FS: fs, Create: true}); err == nil {
		t.Fatal("created without an origin")
	}
	db, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	secret := db.Secret()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"}); !errors.Is(err, kv.ErrExists) {
		t.Fatalf("second creation: %v", err)
	}
	if _, err := kv.Open("db", kv.Options{FS: fs, Origin: "b.example"}); !errors.Is(err, kv.ErrOrigin) {
		t.Fatalf("open as another: %v", err)
	}
	if db, err = kv.Open("db", kv.Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	if db.Origin() != "a.example" || db.Secret() != secret || secret == [32]byte{} {
		t.Errorf("origin %q, secret kept: %v", db.Origin(), db.Secret() == secret)
	}
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAnotherVersion(t *testing.T) {
	fs := vfs.NewMem()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	b.Set([]byte("mversion"), []byte("receiptlog/999"))
	if err := errors.Join(b.Commit(true), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Open("db", kv.Options{FS: fs}); !errors.Is(err, kv.ErrVersion) {
		t.Fatal(err)
	}
}

func TestOpenIsExclusive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	db, err := kv.Open(dir, kv.Options{Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Open(dir, kv.Options{}); !errors.Is(err, kv.ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = kv.Open(dir, kv.Options{}); err != nil {
		t.Fatalf("open after close: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyWritesNothing(t *testing.T) {
	fs := vfs.NewMem()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: true, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = kv.Open("db", kv.Options{FS: fs, ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	b := db.NewBatch()
	b.Set([]byte("k"), nil)
	if err := b.Commit(true); err == nil {
		t.Fatal("a read-only database was written to")
	}
}

func TestBatchRollback(t *testing.T) {
	db := create(t, vfs.NewMem())
	b := db.NewBatch()
	b.Set([]byte("a"), []byte("1"))
	b.SetTracked([]byte("b"), []byte("2"))
	m := b.Mark()
	b.Set([]byte("a"), []byte("x"))
	b.SetTracked([]byte("c"), []byte("x"))
	key, value := b.Reserve(1, 1000)
	copy(key, "d")
	copy(value, "x")
	b.Rollback(m)
	if _, err := b.Get([]byte("c")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("tracked key survived: %v", err)
	}
	b.Set([]byte("e"), []byte("3"))
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := db.Scan([]byte("a"), []byte("f"), func(key, value []byte) error {
		got = append(got, string(key)+string(value))
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"a1", "b2", "e3"}) {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestRollbackOfAnEmptyBatch(t *testing.T) {
	db := create(t, vfs.NewMem())
	b := db.NewBatch()
	m := b.Mark()
	b.Set([]byte("a"), nil)
	b.Rollback(m)
	if !b.Empty() {
		t.Error("not empty")
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if ok, err := db.Has([]byte("a")); ok || err != nil {
		t.Fatal(ok, err)
	}
}

// A batch that is reset and used again leaves nothing of its former content.
func TestBatchReset(t *testing.T) {
	db := create(t, vfs.NewMem())
	b := db.NewBatchSize(1 << 10)
	for i := range 100 {
		b.SetTracked(fmt.Appendf(nil, "k%03d", i), bytes.Repeat([]byte("v"), i*50))
		if err := errors.Join(b.Start(), b.Wait()); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if !b.Empty() {
			t.Fatal("not empty")
		}
	}
	n := 0
	err := db.Scan([]byte("k"), []byte("l"), func(key, value []byte) error {
		if len(value) != n*50 {
			return fmt.Errorf("%s has %d bytes", key, len(value))
		}
		n++
		return nil
	})
	if err != nil || n != 100 {
		t.Fatal(n, err)
	}
}

func TestSnapshotDoesNotMove(t *testing.T) {
	db := create(t, vfs.NewMem())
	put := func(value string) {
		b := db.NewBatch()
		b.Set([]byte("k"), []byte(value))
		if err := b.Commit(false); err != nil {
			t.Fatal(err)
		}
	}
	put("old")
	s := db.Snapshot()
	defer func() { _ = s.Close() }()
	put("new")
	if v, err := s.Get([]byte("k")); err != nil || string(v) != "old" {
		t.Fatalf("%q, %v", v, err)
	}
	if v, err := db.Get([]byte("k")); err != nil || string(v) != "new" {
		t.Fatalf("%q, %v", v, err)
	}
}

// A backup of a database in use opens by itself and has what was applied.
func TestBackup(t *testing.T) {
	fs := vfs.NewMem()
	db := create(t, fs)
	b := db.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	if err := b.Commit(false); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup("copy"); err != nil {
		t.Fatal(err)
	}
	copied, err := kv.Open("copy", kv.Options{FS: fs, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	if v, err := copied.Get([]byte("k")); err != nil || string(v) != "v" {
		t.Fatalf("%q, %v", v, err)
	}
}

// Any fault at a write that is not background work is final; reads and writes
// return the cause, and OnFatal is called once.
func TestFailedStateIsFinal(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	fatal := make(chan error, 10)
	db, err := kv.Open("db", kv.Options{FS: disk, Create: true, Origin: "a.example", OnFatal: func(err error) { fatal <- err }})
	if err != nil {
		t.Fatal(err)
	}
	disk.SetFault(storagetest.Fault{At: disk.Ops() + 1, Once: true})
	for range 3 {
		b := db.NewBatch()
		b.Set([]byte("k"), nil)
		if err := b.Commit(true); !errors.Is(err, storagetest.ErrInjected) {
			t.Fatalf("commit: %v", err)
		}
	}
	if _, err := db.Get([]byte("k")); !errors.Is(err, storagetest.ErrInjected) {
		t.Errorf("get: %v", err)
	}
	if err := db.Flush(); !errors.Is(err, storagetest.ErrInjected) {
		t.Errorf("flush: %v", err)
	}
	<-db.Failed()
	if err := <-fatal; !errors.Is(err, storagetest.ErrInjected) || len(fatal) != 0 {
		t.Errorf("OnFatal: %v, and %d more", err, len(fatal))
	}
	if err := db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
