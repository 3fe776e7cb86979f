package proof

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/tile"
)

// perfectHash returns the hash of node number index at a level of the binary
// tree, whose 2^level leaves the tree has all of. Level 8 of the binary tree is
// level 1 of the tiles, and so on.
func (p *Prover) perfectHash(ctx context.Context, level int, index uint64) ([32]byte, error) {
	height := level % tile.Height
	perTile := tile.Height - height // log2 of such nodes in a tile
	n, err := p.tile(ctx, position{uint8(level / tile.Height), index >> perTile})
	if err != nil {
		return [32]byte{}, err
	}
	return n.at(height, int(index&(1<<perTile-1))), nil
}

// tile returns the nodes of a tile that the tree has, read once.
func (p *Prover) tile(ctx context.Context, pos position) (nodes, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.tiles[pos]; ok {
		return n, nil
	}
	width := tile.PartialWidth(pos.level, pos.index, p.size)
	data, err := p.read(ctx, pos.level, pos.index, width)
	if err != nil {
		return nodes{}, fmt.Errorf("read tile %v: %w", pos.coord(width), err)
	}
	if len(data) < int(width)*tile.HashSize {
		return nodes{}, fmt.Errorf("read tile %v: got %d bytes, want %d", pos.coord(width), len(data), int(width)*tile.HashSize)
	}
	if len(p.tiles) >= maxTiles {
		clear(p.tiles) // the few that are needed again are read again
	}
	n := newNodes(data, int(width))
	p.tiles[pos] = n
	return n, nil
}

func (pos position) coord(width uint16) tile.Coord {
	return tile.Coord{Level: int8(pos.level), Index: pos.index, Width: width}
}

// nodes holds the hashes of a tile and of the inner nodes above them that the
// tile has whole, up to the two children of its root: first all at height 0,
// then all at height 1, and so on.
type nodes struct {
	hashes [][32]byte
	starts [tile.Height]int // where each height begins in hashes
}

// newNodes copies the first width hashes of a tile and hashes up from there.
func newNodes(data []byte, width int) nodes {
	var n nodes
	total := 0
	for height := range n.starts {
		n.starts[height] = total
		total += width >> height
	}
	n.hashes = make([][32]byte, total)
	for i := range width {
		n.hashes[i] = [32]byte(data[i*tile.HashSize:])
	}
	for height := 1; height < tile.Height; height++ {
		below := n.hashes[n.starts[height-1]:]
		for i := range width >> height {
			n.hashes[n.starts[height]+i] = hashChildren(below[2*i], below[2*i+1])
		}
	}
	return n
}

// at returns the hash of node i at a height.
func (n *nodes) at(height, i int) [32]byte { return n.hashes[n.starts[height]+i] }
