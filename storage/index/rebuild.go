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
// up meanwhile. If it is interrupted, [Open] returns ErrIncomplete until a
// rebuild is finished.
func (x *Index) Rebuild(fill func(r *Rebuilder) error) error {
	b := x.db.NewBatch()
	b.Set(kv.RebuildingKey(), nil)
	for _, bounds := range kv.IndexBounds() {
		b.DeleteRange(bounds[0], bounds[1])
	}
	if err := b.Commit(true); err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	r := &Rebuilder{x: x, b: x.db.NewBatch()}
	if err := fill(r); err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	if r.err == nil {
		r.b.Delete(kv.RebuildingKey())
		r.err = r.b.Commit(true)
	}
	if r.err != nil {
		return fmt.Errorf("rebuild index: %w", r.err)
	}
	return nil
}

// Identity notes the leaf of a receipt. Each has one (I2).
func (r *Rebuilder) Identity(receipt [32]byte, index uint64) {
	r.x.putIdentity(r.b, receipt, index)
	r.flush()
}

// Run is [Index.PutRun].
func (r *Rebuilder) Run(run string, index uint64, o Owner) {
	r.x.PutRun(r.b, run, index, o)
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
