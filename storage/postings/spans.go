package postings

import (
	"encoding/binary"
	"sync"

	"github.com/armalo/receiptlog/storage/kv"
)

// blockLeaves is how many leaves share one span: 16 bytes of memory for as many.
const blockLeaves = 256

// span is when the receipts of a block were logged, in unix seconds. The log's
// clock may have been set back, so blocks are in no order.
type span struct {
	earliest, latest int64
	some             bool // there is a receipt at all
}

func (s span) marshal() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(s.earliest))
	return binary.BigEndian.AppendUint64(b, uint64(s.latest))
}

// spans are those of all blocks, in memory: with them a time range is found by
// looking at a few words a block, however the clock went.
type spans struct {
	mu     sync.RWMutex
	blocks []span
}

func (s *spans) load(db *kv.DB) error {
	lower, upper := kv.SpanBounds()
	return db.Scan(lower, upper, func(key, value []byte) error {
		if len(value) != 16 {
			return errRow
		}
		s.put(kv.KeyIndex(key), span{int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:])), true})
		return nil
	})
}

func (s *spans) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks = nil
}

func (s *spans) put(block uint64, of span) {
	for uint64(len(s.blocks)) <= block {
		s.blocks = append(s.blocks, span{})
	}
	s.blocks[block] = of
}

// grow returns the blocks that change with what was added.
func (s *spans) grow(all []added) map[uint64]span {
	s.mu.RLock()
	defer s.mu.RUnlock()
	grown := make(map[uint64]span)
	for _, a := range all {
		block := a.leaf / blockLeaves
		now, ok := grown[block]
		if !ok && block < uint64(len(s.blocks)) {
			now = s.blocks[block]
		}
		if !now.some {
			now = span{a.logged.At, a.logged.At, true}
		}
		now.earliest, now.latest = min(now.earliest, a.logged.At), max(now.latest, a.logged.At)
		grown[block] = now
	}
	return grown
}

func (s *spans) set(grown map[uint64]span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for block, of := range grown {
		s.put(block, of)
	}
}

// During returns the leaves of all blocks that may hold one that was logged from
// the unix second from up to and including to.
func (p *Postings) During(from, to int64) Set { return &during{&p.spans, from, to} }

type during struct {
	spans    *spans
	from, to int64
}

// Seek implements Set.
func (d *during) Seek(at uint64) (uint64, State, error) {
	d.spans.mu.RLock()
	defer d.spans.mu.RUnlock()
	for block := min(at/blockLeaves+1, uint64(len(d.spans.blocks))); block > 0; block-- {
		if s := d.spans.blocks[block-1]; s.some && s.earliest <= d.to && s.latest >= d.from {
			return min(at, block*blockLeaves-1), Found, nil
		}
	}
	return 0, None, nil
}

// Close implements Set.
func (d *during) Close() error { return nil }
