package driver

import (
	"encoding/binary"
	"fmt"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
)

// flight is a batch that was applied and is not known to be durable yet.
type flight struct {
	group *group
	batch *kv.Batch
	state *treeState // the tree once the batch is durable
}

// sequence takes group after group, makes each one batch and starts it.
func (d *Driver) sequence(durable chan<- *flight) {
	defer close(durable)
	// A failure inside the database may end this goroutine on the spot.
	defer func() {
		if err := d.db.Err(); err != nil {
			d.queue.fail(err)
		}
	}()
	for g := d.queue.take(); g != nil; g = d.queue.take() {
		f := d.sequencer.build(g)
		if err := f.batch.Start(); err != nil {
			// The tree in memory is ahead of the one on disk: only a restart
			// brings them together again.
			d.queue.fail(fmt.Errorf("sequence: %w", err))
			return
		}
		durable <- f
	}
}

// settle waits for each batch to be durable, and then, I1, lets its entries'
// futures return.
func (d *Driver) settle(durable <-chan *flight) {
	for f := range durable {
		if err := f.batch.Wait(); err != nil {
			d.queue.fail(fmt.Errorf("sequence: %w", err))
			return
		}
		d.Reader.durable.Store(f.state) // I3: from here on it may be signed
		d.sequencer.release(f.batch)
		d.queue.land(f.group)
		d.publisher.integrated()
	}
}

// sequencer gives entries their leaves. It belongs to one goroutine.
type sequencer struct {
	db   *kv.DB
	tree tree
	free chan *kv.Batch // batches to be used again
}

// newSequencer loads the right edge of the durable tree.
//
// Batches are made once, at the size of the largest, and go round: a batch is as
// many bytes as all its entries, which as garbage would be the most of what an
// entry costs.
func newSequencer(db *kv.DB, r *Reader, maxBatchBytes int) (*sequencer, error) {
	s := &sequencer{db: db, free: make(chan *kv.Batch, maxFlights+1)}
	if err := s.tree.load(r); err != nil {
		return nil, err
	}
	for range cap(s.free) {
		s.free <- db.NewBatchSize(maxBatchBytes + maxBatchBytes/batchOverhead)
	}
	return s, nil
}

// batchOverhead is the part of its size that a batch of small entries needs for
// hashes, keys and lengths.
const batchOverhead = 8

// release gives back a batch that is durable.
func (s *sequencer) release(b *kv.Batch) {
	b.Reset()
	s.free <- b
}

// build makes the batch of a group.
func (s *sequencer) build(g *group) *flight {
	b := <-s.free
	s.appendRecords(b, g)
	if g.accepted() > 0 {
		items := g.sequenced()
		appendEntries(b, s.tree.size, items)
		s.integrate(b, items)
	}
	return &flight{group: g, batch: b, state: &treeState{size: s.tree.size, root: s.tree.root()}}
}

// maxFilteredLeaves is up to where the filters of all tables fit the cache of the
// database beside all else: 20 MB of 64. A larger log reads a block to learn
// that a receipt is new.
const maxFilteredLeaves = 16 << 20

// appendRecords lets the caller's rows into the batch, and thereby decides which
// entries get a leaf (I2).
func (s *sequencer) appendRecords(b *kv.Batch, g *group) {
	b.OpenView(s.tree.size < maxFilteredLeaves)
	defer b.CloseView()
	g.first = s.tree.size
	next := g.first
	for i := range g.items {
		if r := g.items[i].records; r != nil {
			mark := b.Mark()
			if err := r.Append(b, next); err != nil {
				b.Rollback(mark)
				g.refuse(i, err)
				continue
			}
		}
		next++
	}
	g.settle()
}

// appendEntries writes entries to the bundles from leaf first on, one row per
// bundle.
func appendEntries(b *kv.Batch, first uint64, items []item) {
	for len(items) > 0 {
		from := int(first % tile.Width)
		n := min(tile.Width-from, len(items))
		length := 0
		for i := range items[:n] {
			length += 2 + len(items[i].entry.Data())
		}
		key, value := b.Reserve(kv.EntriesKeyLen, length)
		kv.PutEntriesKey(key, first/tile.Width, uint8(from))
		for i := range items[:n] {
			data := items[i].entry.Data()
			binary.BigEndian.PutUint16(value, uint16(len(data)))
			value = value[2+copy(value[2:], data):]
		}
		first, items = first+uint64(n), items[n:]
	}
}

// integrate appends the entries' hashes to the tree, and writes the new parts of
// tiles and the new tree state.
func (s *sequencer) integrate(b *kv.Batch, items []item) {
	for i := range items {
		s.tree.append((*[tile.HashSize]byte)(items[i].entry.LeafHash()))
	}
	for _, g := range s.tree.takeGrowth() {
		part := g.tile.data[g.first*tile.HashSize : g.tile.width*tile.HashSize]
		key, value := b.Reserve(kv.HashesKeyLen, len(part))
		kv.PutHashesKey(key, g.tile.id.level, g.tile.id.index, uint8(g.first))
		copy(value, part)
	}
	root := s.tree.root()
	b.Set(kv.TreeKey(), append(binary.BigEndian.AppendUint64(nil, s.tree.size), root[:]...))
}
