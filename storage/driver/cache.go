package driver

import (
	"sync"

	"github.com/armalo/receiptlog/client/tile"
)

// tileID names a tile of hashes.
type tileID struct {
	level uint8
	index uint64
}

// cachedTile is a tile in memory. Its hashes are only ever added behind those
// that are there, and a reader looks at no more of them than the durable tree
// has, so readers and the sequencer share it without a lock.
type cachedTile struct {
	id   tileID
	data [tile.Width * tile.HashSize]byte

	// For the sequencer alone: how many hashes are there, and whether this
	// batch added some.
	width   int
	growing bool
}

// tileCache holds the growing tile of each level and the full tiles that were
// written or read last. Nearly every proof that a log serves is about its newest
// leaves: this is where it finds them.
type tileCache struct {
	mu      sync.RWMutex
	tiles   map[tileID]*cachedTile
	full    []tileID // ring of the full tiles in tiles, for eviction
	next    int
	growing [levels]*cachedTile
}

func newTileCache(bytes int) *tileCache {
	n := max(bytes/(tile.Width*tile.HashSize), 4*levels)
	return &tileCache{tiles: make(map[tileID]*cachedTile), full: make([]tileID, 0, n)}
}

// get returns the tile, or nil.
func (c *tileCache) get(id tileID) *cachedTile {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tiles[id]
}

// grow makes t the growing tile of its level. The one before it is full now.
func (c *tileCache) grow(t *cachedTile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.growing[t.id.level]; old != nil {
		c.keep(old.id)
	}
	c.growing[t.id.level] = t
	c.tiles[t.id] = t
}

// add keeps a full tile that was read.
func (c *tileCache) add(t *cachedTile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.tiles[t.id]; ok {
		return
	}
	c.tiles[t.id] = t
	c.keep(t.id)
}

// keep enters a full tile into the ring, in the place of the oldest.
func (c *tileCache) keep(id tileID) {
	if len(c.full) < cap(c.full) {
		c.full = append(c.full, id)
		return
	}
	delete(c.tiles, c.full[c.next])
	c.full[c.next] = id
	c.next = (c.next + 1) % len(c.full)
}
