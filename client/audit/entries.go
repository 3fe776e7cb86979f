package audit

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/tile"
)

// leaves is a run of entries of one bundle, parsed and hashed.
type leaves struct {
	first  uint64
	parsed []entry.Entry // nil where an entry does not parse
	whys   map[int]error // and why
	hashes [][32]byte    // of the leaves; or only their root, where whole
	whole  bool          // it is the whole of a bundle
}

// read fetches the entries from first on that are in bundle number n of a tree
// of that size.
func read(ctx context.Context, log Log, n, first, size uint64) (*leaves, error) {
	width := tile.PartialWidth(0, n, size)
	data, err := log.Entries(ctx, n, width)
	if err != nil {
		return nil, err
	}
	entries, err := tile.SplitEntries(data)
	if err != nil {
		return nil, fmt.Errorf("entry bundle %d: %w", n, err)
	}
	if len(entries) < int(width) {
		return nil, fmt.Errorf("entry bundle %d has %d entries, and %d are in the tree", n, len(entries), width)
	}
	entries = entries[first-n*tile.Width : width]
	l := &leaves{first: first, parsed: make([]entry.Entry, len(entries)), hashes: make([][32]byte, len(entries))}
	for i, data := range entries {
		l.hashes[i] = proof.LeafHash(data)
		e, err := entry.Parse(data)
		if err != nil {
			if l.whys == nil {
				l.whys = make(map[int]error)
			}
			l.whys[i] = err
			continue
		}
		l.parsed[i] = e
	}
	if len(entries) == tile.Width {
		l.whole, l.hashes = true, [][32]byte{foldTile(l.hashes)}
	}
	return l, nil
}

// appendTo appends the leaves to the tree.
func (l *leaves) appendTo(e *edge) {
	if l.whole {
		e.add(tile.Height, l.hashes[0])
		return
	}
	for _, h := range l.hashes {
		e.add(0, h)
	}
}
