package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/index"
	"github.com/armalo/receiptlog/storage/kv"
)

func open(t *testing.T, fs vfs.FS, create bool) (*kv.DB, *index.Index) {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: fs, Create: create, Origin: "a.example"})
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	return db, x
}

func commit(t *testing.T, b *kv.Batch) {
	t.Helper()
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
}

func closeDB(t *testing.T, db *kv.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestI2ClaimIsFirstComeFirstServed(t *testing.T) {
	db, x := open(t, vfs.NewMem(), true)
	defer closeDB(t, db)
	one, two := [32]byte{1}, [32]byte{2}
	b := db.NewBatch()
	claim := func(receipt [32]byte, at, wantLeaf uint64, wantClaimed bool) {
		t.Helper()
		leaf, claimed, err := x.Claim(b, receipt, at)
		if err != nil || leaf != wantLeaf || claimed != wantClaimed {
			t.Fatalf("claim of leaf %d: %d, %v, %v", at, leaf, claimed, err)
		}
	}
	claim(one, 5, 5, true)
	claim(one, 6, 5, false) // in the same batch
	m := b.Mark()
	claim(two, 6, 6, true)
	b.Rollback(m)
	claim(two, 7, 7, true) // what was rolled back was not claimed
	if _, err := x.Identity(one); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("before the batch is applied: %v", err)
	}
	commit(t, b)
	b = db.NewBatch()
	claim(one, 8, 5, false) // in a later batch
	if leaf, err := x.Identity(two); err != nil || leaf != 7 {
		t.Fatal(leaf, err)
	}
	x.Forget(b, one)
	commit(t, b)
	b = db.NewBatch()
	claim(one, 9, 9, true)
}

// owner is another one for each leaf.
func owner(leaf uint64) index.Owner {
	return index.OwnedBy(index.Handle{byte(leaf), 7}, leaf%2 == 0)
}

func TestErasedRuns(t *testing.T) {
	db, x := open(t, vfs.NewMem(), true)
	defer closeDB(t, db)
	b := db.NewBatch()
	x.PutErasedRun(b, "run", 7, 9, owner(7))
	x.PutErasedRun(b, "run", 2, 8, owner(2))
	x.PutErasedRun(b, "run2", 3, 8, owner(3))
	commit(t, b)
	if erased, err := x.ErasedRun("run"); err != nil || !slices.Equal(erased, []index.Erased{{2, 8, owner(2)}, {7, 9, owner(7)}}) {
		t.Fatal(erased, err)
	}
}

func TestRunsAndIssuers(t *testing.T) {
	db, x := open(t, vfs.NewMem(), true)
	defer closeDB(t, db)
	b := db.NewBatch()
	for _, leaf := range []uint64{300, 2, 1 << 40} {
		x.PutRun(b, "run", leaf, owner(leaf))
		x.PutIssuer(b, "did:web:a.example", [32]byte{byte(leaf)}, leaf)
	}
	x.PutRun(b, "run2", 9, owner(9))
	x.PutRun(b, "run3", 10, index.Owner{}) // as earlier versions wrote it
	commit(t, b)
	if leaves, err := x.Run("run"); err != nil || !slices.Equal(leaves, []index.RunLeaf{{2, owner(2)}, {300, owner(300)}, {1 << 40, owner(1 << 40)}}) {
		t.Fatal(leaves, err)
	}
	if leaves, err := x.Run("run3"); err != nil || !slices.Equal(leaves, []index.RunLeaf{{10, index.Owner{}}}) {
		t.Fatal(leaves, err)
	}
	if leaves, err := x.Run("ru"); err != nil || len(leaves) != 0 {
		t.Fatal(leaves, err)
	}
	docs, err := x.Issuer("did:web:a.example")
	if err != nil || len(docs) != 3 || docs[0] != (index.Document{Leaf: 2, Hash: [32]byte{2}}) {
		t.Fatal(docs, err)
	}
	if latest, err := x.LatestIssuer("did:web:a.example"); err != nil || latest.Leaf != 1<<40 {
		t.Fatal(latest, err)
	}
	if _, err := x.LatestIssuer("did:web:b.example"); !errors.Is(err, index.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestHandles(t *testing.T) {
	fs := vfs.NewMem()
	db, x := open(t, fs, true)
	h, err := x.Handle("Acme")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := x.Handle("Acme"); err != nil || again != h {
		t.Fatalf("two first uses got %s and %s, %v", h, again, err)
	}
	if other, err := x.Handle("Umbrella"); err != nil || other == h {
		t.Fatal("two organisations share a handle", err)
	}
	for range 3 { // with three entries; one row is written
		b := db.NewBatch()
		if err := errors.Join(x.PutOrg(b, "Acme", h), x.PutOrg(b, "Acme", h)); err != nil {
			t.Fatal(err)
		}
		commit(t, b)
	}
	closeDB(t, db)
	db, x = open(t, fs, false)
	defer closeDB(t, db)
	if again, err := x.Handle("Acme"); err != nil || again != h {
		t.Fatalf("after a restart: %s, %v", again, err)
	}
	if name, err := x.Org(h); err != nil || name != "Acme" {
		t.Fatal(name, err)
	}
	if _, err := x.LookupHandle("Umbrella"); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("a handle that no entry used: %v", err)
	}
	if parsed, err := index.ParseHandle(h.String()); err != nil || parsed != h {
		t.Fatal(parsed, err)
	}
}

func FuzzParseHandle(f *testing.F) {
	for _, s := range []string{"", "00", "000102030405060708090a0b0c0d0e0f", "000102030405060708090A0B0C0D0E0F", "000102030405060708090a0b0c0d0e0f00", "g00102030405060708090a0b0c0d0e0f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := index.ParseHandle(s); err == nil && h.String() != s {
			t.Errorf("%q parses as %s", s, h)
		}
	})
}

