package tile_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/armalo/receiptlog/client/tile"
)

func ExampleParsePath() {
	c, err := tile.ParsePath("tile/0/x001/x234/067.p/112")
	fmt.Println(c.Level, c.Index, c.Width, err)
	// Output: 0 1234067 112 <nil>
}

func ExamplePartialWidth() {
	for level := range uint8(4) {
		fmt.Println(level, tile.PartialWidth(level, 0, 70000), tile.PartialWidth(level, 1, 70000))
	}
	// Output:
	// 0 256 256
	// 1 256 17
	// 2 1 0
	// 3 0 0
}

// TestPartialWidthIsThatOfTessera tries every tile in and around trees whose edge
// is where tiles become full.
func TestPartialWidthIsThatOfTessera(t *testing.T) {
	for _, size := range []uint64{0, 1, 255, 256, 257, 65535, 65536, 65537, 70000, 1 << 24, 1<<24 + 1} {
		for level := range uint8(5) {
			inLevel := size >> (8 * level)
			for index := range inLevel/tile.Width + 3 {
				got := tile.PartialWidth(level, index, size)
				var want uint16
				if first := index * tile.Width; first < inLevel {
					if want = uint16(layout.PartialTileSize(uint64(level), index, size)); want == 0 {
						want = tile.Width
					}
				}
				if got != want {
					t.Fatalf("PartialWidth(%d, %d, %d) = %d, want %d", level, index, size, got, want)
				}
			}
		}
	}
}

func TestPartialWidthDoesNotOverflow(t *testing.T) {
	const size = math.MaxUint64
	for _, tt := range []struct {
		level uint8
		index uint64
		want  uint16
	}{
		{0, tile.MaxIndex, 255},
		{0, tile.MaxIndex - 1, 256},
		{0, tile.MaxIndex + 1, 0},
		{0, math.MaxUint64, 0},
		{7, 0, 255},
		{7, 1, 0},
		{8, 0, 0},
		{tile.MaxLevel, 0, 0},
		{math.MaxUint8, 0, 0},
	} {
		if got := tile.PartialWidth(tt.level, tt.index, size); got != tt.want {
			t.Errorf("PartialWidth(%d, %d, 2^64-1) = %d, want %d", tt.level, tt.index, got, tt.want)
		}
	}
}

var goodPaths = []struct {
	path  string
	coord tile.Coord
}{
	{"tile/0/000", tile.Coord{Level: 0, Index: 0, Width: 256}},
	{"tile/63/999", tile.Coord{Level: 63, Index: 999, Width: 256}},
	{"tile/1/x001/000", tile.Coord{Level: 1, Index: 1000, Width: 256}},
	{"tile/0/x001/x234/067", tile.Coord{Level: 0, Index: 1234067, Width: 256}},
	{"tile/0/x001/067.p/112", tile.Coord{Level: 0, Index: 1067, Width: 112}},
	{"tile/10/x100/x000/000.p/1", tile.Coord{Level: 10, Index: 100000000, Width: 1}},
	{"tile/entries/000", tile.Coord{Level: tile.Entries, Index: 0, Width: 256}},
	{"tile/entries/x273/001.p/255", tile.Coord{Level: tile.Entries, Index: 273001, Width: 255}},
	{"tile/0/x072/x057/x594/x037/x927/935", tile.Coord{Level: 0, Index: tile.MaxIndex, Width: 256}},
}

var badPaths = []string{
	"", "tile", "tile/", "tile/0", "tile/0/", "tile//000", "/tile/0/000", "tile/0/000/", "tile/0//000", "TILE/0/000",
	"tile/64/000", "tile/-1/000", "tile/+1/000", "tile/00/000", "tile/01/000", "tile/a/000", "tile/256/000", "tile/data/000",
	"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000", "tile/0/x001", "tile/0/x001/x000", "tile/0/001/000",
	"tile/0/x000/000", "tile/0/x000/x001/000", "tile/0/X001/000", "tile/0/x01/000", "tile/0/x0001/000", "tile/0/x+01/000",
	"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01", "tile/0/000.p/256",
	"tile/0/000.p/257", "tile/0/000.p/-1", "tile/0/000.p/+1", "tile/0/000.p/1/", "tile/0/000.p/1.p/1", "tile/0/.p/1", "tile/0/x001.p/1",
	"tile/0/x072/x057/x594/x037/x927/936", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x018/x446/x744/x073/x709/x551/616",
	"tile/entries", "tile/entries/", "tile/entries/0", "tile/entries/000.p/0", "tile/entries/../0/000", "tile/0/../0/000",
	"tile/0/000?", "tile/0/000\x00", "tile/0/٠٠٠", "tile/0/ 00", "checkpoint",
}

