package proof

import (
	"context"
	"math/bits"
	"slices"
	"sync"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// TileReader returns the tile at level and index, which has width hashes in the
// tree that a proof is built for: width*32 bytes, or more if a fuller tile is at
// hand. The bytes are copied before the next call.
type TileReader func(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error)

// Inclusion builds the proof that entry index is in the tree of the given size.
// For many proofs in one tree, use a [Prover].
func Inclusion(ctx context.Context, read TileReader, index, size uint64) ([][32]byte, error) {
	return NewProver(read, size).Inclusion(ctx, index)
}

// Consistency builds the proof that the tree of oldSize entries is a prefix of
// the tree of newSize entries.
func Consistency(ctx context.Context, read TileReader, oldSize, newSize uint64) ([][32]byte, error) {
	return NewProver(read, newSize).Consistency(ctx, oldSize)
}

// Root computes the root hash of the tree of the given size.
func Root(ctx context.Context, read TileReader, size uint64) ([32]byte, error) {
	return NewProver(read, size).Root(ctx)
}

// maxTiles bounds what a Prover remembers, to 4 MiB: each tile is 16 KiB with
// its inner nodes.
const maxTiles = 256

// Prover builds proofs in the tree of one size. It reads and hashes each tile
// once while it remembers it, so that the entries of one batch, which share
// nearly all their tiles, cost little more than one of them: one inclusion proof
// in a tree of ten million entries reads five tiles at most, the next one in the
// same tile of entries none.
//
// A Prover may be used concurrently; it reads one tile at a time.
type Prover struct {
	read TileReader
	size uint64

	mu    sync.Mutex
	tiles map[position]nodes // at most maxTiles
}

// position is where a tile stands. In a tree of one size that fixes its width.
type position struct {
	level uint8
	index uint64
}

// NewProver returns a Prover for the tree of the given size.
func NewProver(read TileReader, size uint64) *Prover {
	return &Prover{read: read, size: size, tiles: make(map[position]nodes)}
}

// Root computes the root hash of the tree.
func (p *Prover) Root(ctx context.Context) ([32]byte, error) {
	if p.size == 0 {
		return checkpoint.EmptyRoot(), nil
	}
	return p.rangeHash(ctx, 0, p.size)
}

// Inclusion builds the proof that entry index is in the tree. An index outside
// of it is refused with code inclusion_invalid.
func (p *Prover) Inclusion(ctx context.Context, index uint64) ([][32]byte, error) {
	if index >= p.size {
		return nil, verdict.Errorf(verdict.InclusionInvalid, "", "there is no entry %d in a tree of size %d", index, p.size)
	}
	return p.subtreeProof(ctx, index, index+1)
}

// Consistency builds the proof that the tree of oldSize entries is a prefix of
// this one. A size above this tree's is refused with code consistency_invalid.
func (p *Prover) Consistency(ctx context.Context, oldSize uint64) ([][32]byte, error) {
	return p.Subtree(ctx, 0, oldSize)
}

// Subtree builds the proof that [VerifySubtree] verifies. A range that is not a
// subtree of this tree is refused with code consistency_invalid.
func (p *Prover) Subtree(ctx context.Context, start, end uint64) ([][32]byte, error) {
	if !checkpoint.ValidSubtree(start, end) || end > p.size {
		return nil, verdict.Errorf(verdict.ConsistencyInvalid, "", "[%d, %d) is not a subtree of a tree of size %d", start, end, p.size)
	}
	if start == end {
		return nil, nil // every tree contains the empty one
	}
	return p.subtreeProof(ctx, start, end)
}

// subtreeProof builds the proof of a subtree that is not empty. It descends from
// the root, [lo, hi), towards [start, end) and takes the hash of what it leaves
// aside on each level.
//
// SPEC RFC 6962, Sections 2.1.1 and 2.1.2, are the cases of one leaf and of a
// prefix; draft-ietf-plants-merkle-tree-certs, Section 4.4.
func (p *Prover) subtreeProof(ctx context.Context, start, end uint64) ([][32]byte, error) {
	lo, hi := uint64(0), p.size
	known := true // the verifier has the hash of all of [start, end)
	hashes := make([][32]byte, 0, bits.Len64(hi)+1)
	for lo != start || hi != end {
		middle := lo + split(hi-lo)
		asideLo, asideHi := lo, middle
		switch {
		case end <= middle:
			asideLo, asideHi = middle, hi
			hi = middle
		case start >= middle:
			lo = middle
		default: // the subtree is [lo, end) and extends beyond the middle
			lo, start = middle, middle
			known = false
		}
		h, err := p.rangeHash(ctx, asideLo, asideHi)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	if !known {
		h, err := p.rangeHash(ctx, lo, hi)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	slices.Reverse(hashes)
	return hashes, nil
}

// split returns the largest power of two below n, which is at least 2: the size
// of the left child of a node over n leaves.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// rangeHash returns the hash of the node over the leaves [lo, hi), one that the
// tree has. Its leaves fall into one perfect subtree for each bit of their
// number, the largest first; the hashes of those are joined from the right.
func (p *Prover) rangeHash(ctx context.Context, lo, hi uint64) (h [32]byte, err error) {
	for n := hi - lo; n != 0; n &= n - 1 {
		level := bits.TrailingZeros64(n)
		left, err := p.perfectHash(ctx, level, (lo+n-1)>>level)
		if err != nil {
			return h, err
		}
		if n == hi-lo {
			h = left
		} else {
			h = hashChildren(left, h)
		}
	}
	return h, nil
}
