package proof_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
)

// forest is a tree in the storage of x/mod/sumdb/tlog, an implementation that
// shares no code with ours, seen as tiles.
type forest struct {
	hashes []tlog.Hash // in order of tlog.StoredHashIndex
	size   uint64
	reads  int
}

func newForest(t testing.TB, size uint64) *forest {
	t.Helper()
	f := &forest{size: size}
	for i := range size {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(proof.LeafHash(entry(i))), f)
		if err != nil {
			t.Fatal(err)
		}
		f.hashes = append(f.hashes, hashes...)
	}
	return f
}

// entry returns the content of entry i of every test tree.
func entry(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }

// ReadHashes implements tlog.HashReader.
func (f *forest) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = f.hashes[index]
	}
	return hashes, nil
}

// tile is a proof.TileReader. It serves the fullest tile of the forest, which may
// be fuller than what was asked for.
func (f *forest) tile(_ context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
	f.reads++
	have := tile.PartialWidth(level, index, f.size)
	if width == 0 || width > have {
		return nil, fmt.Errorf("there is no tile at level %d index %d width %d", level, index, width)
	}
	var data []byte
	for i := range uint64(have) {
		h := f.hashes[tlog.StoredHashIndex(int(level)*tile.Height, int64(index*tile.Width+i))]
		data = append(data, h[:]...)
	}
	return data, nil
}

func (f *forest) root(t testing.TB, size uint64) [32]byte {
	t.Helper()
	h, err := tlog.TreeHash(int64(size), f)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// tlogHashes returns our hashes as those of x/mod.
func tlogHashes(hashes [][32]byte) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}

// edgeSizes are those around which tiles become full and levels appear.
var edgeSizes = []uint64{1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 70000}

func TestRootIsThatOfSumdb(t *testing.T) {
	f := newForest(t, 70000)
	for _, size := range append([]uint64{0}, edgeSizes...) {
		got, err := proof.Root(t.Context(), f.tile, size)
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		if want := f.root(t, size); got != want {
			t.Errorf("size %d: root %x, want %x", size, got, want)
		}
	}
}

// checkInclusion holds our proof of one entry to those of x/mod and merkle.
func checkInclusion(t *testing.T, f *forest, p *proof.Prover, index, size uint64) {
	t.Helper()
	got, err := p.Inclusion(t.Context(), index)
	if err != nil {
		t.Fatalf("entry %d of %d: %v", index, size, err)
	}
	want, err := tlog.ProveRecord(int64(size), int64(index), f)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tlogHashes(got), []tlog.Hash(want)) {
		t.Fatalf("entry %d of %d: proof differs from that of x/mod", index, size)
	}
	root, leaf := f.root(t, size), proof.LeafHash(entry(index))
	if err := proof.VerifyInclusion(leaf, index, size, got, root); err != nil {
		t.Fatalf("entry %d of %d: %v", index, size, err)
	}
	if err := proof.VerifySubtree(index, index+1, leaf, size, root, got); err != nil {
		t.Fatalf("entry %d of %d as a subtree: %v", index, size, err)
	}
}

