package fsck

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/tile"
)

// progressEvery is how many bundles pass between two words on progress.
const progressEvery = 16

// walk reads every bundle in order, builds the tree anew, and hands the
// receipts to workers that open and verify them.
func (c *checker) walk(ctx context.Context) error {
	jobs := make(chan job, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for j := range jobs {
				c.checkReceipts(j)
			}
		})
	}
	t := newTree(c)
	documents := make(archive)
	var err error
	for n := uint64(0); n*tile.Width < c.report.Size && err == nil; n++ {
		entries := c.readBundle(ctx, n)
		t.appendBundle(ctx, n, entries)
		documents = c.archive(documents, n, entries)
		jobs <- job{first: n * tile.Width, entries: entries, documents: documents}
		if c.opts.Progress != nil && n%progressEvery == 0 {
			c.opts.Progress(n*tile.Width, c.report.Size)
		}
		err = ctx.Err()
	}
	close(jobs)
	workers.Wait()
	if err != nil {
		return err
	}
	t.finish(ctx)
	if c.opts.Progress != nil {
		c.opts.Progress(c.report.Size, c.report.Size)
	}
	return nil
}

// readBundle returns the entries of a bundle, or nil where it cannot be read.
func (c *checker) readBundle(ctx context.Context, n uint64) [][]byte {
	width := tile.PartialWidth(0, n, c.report.Size)
	data, err := c.log.ReadEntryBundle(ctx, n, uint8(width%tile.Width))
	var entries [][]byte
	if err == nil {
		entries, err = tile.SplitEntries(data)
	}
	if err == nil && len(entries) != int(width) {
		err = fmt.Errorf("has %d entries, not %d", len(entries), width)
	}
	if err != nil {
		c.report.damage("entry", tile.Coord{Level: tile.Entries, Index: n, Width: width}.Path(), err)
		return nil
	}
	return entries
}

// tree is the Merkle tree built anew from the entries. Where a bundle cannot be
// read the stored leaf hashes stand in, so that the rest can still be judged.
type tree struct {
	c      *checker
	leaves *compact.Range
	grown  map[uint8][]byte // per level, hashes of the tile that is being built
}

func newTree(c *checker) *tree {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	t := &tree{c: c, leaves: factory.NewEmptyRange(0), grown: make(map[uint8][]byte)}
	t.compareRoots()
	return t
}

// appendBundle appends the leaves of bundle n, comparing them with their tile.
func (t *tree) appendBundle(ctx context.Context, n uint64, entries [][]byte) {
	width := tile.PartialWidth(0, n, t.c.report.Size)
	coord := tile.Coord{Index: n, Width: width}
	stored, err := t.c.log.ReadTile(ctx, 0, n, uint8(width%tile.Width))
	if err != nil {
		t.c.report.damage("tile", coord.Path(), err)
		stored = nil
	}
	for i := range uint64(width) {
		var leaf [32]byte
		switch {
		case entries != nil:
			leaf = proof.LeafHash(entries[i])
			t.compareLeaf(n*tile.Width+i, leaf, stored)
		case stored != nil:
			leaf = [32]byte(stored[i*tile.HashSize:])
		}
		t.append(ctx, leaf)
	}
}

// compareLeaf compares an entry's hash with the stored one.
func (t *tree) compareLeaf(index uint64, leaf [32]byte, stored []byte) {
	if stored == nil {
		return
	}
	at := index % tile.Width * tile.HashSize
	if !bytes.Equal(leaf[:], stored[at:at+tile.HashSize]) {
		t.c.report.damage("entry", strconv.FormatUint(index, 10), fmt.Errorf("does not have the hash that its tile holds"))
		return
	}
	t.c.report.count(func(r *Report) { r.EntriesSound++ })
}

// append adds a leaf to the tree and every node it completes to its tile.
func (t *tree) append(ctx context.Context, leaf [32]byte) {
	add := func(id compact.NodeID, hash []byte) {
		if id.Level > 0 && id.Level%tile.Height == 0 {
			level := uint8(id.Level / tile.Height)
			t.grown[level] = append(t.grown[level], hash...)
			if len(t.grown[level]) == tile.Width*tile.HashSize {
				t.compareTile(ctx, level, id.Index/tile.Width)
			}
		}
	}
	// It fails only on a leaf out of order, which a range that grows by one
	// cannot have.
	if err := t.leaves.Append(leaf[:], add); err != nil {
		panic(err)
	}
	t.compareRoots()
}

// compareTile compares what was built of a tile with what is stored.
func (t *tree) compareTile(ctx context.Context, level uint8, n uint64) {
	built := t.grown[level]
	t.grown[level] = nil
	width := uint16(len(built) / tile.HashSize)
	coord := tile.Coord{Level: int8(level), Index: n, Width: width}
	stored, err := t.c.log.ReadTile(ctx, uint64(level), n, uint8(width%tile.Width))
	if err == nil && !bytes.Equal(built, stored) {
		err = fmt.Errorf("does not have the hashes of the tiles below it")
	}
	if err != nil {
		t.c.report.damage("tile", coord.Path(), err)
	}
}

// compareRoots compares the tree with what was committed to at this size.
func (t *tree) compareRoots() {
	size := t.leaves.End()
	total, state := t.c.log.Tree()
	if size != total && (!t.c.signed || size != t.c.published) {
		return
	}
	root := rfc6962.DefaultHasher.EmptyRoot()
	if size > 0 {
		root, _ = t.leaves.GetRootHash(nil) // fails only on a range that does not begin at 0
	}
	if size == total && [32]byte(root) != state {
		t.c.report.damage("tree state", "", fmt.Errorf("does not have the root of the %d entries", total))
	}
	if t.c.signed && size == t.c.published {
		if [32]byte(root) == t.c.root {
			t.c.report.CheckpointHolds = true
		} else {
			t.c.report.damage("checkpoint", "", fmt.Errorf("does not have the root of the %d entries it commits to", size))
		}
	}
}

// finish compares the tiles on the right edge, which are partial.
func (t *tree) finish(ctx context.Context) {
	for level, built := range t.grown {
		if len(built) > 0 {
			hashes := t.leaves.End() >> (tile.Height * level)
			t.compareTile(ctx, level, (hashes-1)/tile.Width)
		}
	}
}

// archive returns the archived documents with those of a bundle added. The map
// handed in is not changed: workers read it.
func (c *checker) archive(have archive, n uint64, entries [][]byte) archive {
	copied := false
	for i, data := range entries {
		parsed, err := entry.Parse(data)
		if err != nil {
			c.report.damage("entry", strconv.FormatUint(n*tile.Width+uint64(i), 10), err)
			continue
		}
		logged, ok := parsed.(entry.Issuer)
		if !ok {
			continue
		}
		if !copied {
			have, copied = have.clone(), true
		}
		c.checkDocument(have, n*tile.Width+uint64(i), logged)
	}
	return have
}
