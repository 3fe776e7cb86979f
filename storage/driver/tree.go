package driver

import (
	"crypto/sha256"
	"math/bits"

	"github.com/armalo/receiptlog/client/tile"
)

// tree is the right edge of the Merkle tree in memory: all that is needed to
// append leaves without reading anything. It belongs to the sequencer.
//
// subtrees[b] is the root of the perfect subtree of 2^b leaves on the edge, and
// valid where bit b of size is set. A tile of level k holds the roots of the
// subtrees of 2^(8k) leaves, so each is a copy of what passes through
// subtrees[8k].
type tree struct {
	size     uint64
	subtrees [64][sha256.Size]byte
	edge     [levels]*cachedTile // the tile that is growing, per level
	grown    []growth            // what was added since the last batch
	cache    *tileCache
}

// levels is how many levels of tiles a tree of 2^64 leaves has.
const levels = 64 / tile.Height

// growth is the new part of a tile: its hashes from number first on.
type growth struct {
	tile  *cachedTile
	first int
}

// append adds a leaf by its hash.
func (t *tree) append(leaf *[sha256.Size]byte) {
	t.push(0, leaf)
	hash := *leaf
	// Each trailing one of size is a subtree that the new leaf completes.
	for b := range bits.TrailingZeros64(^t.size) {
		hash = hashNode(&t.subtrees[b], &hash)
		if (b+1)%tile.Height == 0 {
			t.push((b+1)/tile.Height, &hash)
		}
	}
	t.subtrees[bits.TrailingZeros64(^t.size)] = hash
	t.size++
}

// push adds a hash to the growing tile of a level.
func (t *tree) push(level int, hash *[sha256.Size]byte) {
	e := t.edge[level]
	if e == nil || e.width == tile.Width {
		e = &cachedTile{id: tileID{level: uint8(level), index: t.size >> (tile.Height * (level + 1))}}
		t.edge[level] = e
		t.cache.grow(e)
	}
	if !e.growing {
		t.grown = append(t.grown, growth{tile: e, first: e.width})
		e.growing = true
	}
	copy(e.data[e.width*sha256.Size:], hash[:])
	e.width++
}

// takeGrowth returns what was added since it was last called. The slice is valid
// until the next append.
func (t *tree) takeGrowth() []growth {
	grown := t.grown
	for i := range grown {
		grown[i].tile.growing = false
	}
	t.grown = t.grown[:0]
	return grown
}

// root returns the root of the tree as it stands.
func (t *tree) root() [sha256.Size]byte {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	b := bits.TrailingZeros64(t.size)
	hash := t.subtrees[b]
	for b++; b < 64; b++ {
		if t.size>>b&1 == 1 {
			hash = hashNode(&t.subtrees[b], &hash)
		}
	}
	return hash
}

// hashNode is the hash of an inner node, RFC 6962: SHA-256(0x01 || left || right).
func hashNode(left, right *[sha256.Size]byte) [sha256.Size]byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = 1
	copy(node[1:], left[:])
	copy(node[1+sha256.Size:], right[:])
	return sha256.Sum256(node[:])
}
