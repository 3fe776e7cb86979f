package driver

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/armalo/receiptlog/client/tile"
)

// load reads the right edge of the durable tree, the same after a clean stop and
// after a crash, and checks that tree state, tiles and entries agree there:
// from here on nothing is read again, so a wrong edge would be built upon.
func (t *tree) load(r *Reader) error {
	state := r.durable.Load()
	t.size, t.cache = state.size, r.tiles
	for b := range 64 {
		if state.size>>b&1 == 0 {
			continue
		}
		hash, err := r.subtree(b, state.size)
		if err != nil {
			return err
		}
		t.subtrees[b] = hash
	}
	if t.root() != state.root {
		return fmt.Errorf("%w: tiles do not have the root of the tree state, at size %d", ErrCorrupt, state.size)
	}
	for level := range levels {
		if err := t.loadEdge(r, level); err != nil {
			return err
		}
	}
	return checkLastBundle(r, state.size)
}

// loadEdge takes up the growing tile of a level, if there is one.
func (t *tree) loadEdge(r *Reader, level int) error {
	hashes := t.size >> (tile.Height * level)
	width := int(hashes % tile.Width)
	if width == 0 {
		return nil
	}
	e := &cachedTile{id: tileID{level: uint8(level), index: hashes / tile.Width}, width: width}
	data, err := r.ReadTile(context.Background(), uint64(level), e.id.index, uint8(width))
	if err != nil {
		return err
	}
	copy(e.data[:], data)
	t.edge[level] = e
	t.cache.grow(e)
	return nil
}

// checkLastBundle compares the last entry bundle with the hashes above it.
func checkLastBundle(r *Reader, size uint64) error {
	if size == 0 {
		return nil
	}
	index, p := (size-1)/tile.Width, uint8(size%tile.Width)
	bundle, err := r.ReadEntryBundle(context.Background(), index, p)
	if err != nil {
		return err
	}
	hashes, err := r.ReadTile(context.Background(), 0, index, p)
	if err != nil {
		return err
	}
	for len(hashes) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if hashLeaf(bundle[2:end]) != [tile.HashSize]byte(hashes) {
			return fmt.Errorf("%w: entry bundle %d does not have the hashes of its tile", ErrCorrupt, index)
		}
		bundle, hashes = bundle[end:], hashes[tile.HashSize:]
	}
	return nil
}

// hashLeaf is the hash of a leaf, RFC 6962: SHA-256(0x00 || entry).
func hashLeaf(entry []byte) (sum [tile.HashSize]byte) {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(entry)
	h.Sum(sum[:0])
	return sum
}
