// Package tile is the arithmetic of a tiled Merkle tree, C2SP tlog-tiles: which
// tiles a tree of a given size has, how wide each is, what it is called, and how
// entries stand in a bundle.
//
// A log's tree is cut into tiles 256 hashes wide. The tile at level L and index N
// holds the hashes of the subtrees of 256^L entries each, from the subtree number
// N*256 on. The last tile of a level may be partial; a partial tile is a prefix of
// every fuller one with the same level and index. Entries are served in bundles
// that are numbered like the tiles of level 0.
//
// The package holds no state, does no I/O and trusts nothing: a path comes from
// whoever asks, a bundle from whoever serves it. Everything here may be called
// concurrently. Errors are [*verdict.Error] with code malformed or too_large.
package tile

// Width is the number of hashes in a full tile, and of entries in a full bundle.
const Width = 1 << Height

// Height is the number of tree levels that one tile spans.
const Height = 8

// HashSize is the length of one hash in a tile, in bytes: SHA-256.
const HashSize = 32

// MaxLevel is the highest level that a path may name.
const MaxLevel = 63

// MaxIndex is the highest index that a path may name: no tree whose size fits
// 64 bits has a tile beyond it, and index arithmetic below it cannot overflow.
const MaxIndex = 1<<(64-Height) - 1

// Entries is the [Coord] level of an entry bundle.
const Entries = -1

// Coord names one tile, or one entry bundle where Level is [Entries].
type Coord struct {
	Level int8   // 0 to [MaxLevel], or [Entries]
	Index uint64 // position within the level, at most [MaxIndex]
	Width uint16 // hashes or entries in it: 1 to 255 if partial, 256 if full
}

// PartialWidth returns how many hashes the tile at level and index has in a tree
// of size entries: 0 if the tree has no such tile, [Width] if the tile is full.
// For an entry bundle, ask for level 0.
func PartialWidth(level uint8, index, size uint64) uint16 {
	// SPEC tlog-tiles: a level has floor(size / 256^level) hashes. Shifting a
	// uint64 by 64 or more yields 0, so there is no level that overflows.
	hashes := size >> (uint(level) * Height)
	if index > MaxIndex || index*Width >= hashes {
		return 0
	}
	return uint16(min(hashes-index*Width, Width))
}
