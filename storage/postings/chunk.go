package postings

import (
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// maxKnownTerms bounds the memory for terms that were hashed before, about 10
// MB: most terms of a receipt were in the one before it.
const maxKnownTerms = 1 << 16

// Chunk gathers the terms of the next leaves, from [Postings.Next] on. It is for
// one goroutine, and there may be only one at a time. It can be used again
// after Commit.
type Chunk struct {
	p      *Postings
	known  map[string]Term
	leaves map[Term][]uint64
	added  []added
}

type added struct {
	leaf   uint64
	logged Logged
}

// NewChunk returns an empty chunk.
func (p *Postings) NewChunk() *Chunk {
	return &Chunk{p: p, known: make(map[string]Term), leaves: make(map[Term][]uint64)}
}

// Begin notes a leaf and what the log says of it. Leaves come in order. Those that
// have no terms need not be noted at all.
func (c *Chunk) Begin(leaf uint64, l Logged) { c.added = append(c.added, added{leaf, l}) }

// Add notes a term of the leaf begun last. text is not kept. A term that is
// added twice counts once.
func (c *Chunk) Add(text []byte) {
	term, ok := c.known[string(text)]
	if !ok {
		if len(c.known) >= maxKnownTerms {
			clear(c.known)
		}
		term = c.p.Term(text)
		c.known[string(text)] = term
	}
	leaf := c.added[len(c.added)-1].leaf
	list := c.leaves[term]
	if n := len(list); n > 0 && list[n-1] == leaf {
		return
	}
	c.leaves[term] = append(list, leaf)
}

// Commit writes the rows of the chunk, and that the lists reach up to, not
// including, next. It is durable with the next batch that is synced: what is
// lost in a crash is gathered again. Afterwards the chunk is empty.
func (c *Chunk) Commit(next uint64) error {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.db.NewBatch()
	var gaps []byte
	for term, leaves := range c.leaves {
		if len(p.removed) > 0 {
			leaves = p.without(leaves)
		}
		for len(leaves) > 0 {
			row := leaves[:min(len(leaves), maxRow)]
			gaps = appendGaps(gaps[:0], row)
			b.Set(kv.PostingKey(term, row[0]), gaps)
			leaves = leaves[len(row):]
		}
	}
	for _, a := range c.added {
		if _, gone := p.removed[a.leaf]; !gone {
			b.Set(kv.LoggedKey(a.leaf), a.logged.marshal())
		}
	}
	grown := p.spans.grow(c.added)
	for block, s := range grown {
		b.Set(kv.SpanKey(block), s.marshal())
	}
	putNext(b, next)
	c.Reset()
	if err := b.Commit(false); err != nil {
		return fmt.Errorf("write posting lists: %w", err)
	}
	p.spans.set(grown)
	p.next = next
	for leaf := range p.removed {
		if leaf < next {
			delete(p.removed, leaf)
		}
	}
	return nil
}

// Reset empties the chunk without writing anything.
func (c *Chunk) Reset() {
	clear(c.leaves)
	c.added = c.added[:0]
}

// without drops the leaves that were erased since they were gathered.
func (p *Postings) without(leaves []uint64) []uint64 {
	kept := leaves[:0]
	for _, leaf := range leaves {
		if _, gone := p.removed[leaf]; !gone {
			kept = append(kept, leaf)
		}
	}
	return kept
}
