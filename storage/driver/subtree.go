package driver

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/armalo/receiptlog/client/tile"
)

// rootAt computes the root that the tree had at a size it has grown past, from
// tiles. A tree with the same root at that size is a prefix of this one.
func (r *Reader) rootAt(size uint64) (root [tile.HashSize]byte, err error) {
	if size == 0 {
		return (&tree{}).root(), nil
	}
	b := bits.TrailingZeros64(size)
	if root, err = r.subtree(b, size); err != nil {
		return root, err
	}
	for b++; b < 64; b++ {
		if size>>b&1 == 0 {
			continue
		}
		left, err := r.subtree(b, size)
		if err != nil {
			return root, err
		}
		root = hashNode(&left, &root)
	}
	return root, nil
}

// subtree computes the root of the perfect subtree of 2^b leaves on the right
// edge of the tree of that size, of which bit b must be set. It is the top of
// the last 2^(b%8) hashes that the tile of level b/8 has at that size.
func (r *Reader) subtree(b int, size uint64) (root [tile.HashSize]byte, err error) {
	level := b / tile.Height
	end := size >> b << (b % tile.Height) // in hashes of that level
	count := uint64(1) << (b % tile.Height)
	index := (end - 1) / tile.Width
	last := int((end-1)%tile.Width) + 1
	data, err := r.ReadTile(context.Background(), uint64(level), index, uint8(last%tile.Width))
	if err != nil {
		return root, fmt.Errorf("root at %d: %w", size, err)
	}
	hashes := data[(last-int(count))*tile.HashSize : last*tile.HashSize]
	return foldPerfect(hashes), nil
}

// foldPerfect returns the root over a power of two of hashes.
func foldPerfect(hashes []byte) [tile.HashSize]byte {
	if len(hashes) == tile.HashSize {
		return [tile.HashSize]byte(hashes)
	}
	half := len(hashes) / 2
	left, right := foldPerfect(hashes[:half]), foldPerfect(hashes[half:])
	return hashNode(&left, &right)
}