func TestParsePath(t *testing.T) {
	for _, tt := range goodPaths {
		got, err := tile.ParsePath(tt.path)
		if err != nil || got != tt.coord {
			t.Errorf("ParsePath(%q) = %+v, %v; want %+v", tt.path, got, err, tt.coord)
		}
		if path := tt.coord.Path(); path != tt.path {
			t.Errorf("%+v: Path() = %q, want %q", tt.coord, path, tt.path)
		}
	}
	for _, path := range badPaths {
		if got, err := tile.ParsePath(path); err == nil {
			t.Errorf("ParsePath(%q) = %+v, want an error", path, got)
		}
	}
}

func TestParsePathDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { tile.ParsePath("tile/0/x001/x234/067.p/112") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParsePath holds that a path has one spelling, and that torchwood reads in
// it what we do.
func FuzzParsePath(f *testing.F) {
	for _, tt := range goodPaths {
		f.Add(tt.path)
	}
	for _, path := range badPaths {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c, err := tile.ParsePath(path)
		if err != nil {
			return
		}
		if got := c.Path(); got != path {
			t.Fatalf("path %q is written as %q", path, got)
		}
		theirs, err := torchwood.ParseTilePath(path)
		if err != nil {
			t.Fatalf("torchwood refuses %q: %v", path, err)
		}
		if theirs.L != int(c.Level) || theirs.N != int64(c.Index) || theirs.W != int(c.Width) {
			t.Fatalf("path %q: %+v, torchwood reads %+v", path, c, theirs)
		}
	})
}

// FuzzPath holds our spelling of every tile to that of Tessera.
func FuzzPath(f *testing.F) {
	f.Add(uint8(0), uint64(0), uint8(0))
	f.Add(uint8(63), uint64(1234067), uint8(255))
	f.Add(uint8(1), uint64(tile.MaxIndex), uint8(1))
	f.Fuzz(func(t *testing.T, level uint8, index uint64, partial uint8) {
		c := tile.Coord{Level: int8(level % (tile.MaxLevel + 1)), Index: index % (tile.MaxIndex + 1), Width: uint16(partial)}
		if partial == 0 {
			c.Width = tile.Width
		}
		if want := layout.TilePath(uint64(c.Level), c.Index, partial); c.Path() != want {
			t.Fatalf("%+v: path %q, Tessera's is %q", c, c.Path(), want)
		}
		if got, err := tile.ParsePath(c.Path()); err != nil || got != c {
			t.Fatalf("%+v comes back as %+v, %v", c, got, err)
		}
		c.Level = tile.Entries
		if want := layout.EntriesPath(c.Index, partial); c.Path() != want {
			t.Fatalf("%+v: path %q, Tessera's is %q", c, c.Path(), want)
		}
	})
}

func TestAppendAndSplitEntries(t *testing.T) {
	entries := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{7}, tile.MaxEntryBytes)}
	var bundle []byte
	var err error
	for _, e := range entries {
		if bundle, err = tile.AppendEntry(bundle, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tile.SplitEntries(bundle)
	if err != nil || len(got) != len(entries) {
		t.Fatalf("SplitEntries: %d entries, %v; want %d", len(got), err, len(entries))
	}
	for i := range entries {
		if !bytes.Equal(got[i], entries[i]) {
			t.Errorf("entry %d differs", i)
		}
	}
	if _, err := tile.AppendEntry(nil, make([]byte, tile.MaxEntryBytes+1)); err == nil {
		t.Error("an entry that is too long was taken")
	}
}

func TestSplitEntriesRefuses(t *testing.T) {
	for name, bundle := range map[string][]byte{
		"half a length":   {0},
		"half an entry":   {0, 2, 'a'},
		"a byte too many": {0, 1, 'a', 0},
		"257 entries":     make([]byte, 2*257),
	} {
		if _, err := tile.SplitEntries(bundle); err == nil {
			t.Errorf("a bundle with %s was taken", name)
		}
	}
	if entries, err := tile.SplitEntries(make([]byte, 2*256)); err != nil || len(entries) != 256 {
		t.Errorf("256 empty entries: %d, %v", len(entries), err)
	}
}

// FuzzSplitEntries holds that entries make up their bundle, and that torchwood
// splits it as we do.
func FuzzSplitEntries(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x03one\x00\x00\x00\x03two"))
	f.Add([]byte("\x00\x03one\x00\x00\x00\x03tw"))
	f.Add([]byte("\xff\xffshort"))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		entries, err := tile.SplitEntries(bundle)
		if err != nil {
			return
		}
		var joined []byte
		rest := bundle
		for _, e := range entries {
			if joined, err = tile.AppendEntry(joined, e); err != nil {
				t.Fatal(err)
			}
			var theirs []byte
			if theirs, rest, err = torchwood.ReadTileEntry(rest); err != nil || !bytes.Equal(theirs, e) {
				t.Fatalf("torchwood reads %q, %v; want %q", theirs, err, e)
			}
		}
		if !bytes.Equal(joined, bundle) || len(rest) != 0 {
			t.Fatalf("bundle %q comes back as %q", bundle, joined)
		}
	})
}
