package driver_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
)

// Tessera's own checker agrees with logs of the sizes where tiles fill up,
// reached in one go and step by step, and again after a restart.
func TestFsckAgrees(t *testing.T) {
	for _, steps := range [][]int{
		{0}, {1}, {255}, {256}, {257}, {1, 1, 1}, {200, 55, 1, 1}, {255, 2, 300, 4000},
		{65536}, {65535, 1, 1}, {70000},
	} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			fs := vfs.NewMem()
			l, err := start(setup{fs: fs, create: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range steps {
				l.add(t, n)
			}
			l.publish(t)
			if err := check(t.Context(), l.reader); err != nil {
				t.Fatal(err)
			}
			l.stop(t)

			if l, err = start(setup{fs: fs}); err != nil {
				t.Fatal(err)
			}
			defer l.stop(t)
			l.add(t, 3)
			l.publish(t)
			if err := check(t.Context(), l.reader); err != nil {
				t.Fatalf("after restart: %v", err)
			}
		})
	}
}

// The tree in memory has the roots of the reference implementation, leaf by
// leaf, and every width of every tile can be read.
func TestRootsAndTilesMatchMerkle(t *testing.T) {
	l := newLog(t, setup{})
	reference := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for size := uint64(1); size <= 600; size++ {
		l.add(t, 1)
		if err := reference.Append(rfc6962.DefaultHasher.HashLeaf(entry(size-1)), nil); err != nil {
			t.Fatal(err)
		}
		want, err := reference.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if gotSize, root := l.driver.Tree(); gotSize != size || !bytes.Equal(root[:], want) {
			t.Fatalf("tree of size %d has root %x, want size %d and %x", gotSize, root, size, want)
		}
	}
	for p := 1; p < 256; p++ {
		data, err := l.reader.ReadTile(t.Context(), 0, 0, uint8(p))
		if err != nil || len(data) != p*32 {
			t.Fatalf("partial tile %d: %d bytes, %v", p, len(data), err)
		}
		bundle, err := l.reader.ReadEntryBundle(t.Context(), 1, uint8(p))
		var b api.EntryBundle
		if err != nil || b.UnmarshalText(bundle) != nil || len(b.Entries) != p {
			t.Fatalf("partial bundle %d: %d entries, %v", p, len(b.Entries), err)
		}
		for i, e := range b.Entries {
			if !bytes.Equal(e, entry(uint64(256+i))) {
				t.Fatalf("partial bundle %d has %q at %d", p, e, i)
			}
		}
	}
}

func TestReadsBeyondTheTreeAreNotExist(t *testing.T) {
	l := newLog(t, setup{})
	l.add(t, 300)
	for _, at := range []struct {
		level, index uint64
		p            uint8
	}{{0, 1, 45}, {0, 1, 0}, {0, 2, 1}, {1, 0, 2}, {1, 0, 0}, {1, 1, 1}, {2, 0, 1}, {64, 0, 1}, {1 << 40, 0, 1}, {0, 1 << 60, 1}} {
		if _, err := l.reader.ReadTile(t.Context(), at.level, at.index, at.p); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("tile %+v: %v", at, err)
		}
		if at.level > 0 {
			continue
		}
		if _, err := l.reader.ReadEntryBundle(t.Context(), at.index, at.p); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("bundle %+v: %v", at, err)
		}
	}
}

func TestOversizedEntryIsRefusedAlone(t *testing.T) {
	l := newLog(t, setup{})
	big := tessera.NewEntry(make([]byte, 1<<16))
	if _, err := l.appender.Add(t.Context(), big)(); err == nil {
		t.Fatal("an entry of 65,536 bytes was added")
	}
	if i, err := l.appender.Add(t.Context(), tessera.NewEntry(make([]byte, 1<<16-1)))(); err != nil || i.Index != 0 {
		t.Fatalf("an entry of 65,535 bytes: leaf %d, %v", i.Index, err)
	}
}
