package driver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/storage/kv"
)

// ErrCorrupt says that what is stored contradicts itself.
var ErrCorrupt = errors.New("log is corrupt")

// treeState is a tree as it is committed to.
type treeState struct {
	size uint64
	root [tile.HashSize]byte
}

// Reader reads a log. It implements [tessera.LogReader]. What it returns is
// durable, and immutable save for the checkpoint. It is safe for concurrent use.
type Reader struct {
	db        *kv.DB
	tiles     *tileCache
	durable   atomic.Pointer[treeState]
	published atomic.Pointer[publication]
}

// OpenReader returns a reader of the log in db as it stands. It checks nothing,
// and is not told of what a driver appends: it is for looking at a log that
// does not run, sound or not.
func OpenReader(db *kv.DB) (*Reader, error) {
	return newReader(db, DefaultTileCacheBytes)
}

func newReader(db *kv.DB, cacheBytes int) (*Reader, error) {
	r := &Reader{db: db, tiles: newTileCache(cacheBytes)}
	state, err := loadTreeState(db)
	if err != nil {
		return nil, err
	}
	r.durable.Store(state)
	pub, err := loadPublication(db)
	if err != nil {
		return nil, err
	}
	r.published.Store(pub)
	return r, nil
}

// ReadCheckpoint returns the published checkpoint, or os.ErrNotExist.
func (r *Reader) ReadCheckpoint(context.Context) ([]byte, error) {
	if p := r.published.Load(); p.signed != nil {
		return p.signed, nil
	}
	return nil, fmt.Errorf("checkpoint: %w", os.ErrNotExist)
}

// NextIndex returns the index that the next leaf will have, as far as is known
// for sure: leaves are sequenced and integrated in one step.
func (r *Reader) NextIndex(ctx context.Context) (uint64, error) { return r.IntegratedSize(ctx) }

// IntegratedSize returns the size of the durable tree.
func (r *Reader) IntegratedSize(context.Context) (uint64, error) {
	return r.durable.Load().size, nil
}

// Tree returns size and root of the durable tree, which may be ahead of what is
// published.
func (r *Reader) Tree() (size uint64, root [32]byte) {
	s := r.durable.Load()
	return s.size, s.root
}

// ReadTile returns the first p hashes of a tile, all of them if p is 0, or
// os.ErrNotExist if the durable tree does not have that many there. The caller
// must not modify what it gets.
func (r *Reader) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	width, err := r.checkWidth(level, index, p)
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d.p/%d: %w", level, index, p, err)
	}
	end := width * tile.HashSize
	id := tileID{level: uint8(level), index: index}
	if t := r.tiles.get(id); t != nil {
		return t.data[:end:end], nil
	}
	t, err := readTile(r.db, id)
	if err == nil && t.width < width {
		err = fmt.Errorf("%w: it has %d hashes and should have %d", ErrCorrupt, t.width, width)
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d: %w", level, index, err)
	}
	if t.width == tile.Width {
		r.tiles.add(t)
	}
	return t.data[:end:end], nil
}

// ReadEntryBundle returns the first p entries of a bundle, all of them if p is
// 0, or os.ErrNotExist if the durable tree does not have that many there.
func (r *Reader) ReadEntryBundle(_ context.Context, index uint64, p uint8) ([]byte, error) {
	width, err := r.checkWidth(0, index, p)
	if err != nil {
		return nil, fmt.Errorf("entry bundle %d.p/%d: %w", index, p, err)
	}
	bundle, err := readBundle(r.db, index, width)
	if err != nil {
		return nil, fmt.Errorf("entry bundle %d: %w", index, err)
	}
	return bundle, nil
}

// checkWidth returns how many hashes p asks for, if the durable tree has them.
func (r *Reader) checkWidth(level, index uint64, p uint8) (int, error) {
	width := int(p)
	if p == 0 {
		width = tile.Width
	}
	if level > tile.MaxLevel || int(tile.PartialWidth(uint8(level), index, r.durable.Load().size)) < width {
		return 0, os.ErrNotExist
	}
	return width, nil
}

// readTile returns all hashes of a tile that are stored.
func readTile(db *kv.DB, id tileID) (*cachedTile, error) {
	lower, upper := kv.HashesBounds(id.level, id.index)
	t := &cachedTile{id: id}
	err := db.Scan(lower, upper, func(key, value []byte) error {
		first := int(key[len(key)-1])
		if n := len(value) / tile.HashSize; first != t.width || len(value)%tile.HashSize != 0 || n > tile.Width-first {
			return fmt.Errorf("%w: %d bytes at hash %d, behind %d hashes", ErrCorrupt, len(value), first, t.width)
		}
		t.width += copy(t.data[first*tile.HashSize:], value) / tile.HashSize
		return nil
	})
	return t, err
}

// readBundle returns the first width entries of a bundle.
func readBundle(db *kv.DB, index uint64, width int) ([]byte, error) {
	lower, upper := kv.EntriesBounds(index)
	var bundle []byte
	have := 0
	err := db.Scan(lower, upper, func(key, value []byte) error {
		first := int(key[len(key)-1])
		if first >= width {
			return errEnough
		}
		if first != have {
			return fmt.Errorf("%w: entry %d follows entry %d", ErrCorrupt, first, have)
		}
		n, length, err := countEntries(value, width-have)
		bundle = append(bundle, value[:length]...)
		have += n
		return err
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if have < width {
		return nil, fmt.Errorf("%w: it has %d entries and should have %d", ErrCorrupt, have, width)
	}
	return bundle, nil
}

var errEnough = errors.New("enough read")

// countEntries walks up to limit entries of part, and returns how many there are
// and how many bytes they take.
func countEntries(part []byte, limit int) (n, length int, err error) {
	for n < limit && length < len(part) {
		if len(part)-length < 2 {
			return n, length, fmt.Errorf("%w: entry bundle ends within a length", ErrCorrupt)
		}
		end := length + 2 + int(binary.BigEndian.Uint16(part[length:]))
		if end > len(part) {
			return n, length, fmt.Errorf("%w: entry bundle ends within an entry", ErrCorrupt)
		}
		n, length = n+1, end
	}
	return n, length, nil
}

// loadTreeState reads the tree state; a database without one has an empty tree.
func loadTreeState(db *kv.DB) (*treeState, error) {
	value, err := db.Get(kv.TreeKey())
	if errors.Is(err, kv.ErrNotFound) {
		return &treeState{root: (&tree{}).root()}, nil
	} else if err != nil {
		return nil, fmt.Errorf("tree state: %w", err)
	}
	s := new(treeState)
	if len(value) != 8+len(s.root) {
		return nil, fmt.Errorf("tree state: %w: it has %d bytes", ErrCorrupt, len(value))
	}
	s.size = binary.BigEndian.Uint64(value)
	copy(s.root[:], value[8:])
	return s, nil
}
