package kv_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/armalo/receiptlog/storage/kv"
)

// A view finds what plain look-ups find, wherever it lies: in this batch, in
// memory, in new tables and in the last level.
func TestViewFindsWhatGetFinds(t *testing.T) {
	db := create(t, vfs.NewMem())
	key := func(n uint64) []byte {
		var id [32]byte
		binary.LittleEndian.PutUint64(id[:], n*0x9e3779b97f4a7c15) // spread, as keyed hashes are
		return kv.IdentityKey(id)
	}
	put := func(from, to uint64) {
		b := db.NewBatch()
		for n := from; n < to; n += 2 {
			b.Set(key(n), []byte{byte(n), byte(n >> 8)})
		}
		if err := b.Commit(true); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 1000)
	if err := db.Compact(t.Context(), []byte{0}, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	put(1000, 2000)
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	put(2000, 3000)

	for _, filters := range []bool{false, true} {
		b := db.NewBatch()
		b.SetTracked(key(5000), []byte{1, 2})
		b.OpenView(filters)
		for n := range uint64(3002) {
			want, wantErr := db.Get(key(n))
			got, err := b.Get(key(n))
			if string(got) != string(want) || errors.Is(err, kv.ErrNotFound) != errors.Is(wantErr, kv.ErrNotFound) {
				t.Fatalf("key %d, filters %t: %x, %v; without a view %x, %v", n, filters, got, err, want, wantErr)
			}
		}
		if got, err := b.Get(key(5000)); err != nil || string(got) != "\x01\x02" {
			t.Errorf("this batch's own row: %x, %v", got, err)
		}
		b.CloseView()
	}
}

// A view stays where it was opened, and the batch looks at the present again
// once it is closed. A view that nobody looked through may be closed too.
func TestViewDoesNotMove(t *testing.T) {
	db := create(t, vfs.NewMem())
	b := db.NewBatch()
	b.OpenView(true)
	if _, err := b.Get([]byte("one")); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("before: %v", err)
	}
	other := db.NewBatch()
	other.Set([]byte("one"), nil)
	if err := other.Commit(true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get([]byte("one")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the view moved: %v", err)
	}
	b.CloseView()
	if _, err := b.Get([]byte("one")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	b.OpenView(false)
	b.CloseView()
}
