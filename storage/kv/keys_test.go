package kv_test

import (
	"bytes"
	"testing"

	"github.com/armalo/receiptlog/storage/kv"
)

// Keys of one keyspace sort as their numbers do, and keyspaces do not overlap.
func TestKeysSortAsNumbers(t *testing.T) {
	entries := func(n uint64) []byte {
		k := make([]byte, kv.EntriesKeyLen)
		kv.PutEntriesKey(k, n>>8, uint8(n))
		return k
	}
	hashes := func(n uint64) []byte {
		k := make([]byte, kv.HashesKeyLen)
		kv.PutHashesKey(k, uint8(n>>40), n>>8, uint8(n))
		return k
	}
	spaces := map[string]func(n uint64) []byte{
		"body": kv.BodyKey, "key": kv.BodyKeyKey, "erased": kv.ErasedKey, "logged": kv.LoggedKey, "span": kv.SpanKey, "entries": entries, "hashes": hashes,
		"published": func(n uint64) []byte { return kv.PublishedKey(n, int64(n)) },
		"run":       func(n uint64) []byte { return kv.RunKey([32]byte{1}, n) },
		"issuer":    func(n uint64) []byte { return kv.IssuerKey([32]byte{1}, n) },
		"outbox":    func(n uint64) []byte { return kv.OutboxMessageKey(kv.OutboxQueued, 1, n, 'l', ^n) },
	}
	numbers := []uint64{0, 1, 255, 256, 257, 1 << 16, 1<<32 - 1, 1 << 32, 1<<63 - 1}
	owner := map[byte]string{}
	for name, key := range spaces {
		for i := 1; i < len(numbers); i++ {
			if bytes.Compare(key(numbers[i-1]), key(numbers[i])) >= 0 {
				t.Errorf("%s: key of %d is not below that of %d", name, numbers[i-1], numbers[i])
			}
		}
		if other, ok := owner[key(0)[0]]; ok {
			t.Errorf("%s and %s share a prefix", name, other)
		}
		owner[key(0)[0]] = name
	}
}

func TestBoundsHoldTheirKeysOnly(t *testing.T) {
	key := make([]byte, kv.EntriesKeyLen)
	within := func(key, lower, upper []byte) bool {
		return bytes.Compare(key, lower) >= 0 && bytes.Compare(key, upper) < 0
	}
	for _, bundle := range []uint64{0, 254, 255, 256, 1<<56 - 1} {
		lower, upper := kv.EntriesBounds(bundle)
		for _, at := range []struct {
			bundle uint64
			first  uint8
			want   bool
		}{{bundle, 0, true}, {bundle, 255, true}, {bundle + 1, 0, false}, {bundle - 1, 255, false}} {
			kv.PutEntriesKey(key, at.bundle, at.first)
			if within(key, lower, upper) != at.want {
				t.Errorf("bundle %d, first %d within the bounds of bundle %d: %v", at.bundle, at.first, bundle, !at.want)
			}
		}
	}
	for _, run := range [][32]byte{{}, {31: 255}, {0: 255, 31: 255}} {
		lower, upper := kv.RunBounds(run)
		if !within(kv.RunKey(run, 0), lower, upper) || !within(kv.RunKey(run, 1<<64-1), lower, upper) {
			t.Errorf("run %x is not within its bounds", run)
		}
	}
}

func TestSuccessor(t *testing.T) {
	for _, c := range []struct{ prefix, want string }{{"a", "b"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"ab", "ac"}} {
		if got := kv.Successor([]byte(c.prefix)); string(got) != c.want {
			t.Errorf("Successor(%q) = %q, want %q", c.prefix, got, c.want)
		}
	}
	if got := kv.Successor([]byte{0xff}); got != nil {
		t.Errorf("Successor of the last prefix is %q", got)
	}
}
