package index

import (
	"encoding/binary"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// rebuildBatchBytes bounds what a rebuild holds in memory.
const rebuildBatchBytes = 4 << 20

// Rebuilder takes the rows of an index that is being rebuilt.
type Rebuilder struct {
	x   *Index
	b   *kv.Batch
	err error
}

// Rebuild drops identities, runs and issuers and has fill write them anew from
// entries and bodies, which only the caller can read. Nobody may append or look
// up meanwhile. If it is interrupted, the index is incomplete and must be
// rebuilt again: the caller runs it before it serves.
func (x *Index) Rebuild(fill func(r *Rebuilder) error) error {
	b := x.db.NewBatch()
	for _, bounds := range kv.IndexBounds() {
		b.DeleteRange(bounds[0], bounds[1])
	}
	r := &Rebuilder{x: x, b: b}
	if err := fill(r); err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	if r.err == nil {
		r.err = r.b.Commit(true)
	}
	if r.err != nil {
		return fmt.Errorf("rebuild index: %w", r.err)
	}
	return nil
}

// Identity notes the leaf of a receipt. The first leaf of a receipt counts, as
// it did when it was logged; leaves must come in order.
func (r *Rebuilder) Identity(receipt [32]byte, index uint64) {
	r.x.putIdentity(r.b, receipt, index)
	r.flush()
}

// Run is [Index.PutRun].
func (r *Rebuilder) Run(run string, index uint64) {
	r.x.PutRun(r.b, run, index)
	r.flush()
}

// Issuer is [Index.PutIssuer].
func (r *Rebuilder) Issuer(did string, hash [32]byte, index uint64) {
	r.x.PutIssuer(r.b, did, hash, index)
	r.flush()
}

func (r *Rebuilder) flush() {
	if r.err != nil || r.b.Len() < rebuildBatchBytes {
		return
	}
	r.err = r.b.Commit(false)
	r.b = r.x.db.NewBatch()
}

func (x *Index) putIdentity(b *kv.Batch, receipt [32]byte, index uint64) {
	b.Set(kv.IdentityKey(x.identity(receipt)), binary.BigEndian.AppendUint64(nil, index))
}
