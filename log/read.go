package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/storage/body"
)

// Stored is a receipt as the log holds it.
type Stored struct {
	Index   uint64
	Receipt *receipt.Receipt

	entry      []byte // nil where a search found it
	commitment [32]byte
	salt       [entry.SaltSize]byte
	at         time.Time
}

// LoggedAt is when the log took the receipt in, by its clock.
func (s *Stored) LoggedAt() time.Time { return s.at }

// Tile returns a tile or entry bundle of the published tree, exactly as wide as
// coord says. What the published tree does not have is not_logged, although it
// may be durable already.
func (l *Log) Tile(ctx context.Context, coord tile.Coord) ([]byte, error) {
	var size uint64
	if p := l.Published(); p != nil {
		size = p.Size()
	}
	level := uint8(max(coord.Level, 0))
	if coord.Width > tile.PartialWidth(level, coord.Index, size) {
		return nil, verdict.Errorf(verdict.NotLogged, "", "the published tree of %d entries has no such tile", size)
	}
	partial := uint8(coord.Width % tile.Width) // 0 for a full one
	if coord.Level == tile.Entries {
		return l.driver.ReadEntryBundle(ctx, coord.Index, partial)
	}
	return l.driver.ReadTile(ctx, uint64(level), coord.Index, partial)
}

// tileReader reads tiles for proofs.
func (l *Log) tileReader(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
	return l.driver.ReadTile(ctx, uint64(level), index, uint8(width%tile.Width))
}

// Run returns every receipt that is durably logged for a run and that v shows,
// in the order of their entries: more than one is evidence of a conflict. There
// may be none. Of a receipt that v does not show no more is read than of one
// that does not exist: its row in the index, or the row that is next to where it
// would be.
func (l *Log) Run(ctx context.Context, runID string, v View) ([]*Stored, error) {
	sees, err := l.sees(v)
	if err != nil {
		return nil, err
	}
	leaves, err := l.index.Run(runID)
	if err != nil {
		return nil, err
	}
	var stored []*Stored
	size, _ := l.driver.Tree()
	for _, at := range leaves {
		if at.Leaf >= size {
			continue // I1: not durable yet
		}
		if at.Owner.Known && !sees(at.Owner) {
			continue
		}
		s, err := l.load(ctx, at.Leaf)
		if verdict.CodeOf(err) == verdict.Erased {
			continue
		} else if err != nil {
			return nil, err
		}
		if v.Shows(s.Receipt) {
			stored = append(stored, s)
		}
	}
	return stored, nil
}

// Bundle returns the bundle of a receipt of this log, once it is under a
// published checkpoint. Errors: not_logged, erased, and that of ctx.
func (l *Log) Bundle(ctx context.Context, index uint64) (*bundle.Bundle, error) {
	if size, _ := l.driver.Tree(); index >= size {
		return nil, verdict.Errorf(verdict.NotLogged, "index", "the log has no entry %d", index)
	}
	p, err := l.published.await(ctx, index)
	if err != nil {
		return nil, err
	}
	return l.recall(ctx, p, index)
}

// load reads a receipt with its entry and opens its body.
func (l *Log) load(ctx context.Context, index uint64) (*Stored, error) {
	data, err := l.entry(ctx, index)
	if err != nil {
		return nil, err
	}
	return l.open(index, data)
}

// open opens the body of a receipt's entry.
func (l *Log) open(index uint64, data []byte) (*Stored, error) {
	parsed, err := entry.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %v", index, err)
	}
	e, ok := parsed.(entry.Receipt)
	if !ok {
		return nil, verdict.Errorf(verdict.NotLogged, "index", "entry %d is no receipt", index)
	}
	return l.unseal(index, data, &e)
}

// unseal is open for an entry that was parsed already.
func (l *Log) unseal(index uint64, data []byte, e *entry.Receipt) (*Stored, error) {
	plain, salt, err := body.Open(l.db, index, e.Commitment)
	if errors.Is(err, body.ErrErased) {
		return nil, l.erased(index)
	} else if err != nil {
		return nil, err
	}
	r, err := receipt.Parse(plain)
	if err != nil {
		return nil, fmt.Errorf("body of entry %d: %v", index, err)
	}
	return &Stored{Index: index, Receipt: r, entry: data, commitment: e.Commitment, salt: salt, at: e.At}, nil
}

// entry reads one durable entry.
func (l *Log) entry(ctx context.Context, index uint64) ([]byte, error) {
	within := index % tile.Width
	data, err := l.driver.ReadEntryBundle(ctx, index/tile.Width, uint8((within+1)%tile.Width))
	if err != nil {
		return nil, err
	}
	entries, err := tile.SplitEntries(data)
	if err != nil || uint64(len(entries)) <= within {
		return nil, fmt.Errorf("entry bundle %d has %d entries: %w", index/tile.Width, len(entries), err)
	}
	return entries[within], nil
}

// issuerEntry reads an entry that archives a DID document.
func (l *Log) issuerEntry(ctx context.Context, index uint64) (*entry.Issuer, error) {
	data, err := l.entry(ctx, index)
	if err != nil {
		return nil, err
	}
	parsed, err := entry.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %v", index, err)
	}
	e, ok := parsed.(entry.Issuer)
	if !ok {
		return nil, fmt.Errorf("entry %d is of kind %s, not an issuer's document", index, parsed.Kind())
	}
	return &e, nil
}
