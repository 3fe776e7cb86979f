package proof

import (
	"math/bits"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// VerifySubtree verifies that the tree with the given size and root contains the
// subtree [start, end) with hash subtree: a Subtree Consistency Proof, of which
// inclusion and consistency proofs are the special cases. A range that is not a
// subtree of such a tree is refused. Every tree contains the empty subtree, which
// an empty proof shows. The error has code consistency_invalid.
//
// SPEC draft-ietf-plants-merkle-tree-certs, Section 4.4.
func VerifySubtree(start, end uint64, subtree [32]byte, size uint64, root [32]byte, hashes [][32]byte) error {
	if !checkpoint.ValidSubtree(start, end) || end > size || size > checkpoint.MaxSize {
		return verdict.Errorf(verdict.ConsistencyInvalid, "", "[%d, %d) is not a subtree of a tree of size %d", start, end, size)
	}
	if start == end {
		if len(hashes) > 0 || subtree != checkpoint.EmptyRoot() {
			return verdict.Errorf(verdict.ConsistencyInvalid, "", "empty subtree has another hash or a proof that is not empty")
		}
		return nil
	}
	gotSubtree, gotRoot, ok := climb(start, end, subtree, size, hashes)
	if !ok {
		return verdict.Errorf(verdict.ConsistencyInvalid, "", "%d hashes are not a proof of this shape", len(hashes))
	}
	if gotSubtree != subtree || gotRoot != root {
		return verdict.Errorf(verdict.ConsistencyInvalid, "", "proof leads to subtree %x and root %x, not to %x and %x", gotSubtree, gotRoot, subtree, root)
	}
	return nil
}

// climb computes the hash of a subtree that is not empty, and the root, from a
// proof. It walks up from the last entry of the subtree, level by level, at node
// last of a level whose first node of the subtree is first and whose last node is
// edge. It begins at the highest node on that path that the subtree and the tree
// have whole, whose hash is the subtree's own or the first in the proof.
func climb(start, end uint64, subtree [32]byte, size uint64, hashes [][32]byte) (sub, root [32]byte, ok bool) {
	first, last, edge := start, end-1, size-1
	up := func(levels int) { first, last, edge = first>>levels, last>>levels, edge>>levels }
	whole := bits.Len64(first ^ last) // levels up to where the subtree is one node
	if last != edge {
		// Such a node is cut off by the tree's edge only if the subtree ends there.
		whole = min(whole, bits.TrailingZeros64(^last))
	}
	up(whole)
	sub = subtree
	if first != last {
		if len(hashes) == 0 {
			return sub, root, false
		}
		sub, hashes = hashes[0], hashes[1:]
	}
	root = sub
	for _, h := range hashes {
		if edge == 0 {
			return sub, root, false // above the root
		}
		if last&1 == 1 || last == edge {
			if first < last {
				sub = hashChildren(h, sub)
			}
			root = hashChildren(h, root)
			// A right edge without a sibling rises as it is.
			for last&1 == 0 {
				up(1)
			}
		} else {
			root = hashChildren(root, h)
		}
		up(1)
	}
	return sub, root, edge == 0
}