// Nothing that identifies a receipt, a run or an organisation stands in a key.
func TestKeysDoNotTell(t *testing.T) {
	db, x := open(t, vfs.NewMem(), true)
	defer closeDB(t, db)
	receipt := [32]byte(bytes.Repeat([]byte("R"), 32))
	b := db.NewBatch()
	if _, _, err := x.Claim(b, receipt, 0); err != nil {
		t.Fatal(err)
	}
	x.PutRun(b, "the run", 0, owner(0))
	commit(t, b)
	err := db.Scan(nil, nil, func(key, _ []byte) error {
		if bytes.Contains(key, receipt[:]) || bytes.Contains(key, []byte("the run")) {
			return fmt.Errorf("key %q", key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Dropped and rebuilt, every answer is the same; handles are left alone.
func TestI9RebuildGivesTheSameAnswers(t *testing.T) {
	db, x := open(t, vfs.NewMem(), true)
	defer closeDB(t, db)
	const leaves = 1000
	receipt := func(leaf uint64) [32]byte { return [32]byte{byte(leaf), byte(leaf >> 8)} }
	run := func(leaf uint64) string { return fmt.Sprintf("run %d", leaf%100) }
	b := db.NewBatch()
	h, err := x.Handle("Acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.PutOrg(b, "Acme", h); err != nil {
		t.Fatal(err)
	}
	for leaf := range uint64(leaves) {
		if _, _, err := x.Claim(b, receipt(leaf), leaf); err != nil {
			t.Fatal(err)
		}
		x.PutRun(b, run(leaf), leaf, owner(leaf))
		x.PutIssuer(b, "did:web:a.example", receipt(leaf), leaf)
	}
	commit(t, b)
	before := dump(t, db)
	b = db.NewBatch() // rows that should not be there
	x.PutRun(b, "a run of no entry", 5, owner(5))
	commit(t, b)

	rebuild := func(r *index.Rebuilder) error {
		for leaf := range uint64(leaves) {
			r.Identity(receipt(leaf), leaf)
			r.Run(run(leaf), leaf, owner(leaf))
			r.Issuer("did:web:a.example", receipt(leaf), leaf)
		}
		return nil
	}
	if err := x.Rebuild(rebuild); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, db); !slices.Equal(before, after) {
		t.Fatalf("%d rows before, %d after", len(before), len(after))
	}
	if name, err := x.Org(h); err != nil || name != "Acme" {
		t.Fatal(name, err)
	}
}

// An index whose rebuild was interrupted is not used.
func TestI9InterruptedRebuildIsNoticed(t *testing.T) {
	fs := vfs.NewMem()
	db, x := open(t, fs, true)
	stop := errors.New("stop")
	if err := x.Rebuild(func(*index.Rebuilder) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if _, err := index.Open(db); !errors.Is(err, index.ErrIncomplete) {
		t.Fatal(err)
	}
	closeDB(t, db)
	db, err := kv.Open("db", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer closeDB(t, db)
	if _, err := index.Open(db); !errors.Is(err, index.ErrIncomplete) {
		t.Fatal(err)
	}
	if err := index.New(db).Rebuild(func(*index.Rebuilder) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Open(db); err != nil {
		t.Fatal(err)
	}
}

func dump(t *testing.T, db *kv.DB) (rows []string) {
	t.Helper()
	err := db.Scan(nil, nil, func(key, value []byte) error {
		rows = append(rows, fmt.Sprintf("%x=%x", key, value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