func TestInclusionIsThatOfSumdbAndMerkle(t *testing.T) {
	f := newForest(t, 70000)
	for size := uint64(1); size <= 40; size++ {
		p := proof.NewProver(f.tile, size)
		for index := range size {
			checkInclusion(t, f, p, index, size)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range append(edgeSizes, 1+rng.Uint64N(70000), 1+rng.Uint64N(70000)) {
		p := proof.NewProver(f.tile, size)
		checkInclusion(t, f, p, 0, size)
		checkInclusion(t, f, p, size-1, size)
		for range 50 {
			checkInclusion(t, f, p, rng.Uint64N(size), size)
		}
	}
}

// checkConsistency holds our proof between two sizes to those of x/mod and merkle.
func checkConsistency(t *testing.T, f *forest, oldSize, newSize uint64) {
	t.Helper()
	got, err := proof.Consistency(t.Context(), f.tile, oldSize, newSize)
	if err != nil {
		t.Fatalf("%d to %d: %v", oldSize, newSize, err)
	}
	if oldSize > 0 { // x/mod has no proof from the empty tree
		want, err := tlog.ProveTree(int64(newSize), int64(oldSize), f)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tlogHashes(got), []tlog.Hash(want)) {
			t.Fatalf("%d to %d: proof differs from that of x/mod", oldSize, newSize)
		}
	}
	oldRoot, newRoot := f.root(t, oldSize), f.root(t, newSize)
	if err := proof.VerifyConsistency(oldSize, newSize, oldRoot, newRoot, got); err != nil {
		t.Fatalf("%d to %d: %v", oldSize, newSize, err)
	}
	if err := proof.VerifySubtree(0, oldSize, oldRoot, newSize, newRoot, got); err != nil {
		t.Fatalf("%d to %d as a subtree: %v", oldSize, newSize, err)
	}
}

func TestConsistencyIsThatOfSumdbAndMerkle(t *testing.T) {
	f := newForest(t, 70000)
	for newSize := uint64(1); newSize <= 40; newSize++ {
		for oldSize := range newSize + 1 {
			checkConsistency(t, f, oldSize, newSize)
		}
	}
	for i, newSize := range edgeSizes {
		for _, oldSize := range edgeSizes[:i+1] {
			checkConsistency(t, f, oldSize, newSize)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		newSize := 1 + rng.Uint64N(70000)
		checkConsistency(t, f, rng.Uint64N(newSize+1), newSize)
	}
}

func TestSubtreeIsThatOfTorchwood(t *testing.T) {
	const size = 41
	f := newForest(t, size)
	for tree := uint64(1); tree <= size; tree++ {
		p := proof.NewProver(f.tile, tree)
		for end := range tree + 1 {
			for start := range end + 1 {
				checkSubtree(t, f, p, start, end, tree)
			}
		}
	}
}

// checkSubtree holds proof and verdict for one range to those of torchwood.
func checkSubtree(t *testing.T, f *forest, p *proof.Prover, start, end, size uint64) {
	t.Helper()
	got, err := p.Subtree(t.Context(), start, end)
	if valid := torchwood.ValidSubtree(int64(start), int64(end)); !valid {
		if verdict.CodeOf(err) != verdict.ConsistencyInvalid {
			t.Fatalf("[%d, %d) of %d: error %v for what is not a subtree", start, end, size, err)
		}
		return
	}
	want, err2 := torchwood.ProveSubtree(int64(size), int64(start), int64(end), f)
	hash, err3 := torchwood.SubtreeHash(int64(start), int64(end), f)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatalf("[%d, %d) of %d: %v", start, end, size, err)
	}
	if !slices.Equal(tlogHashes(got), []tlog.Hash(want)) {
		t.Fatalf("[%d, %d) of %d: proof differs from that of torchwood", start, end, size)
	}
	root := f.root(t, size)
	if err := proof.VerifySubtree(start, end, hash, size, root, got); err != nil {
		t.Fatalf("[%d, %d) of %d: %v", start, end, size, err)
	}
	refuseSpoiltSubtree(t, start, end, hash, size, root, got)
}

// refuseSpoiltSubtree requires that a good proof stops verifying when any part of
// the statement or of the proof changes.
func refuseSpoiltSubtree(t *testing.T, start, end uint64, hash [32]byte, size uint64, root [32]byte, good [][32]byte) {
	t.Helper()
	refused := func(what string, err error) {
		if verdict.CodeOf(err) != verdict.ConsistencyInvalid {
			t.Fatalf("[%d, %d) of %d with %s: error %v", start, end, size, what, err)
		}
	}
	other := sha256.Sum256([]byte("other"))
	refused("another hash", proof.VerifySubtree(start, end, other, size, root, good))
	refused("a hash too many", proof.VerifySubtree(start, end, hash, size, root, append(slices.Clone(good), other)))
	if start != end { // every tree contains the empty subtree
		refused("another root", proof.VerifySubtree(start, end, hash, size, other, good))
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i][0] ^= 1
		refused("a changed hash", proof.VerifySubtree(start, end, hash, size, root, bad))
		refused("a missing hash", proof.VerifySubtree(start, end, hash, size, root, slices.Delete(slices.Clone(good), i, i+1)))
	}
}

