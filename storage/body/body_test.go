package body_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/kv"
)

var (
	commitment = [32]byte{1, 2, 3}
	salt       = [32]byte{4, 5, 6}
	plain      = []byte("a receipt, in plain text that must not be found on the disk")
)

func open(t *testing.T) *kv.DB {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), Create: true, Origin: "a.example"})
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

func put(t *testing.T, db *kv.DB, leaf uint64) {
	t.Helper()
	s, err := body.Seal(commitment, salt, plain)
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	s.Put(b, leaf)
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
}

func TestSealAndOpen(t *testing.T) {
	db := open(t)
	put(t, db, 7)
	got, gotSalt, err := body.Open(db, 7, commitment)
	if err != nil || !bytes.Equal(got, plain) || gotSalt != salt {
		t.Fatalf("%q, %x, %v", got, gotSalt, err)
	}
	if _, _, err := body.Open(db, 8, commitment); !errors.Is(err, body.ErrNotFound) {
		t.Errorf("a body that never was: %v", err)
	}
	if _, _, err := body.Open(db, 7, [32]byte{9}); !errors.Is(err, body.ErrCorrupt) {
		t.Errorf("under another commitment: %v", err)
	}
	if row, err := db.Get(kv.BodyKey(7)); err != nil || bytes.Contains(row, plain[:8]) {
		t.Errorf("row in plain text: %v", err)
	}
}

// Every bit of both rows counts, save the salt, which the commitment checks.
func TestAnyChangedByteIsNoticed(t *testing.T) {
	db := open(t)
	put(t, db, 0)
	for _, row := range []struct {
		key []byte
		len int
	}{{kv.BodyKey(0), len(plain) + 16}, {kv.BodyKeyKey(0), 32}} {
		good, err := db.Get(row.key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range row.len {
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			write(t, db, row.key, bad)
			if _, _, err := body.Open(db, 0, commitment); !errors.Is(err, body.ErrCorrupt) {
				t.Fatalf("byte %d of %c row changed: %v", i, row.key[0], err)
			}
		}
		for _, bad := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), 0)} {
			write(t, db, row.key, bad)
			if _, _, err := body.Open(db, 0, commitment); !errors.Is(err, body.ErrCorrupt) {
				t.Fatalf("%c row of %d bytes: %v", row.key[0], len(bad), err)
			}
		}
		write(t, db, row.key, good)
	}
	if _, _, err := body.Open(db, 0, commitment); err != nil {
		t.Fatal(err)
	}
}

func TestLostCiphertextIsCorruptNotAbsent(t *testing.T) {
	db := open(t)
	put(t, db, 0)
	b := db.NewBatch()
	b.Delete(kv.BodyKey(0))
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := body.Open(db, 0, commitment); !errors.Is(err, body.ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestErase(t *testing.T) {
	db := open(t)
	put(t, db, 3)
	if _, err := body.Erased(db, 3); !errors.Is(err, body.ErrNotFound) {
		t.Fatalf("before: %v", err)
	}
	b := db.NewBatch()
	body.Erase(b, 3, []byte("entry 9"))
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := body.Open(db, 3, commitment); !errors.Is(err, body.ErrErased) {
		t.Fatal(err)
	}
	if note, err := body.Erased(db, 3); err != nil || string(note) != "entry 9" {
		t.Fatalf("%q, %v", note, err)
	}
	for _, key := range [][]byte{kv.BodyKey(3), kv.BodyKeyKey(3)} {
		if ok, err := db.Has(key); ok || err != nil {
			t.Errorf("row %c is still there: %v", key[0], err)
		}
	}
}

// No two bodies share a key, not even the same body sealed twice.
func TestKeysAreFresh(t *testing.T) {
	db := open(t)
	seen := map[string]bool{}
	for leaf := range uint64(100) {
		put(t, db, leaf)
		secret, err := db.Get(kv.BodyKeyKey(leaf))
		if err != nil || seen[string(secret[:32])] {
			t.Fatalf("key of leaf %d was used before: %v", leaf, err)
		}
		seen[string(secret[:32])] = true
	}
}

func write(t *testing.T, db *kv.DB, key, value []byte) {
	t.Helper()
	b := db.NewBatch()
	b.Set(key, value)
	if err := b.Commit(false); err != nil {
		t.Fatal(err)
	}
}
