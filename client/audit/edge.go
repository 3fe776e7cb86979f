package audit

import (
	"math/bits"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
)

// edge is the right edge of a tree: the roots of the perfect subtrees that its
// leaves fall into, one for each bit of the size, the largest first. It is all
// that is needed to append to the tree and to know its root.
type edge struct {
	size  uint64
	nodes [][32]byte
}

// add appends a perfect subtree of 2^level leaves. The size must be a multiple
// of that.
func (e *edge) add(level int, h [32]byte) {
	for size := e.size >> level; size&1 == 1; size >>= 1 {
		last := len(e.nodes) - 1
		h = proof.NodeHash(e.nodes[last], h)
		e.nodes = e.nodes[:last]
	}
	e.nodes = append(e.nodes, h)
	e.size += 1 << level
}

// root returns the root hash.
func (e *edge) root() [32]byte {
	if e.size == 0 {
		return checkpoint.EmptyRoot()
	}
	h := e.nodes[len(e.nodes)-1]
	for i := len(e.nodes) - 2; i >= 0; i-- {
		h = proof.NodeHash(e.nodes[i], h)
	}
	return h
}

// valid reports whether there are as many nodes as the size has bits.
func (e *edge) valid() bool { return bits.OnesCount64(e.size) == len(e.nodes) }

// foldTile returns the root of a perfect subtree of as many leaves as there are
// hashes, a power of two. It overwrites them.
func foldTile(hashes [][32]byte) [32]byte {
	for n := len(hashes); n > 1; n /= 2 {
		for i := range n / 2 {
			hashes[i] = proof.NodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}