func TestProofsOutsideTheTreeAreRefused(t *testing.T) {
	f := newForest(t, 10)
	if _, err := proof.Inclusion(t.Context(), f.tile, 10, 10); verdict.CodeOf(err) != verdict.InclusionInvalid {
		t.Errorf("inclusion of entry 10 of 10: error %v", err)
	}
	if _, err := proof.Consistency(t.Context(), f.tile, 11, 10); verdict.CodeOf(err) != verdict.ConsistencyInvalid {
		t.Errorf("consistency of 11 with 10: error %v", err)
	}
}

func TestTileReaderErrors(t *testing.T) {
	broken := errors.New("broken disk")
	fail := func(context.Context, uint8, uint64, uint16) ([]byte, error) { return nil, broken }
	if _, err := proof.Inclusion(t.Context(), fail, 3, 300); !errors.Is(err, broken) {
		t.Errorf("error %v does not wrap that of the reader", err)
	}
	short := func(_ context.Context, _ uint8, _ uint64, width uint16) ([]byte, error) {
		return make([]byte, int(width)*32-1), nil
	}
	if _, err := proof.Root(t.Context(), short, 300); err == nil {
		t.Error("a short tile was taken")
	}
}

// giant is a tree too large to build, all of whose tiles look alike.
type giant struct{ reads int }

func (g *giant) tile(_ context.Context, _ uint8, _ uint64, width uint16) ([]byte, error) {
	g.reads++
	return make([]byte, int(width)*32), nil
}

func TestProverReadsFewTiles(t *testing.T) {
	g := &giant{}
	p := proof.NewProver(g.tile, 10_000_000)
	inclusion := func(index uint64) (reads int) {
		before := g.reads
		if _, err := p.Inclusion(t.Context(), index); err != nil {
			t.Fatal(err)
		}
		return g.reads - before
	}
	for _, tt := range []struct {
		name  string
		index uint64
		most  int
	}{
		{"first proof: three levels and the edge of two", 1234567, 5},
		{"neighbour in the same tile of entries", 1234568, 0},
		{"entry elsewhere under the same tile of level 1", 1234567 + 256, 1},
		{"entry elsewhere", 7654321, 2},
	} {
		if got := inclusion(tt.index); got > tt.most {
			t.Errorf("%s: %d reads, want at most %d", tt.name, got, tt.most)
		}
	}
	for i := range uint64(1000) {
		inclusion(i * 256 * 30) // far more tiles than a Prover remembers
	}
}

func TestLargestTree(t *testing.T) {
	const size = 1<<63 - 1
	g := &giant{}
	hashes, err := proof.Inclusion(t.Context(), g.tile, size-1, size)
	if err != nil {
		t.Fatal(err)
	}
	if len(hashes) > proof.MaxHashes {
		t.Errorf("%d hashes, want at most %d", len(hashes), proof.MaxHashes)
	}
	if hashes, err = proof.Inclusion(t.Context(), g.tile, 0, size); err != nil || len(hashes) != proof.MaxHashes {
		t.Errorf("%d hashes, error %v; want %d", len(hashes), err, proof.MaxHashes)
	}
}

func BenchmarkInclusion(b *testing.B) {
	g := &giant{}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := proof.Inclusion(b.Context(), g.tile, 1234567, 10_000_000); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("next", func(b *testing.B) {
		p := proof.NewProver(g.tile, 10_000_000)
		for b.Loop() {
			if _, err := p.Inclusion(b.Context(), 1234567); err != nil {
				b.Fatal(err)
			}
		}
	})
}
