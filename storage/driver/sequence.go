package driver

import (
	"encoding/binary"
	"fmt"

	"github.com/transparency-dev/tessera"

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
		d.queue.land(f.group)
		d.publisher.integrated()
	}
}

// sequencer gives entries their leaves. It belongs to one goroutine.
type sequencer struct {
	db   *kv.DB
	tree tree
}

// newSequencer loads the right edge of the durable tree.
func newSequencer(db *kv.DB, r *Reader) (*sequencer, error) {
	s := &sequencer{db: db}
	if err := s.tree.load(r); err != nil {
		return nil, err
	}
	return s, nil
}

// batchOverhead is what a batch needs beside entries and records: the hashes and
// keys of one more tile per level, and the tree state.
const batchOverhead = 1 << 10

// build makes the batch of a group.
func (s *sequencer) build(g *group) *flight {
	b := s.db.NewBatchSize(g.bytes + len(g.items)*tile.HashSize*9/8 + batchOverhead)
	s.appendRecords(b, g)
	if g.accepted() > 0 {
		entries := g.entries()
		appendEntries(b, s.tree.size, entries)
		s.integrate(b, entries)
	}
	return &flight{group: g, batch: b, state: &treeState{size: s.tree.size, root: s.tree.root()}}
}

// appendRecords lets the caller's rows into the batch, and thereby decides which
// entries get a leaf (I2).
func (s *sequencer) appendRecords(b *kv.Batch, g *group) {
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
func appendEntries(b *kv.Batch, first uint64, entries []*tessera.Entry) {
	for len(entries) > 0 {
		from := int(first % tile.Width)
		n := min(tile.Width-from, len(entries))
		length := 0
		for _, e := range entries[:n] {
			length += 2 + len(e.Data())
		}
		key, value := b.Reserve(kv.EntriesKeyLen, length)
		kv.PutEntriesKey(key, first/tile.Width, uint8(from))
		for _, e := range entries[:n] {
			data := e.Data()
			binary.BigEndian.PutUint16(value, uint16(len(data)))
			value = value[2+copy(value[2:], data):]
		}
		first, entries = first+uint64(n), entries[n:]
	}
}

// integrate appends the entries' hashes to the tree, and writes the new parts of
// tiles and the new tree state.
func (s *sequencer) integrate(b *kv.Batch, entries []*tessera.Entry) {
	for _, e := range entries {
		s.tree.append((*[tile.HashSize]byte)(e.LeafHash()))
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
