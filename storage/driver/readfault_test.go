package driver_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// A disk that fails to read makes reads fail, each kind of them. It never makes
// them return something else, nor say that there is nothing, and it is not fatal:
// when it can be read again, everything is there.
func TestReadFaultsAreErrorsNotAnswers(t *testing.T) {
	var failing atomic.Bool
	injected := errors.New("injected read fault")
	rng := rand.New(rand.NewPCG(1, 1))
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpOpen, errorfs.OpFileStat, errorfs.OpStat:
			if failing.Load() {
				return injected
			}
		}
		return nil
	}))
	s := setup{fs: disk, kv: kv.Options{CacheBytes: 1 << 10}, opts: driver.Options{TileCacheBytes: 1}}
	l := newLog(t, s)
	for range 20 {
		l.add(t, 1000)
	}
	l.publish(t)
	if err := l.db.Compact(t.Context(), []byte{0}, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	type read struct {
		tile  bool
		index uint64
	}
	good := make(map[read][]byte)
	get := func(r read) ([]byte, error) {
		if r.tile {
			return l.reader.ReadTile(t.Context(), 0, r.index, 0)
		}
		return l.reader.ReadEntryBundle(t.Context(), r.index, 0)
	}
	const full = 20000 / 256
	for i := range uint64(full) {
		for _, r := range []read{{true, i}, {false, i}} {
			data, err := get(r)
			if err != nil {
				t.Fatal(err)
			}
			good[r] = bytes.Clone(data)
		}
	}
	failed := 0
	for range 2000 {
		failing.Store(rng.IntN(2) == 0)
		r := read{rng.IntN(2) == 0, rng.Uint64N(full)}
		data, err := get(r)
		switch {
		case err == nil && !bytes.Equal(data, good[r]):
			t.Fatalf("%+v returned something else", r)
		case errors.Is(err, os.ErrNotExist), errors.Is(err, kv.ErrNotFound):
			t.Fatalf("%+v is said not to exist: %v", r, err)
		case err != nil:
			failed++
		}
	}
	failing.Store(false)
	if failed == 0 {
		t.Fatal("no read failed: nothing was tested")
	}
	if err := l.db.Err(); err != nil {
		t.Fatal(err)
	}
	l.add(t, 10)
	l.publish(t)
	if err := check(t.Context(), l.reader); err != nil {
		t.Fatal(err)
	}
}
