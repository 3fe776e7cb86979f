package proof_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

func ExampleVerifyInclusion() {
	a, b := proof.LeafHash([]byte("a")), proof.LeafHash([]byte("b"))
	root := sha256.Sum256(slices.Concat([]byte{1}, a[:], b[:]))
	fmt.Println(proof.VerifyInclusion(a, 0, 2, [][32]byte{b}, root))
	fmt.Println(verdict.CodeOf(proof.VerifyInclusion(b, 0, 2, [][32]byte{b}, root)))
	// Output:
	// <nil>
	// inclusion_invalid
}

func TestLeafHashIsThatOfMerkle(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte("a"), make([]byte, 65535)} {
		if got, want := proof.LeafHash(data), rfc6962.DefaultHasher.HashLeaf(data); got != [32]byte(want) {
			t.Errorf("leaf hash of %d bytes is %x, want %x", len(data), got, want)
		}
	}
}

func TestVerifyInclusionRefuses(t *testing.T) {
	const index, size = 123, 300
	f := newForest(t, size)
	good, err := proof.Inclusion(t.Context(), f.tile, index, size)
	if err != nil {
		t.Fatal(err)
	}
	root, leaf := f.root(t, size), proof.LeafHash(entry(index))
	for what, err := range map[string]error{
		"another leaf":    proof.VerifyInclusion(proof.LeafHash(entry(index+1)), index, size, good, root),
		"another index":   proof.VerifyInclusion(leaf, index+1, size, good, root),
		"index outside":   proof.VerifyInclusion(leaf, size, size, good, root),
		"another size":    proof.VerifyInclusion(leaf, index, 2*size, good, root),
		"size zero":       proof.VerifyInclusion(leaf, 0, 0, nil, root),
		"another root":    proof.VerifyInclusion(leaf, index, size, good, leaf),
		"no hashes":       proof.VerifyInclusion(leaf, index, size, nil, root),
		"a hash too many": proof.VerifyInclusion(leaf, index, size, append(slices.Clone(good), leaf), root),
		"a hash too few":  proof.VerifyInclusion(leaf, index, size, good[1:], root),
		"hashes reversed": proof.VerifyInclusion(leaf, index, size, reversed(good), root),
	} {
		if verdict.CodeOf(err) != verdict.InclusionInvalid {
			t.Errorf("%s: error %v, want code inclusion_invalid", what, err)
		}
	}
}

func TestVerifyConsistencyRefuses(t *testing.T) {
	const oldSize, newSize = 123, 300
	f := newForest(t, newSize)
	good, err := proof.Consistency(t.Context(), f.tile, oldSize, newSize)
	if err != nil {
		t.Fatal(err)
	}
	oldRoot, newRoot, empty := f.root(t, oldSize), f.root(t, newSize), checkpoint.EmptyRoot()
	for what, err := range map[string]error{
		"another old root":              proof.VerifyConsistency(oldSize, newSize, newRoot, newRoot, good),
		"another new root":              proof.VerifyConsistency(oldSize, newSize, oldRoot, oldRoot, good),
		"another old size":              proof.VerifyConsistency(oldSize+1, newSize, oldRoot, newRoot, good),
		"sizes swapped":                 proof.VerifyConsistency(newSize, oldSize, newRoot, oldRoot, good),
		"no hashes":                     proof.VerifyConsistency(oldSize, newSize, oldRoot, newRoot, nil),
		"a hash too many":               proof.VerifyConsistency(oldSize, newSize, oldRoot, newRoot, append(slices.Clone(good), oldRoot)),
		"hashes reversed":               proof.VerifyConsistency(oldSize, newSize, oldRoot, newRoot, reversed(good)),
		"same size, two roots":          proof.VerifyConsistency(newSize, newSize, oldRoot, newRoot, nil),
		"same size, with a proof":       proof.VerifyConsistency(newSize, newSize, newRoot, newRoot, good),
		"empty tree with another root":  proof.VerifyConsistency(0, newSize, oldRoot, newRoot, nil),
		"empty tree with a proof":       proof.VerifyConsistency(0, newSize, empty, newRoot, good),
		"empty trees with another root": proof.VerifyConsistency(0, 0, empty, newRoot, nil),
	} {
		if verdict.CodeOf(err) != verdict.ConsistencyInvalid {
			t.Errorf("%s: error %v, want code consistency_invalid", what, err)
		}
	}
	if err := proof.VerifyConsistency(0, newSize, empty, newRoot, nil); err != nil {
		t.Errorf("from the empty tree: %v", err)
	}
}

func reversed(hashes [][32]byte) [][32]byte {
	r := slices.Clone(hashes)
	slices.Reverse(r)
	return r
}

// FuzzVerifySubtree holds that we accept a proof if and only if torchwood does.
// Proofs are drawn from few hashes, so that the fuzzer can hit good ones.
func FuzzVerifySubtree(f *testing.F) {
	const size = 41
	tree := newForest(f, size)
	for _, s := range []struct{ start, end uint64 }{{0, 41}, {0, 40}, {8, 13}, {8, 16}, {40, 41}, {32, 41}, {5, 5}} {
		f.Add(s.start, s.end, uint64(size), []byte{0})
	}
	f.Add(uint64(4), uint64(12), uint64(41), []byte{1, 2, 3})
	f.Add(uint64(0), uint64(1)<<62, uint64(1)<<62, []byte{})
	f.Fuzz(func(t *testing.T, start, end, treeSize uint64, spoil []byte) {
		if treeSize > size || end > treeSize || !checkpoint.ValidSubtree(start, end) {
			if proof.VerifySubtree(start, end, [32]byte{}, treeSize, [32]byte{1}, nil) == nil {
				t.Fatalf("[%d, %d) of %d with a hash and root made up is accepted", start, end, treeSize)
			}
			return
		}
		hashes, err := proof.NewProver(tree.tile, treeSize).Subtree(t.Context(), start, end)
		if err != nil {
			t.Fatal(err)
		}
		subtree, err := torchwood.SubtreeHash(int64(start), int64(end), tree)
		if err != nil {
			t.Fatal(err)
		}
		root := tree.root(t, treeSize)
		for _, b := range spoil {
			hashes = spoilHashes(hashes, b)
		}
		ours := proof.VerifySubtree(start, end, subtree, treeSize, root, hashes)
		theirs := torchwood.CheckSubtree(tlogHashes(hashes), int64(treeSize), tlog.Hash(root), int64(start), int64(end), subtree)
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("[%d, %d) of %d with %d hashes: we say %v, torchwood %v", start, end, treeSize, len(hashes), ours, theirs)
		}
	})
}

// spoilHashes changes a list of hashes in a way that b selects; 0 is none.
func spoilHashes(hashes [][32]byte, b byte) [][32]byte {
	at := int(b>>2) % max(len(hashes), 1)
	switch {
	case b == 0 || len(hashes) == 0:
		return hashes
	case b&3 == 1:
		return slices.Delete(slices.Clone(hashes), at, at+1)
	case b&3 == 2:
		return slices.Insert(slices.Clone(hashes), at, hashes[at])
	case b&3 == 3:
		other := slices.Clone(hashes)
		other[at][0] ^= b
		return other
	default:
		return reversed(hashes)
	}
}
