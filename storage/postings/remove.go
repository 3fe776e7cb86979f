package postings

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/armalo/receiptlog/storage/kv"
)

// Removed is a leaf whose body is erased, with all its terms.
type Removed struct {
	Leaf  uint64
	Terms [][]byte
}

// Remove takes leaves out of the lists of their terms, in b, which it then has
// committed by commit: until that returns nobody else changes a row.
func (p *Postings) Remove(b *kv.Batch, gone []Removed, commit func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	byTerm := make(map[Term][]uint64)
	for _, g := range gone {
		if g.Leaf >= p.next {
			p.removed[g.Leaf] = struct{}{} // whoever gathers it now must not add it
			continue
		}
		b.Delete(kv.LoggedKey(g.Leaf))
		for _, text := range g.Terms {
			t := p.Term(text)
			if !slices.Contains(byTerm[t], g.Leaf) {
				byTerm[t] = append(byTerm[t], g.Leaf)
			}
		}
	}
	if err := p.removeAll(b, byTerm); err != nil {
		return fmt.Errorf("remove from posting lists: %w", err)
	}
	return commit()
}

func (p *Postings) removeAll(b *kv.Batch, byTerm map[Term][]uint64) (err error) {
	c, err := p.db.NewCursor(kv.AllPostingBounds())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	terms := slices.SortedFunc(maps.Keys(byTerm), func(a, b Term) int { return bytes.Compare(a[:], b[:]) })
	for _, term := range terms { // in the order of their rows
		if err := removeFrom(b, c, term, byTerm[term]); err != nil {
			return err
		}
	}
	return nil
}

// removeFrom rewrites the rows of a term that hold any of the leaves.
func removeFrom(b *kv.Batch, c *kv.Cursor, term Term, leaves []uint64) error {
	slices.Sort(leaves)
	for n := len(leaves); n > 0; n = len(leaves) {
		key, value, err := c.Seek(kv.PostingKey(term, leaves[n-1]))
		if err != nil {
			return err
		}
		if key == nil || kv.PostingTerm(key) != term {
			return nil // none of the rest has a row
		}
		first := kv.PostingFirst(key)
		row, err := appendLeaves(nil, first, value)
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(row), func(leaf uint64) bool {
			_, is := slices.BinarySearch(leaves, leaf)
			return is
		})
		if len(kept) < len(row) {
			b.Delete(key)
		}
		if len(kept) > 0 && len(kept) < len(row) {
			b.Set(kv.PostingKey(term, kept[0]), appendGaps(nil, kept))
		}
		// What is left is below this row.
		below, _ := slices.BinarySearch(leaves, first)
		leaves = leaves[:below]
	}
	return nil
}
