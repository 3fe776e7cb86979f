package cas_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/storagetest"
)

func open(t *testing.T, disk *storagetest.FaultFS, create bool) (*kv.DB, *cas.Store) {
	t.Helper()
	db, err := kv.Open("db", kv.Options{FS: disk, Create: create, Origin: "witness.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, cas.New(db)
}

func TestReplace(t *testing.T) {
	_, s := open(t, storagetest.NewFaultFS(storagetest.Fault{}), true)
	if _, err := s.Get("a"); !errors.Is(err, cas.ErrNotFound) {
		t.Fatal(err)
	}
	for _, step := range []struct {
		old, value string
		conflict   bool
	}{{"1", "2", true}, {"", "1", false}, {"", "2", true}, {"0", "2", true}, {"1", "2", false}, {"1", "3", true}} {
		var old []byte
		if step.old != "" {
			old = []byte(step.old)
		}
		if err := s.Replace("a", old, []byte(step.value)); errors.Is(err, cas.ErrConflict) != step.conflict {
			t.Fatalf("%+v: %v", step, err)
		}
	}
	if got, err := s.Get("a"); err != nil || string(got) != "2" {
		t.Fatalf("%q, %v", got, err)
	}
}

// An empty value is a value: it is not the same as none.
func TestEmptyIsNotAbsent(t *testing.T) {
	_, s := open(t, storagetest.NewFaultFS(storagetest.Fault{}), true)
	if err := s.Replace("a", nil, []byte{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Replace("a", nil, []byte("1")); !errors.Is(err, cas.ErrConflict) {
		t.Fatal(err)
	}
	if err := s.Replace("a", []byte{}, []byte("1")); err != nil {
		t.Fatal(err)
	}
}

// Each update of a name sees the one before; none is lost, whoever races.
func TestI8UpdateIsOneStep(t *testing.T) {
	_, s := open(t, storagetest.NewFaultFS(storagetest.Fault{}), true)
	const names, writers, each = 5, 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := s.Update(fmt.Sprint("log ", (w+i)%names), func(_ *kv.Batch, current []byte) ([]byte, error) {
					var n uint64
					if current != nil {
						n = binary.BigEndian.Uint64(current)
					}
					return binary.BigEndian.AppendUint64(nil, n+1), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var total uint64
	err := s.Names("log ", func(_ string, value []byte) error {
		total += binary.BigEndian.Uint64(value)
		return nil
	})
	if err != nil || total != writers*each {
		t.Fatalf("%d updates left a count of %d, %v", writers*each, total, err)
	}
}

// Whatever Get returned, at any moment, a crash does not take back (I4, I8).
func TestI8WhatIsSeenIsDurable(t *testing.T) {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	_, s := open(t, disk, true)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		for n := range uint64(200) {
			value := binary.BigEndian.AppendUint64(nil, n)
			if err := s.Update("a", func(*kv.Batch, []byte) ([]byte, error) { return value, nil }); err != nil {
				t.Error(err)
			}
		}
	})
	for ctx.Err() == nil {
		seen, err := s.Get("a")
		if errors.Is(err, cas.ErrNotFound) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		after, err := kv.Open("db", kv.Options{FS: disk.Crash(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := cas.New(after).Get("a")
		if err != nil || binary.BigEndian.Uint64(kept) < binary.BigEndian.Uint64(seen) {
			t.Fatalf("%x was seen, after a crash there is %x, %v", seen, kept, err)
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// A decision that fails changes nothing, neither the value nor the batch.
func TestFailedDecisionChangesNothing(t *testing.T) {
	db, s := open(t, storagetest.NewFaultFS(storagetest.Fault{}), true)
	no := errors.New("no")
	err := s.Update("a", func(b *kv.Batch, _ []byte) ([]byte, error) {
		b.Set([]byte("z"), nil)
		return []byte("1"), no
	})
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	if _, err := s.Get("a"); !errors.Is(err, cas.ErrNotFound) {
		t.Fatal(err)
	}
	if ok, err := db.Has([]byte("z")); ok || err != nil {
		t.Fatal(ok, err)
	}
}
