package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/armalo/receiptlog/client/entry"
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

// leafPrefix tells leaves from inner nodes.
const leafPrefix = 0x00

// parsers have seen what the entries of a log have in common.
var parsers = sync.Pool{New: func() any { return new(entry.Parser) }}

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
	parser := parsers.Get().(*entry.Parser)
	defer parsers.Put(parser)
	var leaf []byte
	for i, data := range entries {
		// SPEC RFC 6962, Section 2.1: SHA-256(0x00 || entry); in one piece, which
		// is how SHA-256 is fastest.
		leaf = append(append(leaf[:0], leafPrefix), data...)
		l.hashes[i] = sha256.Sum256(leaf)
		e, err := parser.Parse(data)
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
