package index

import (
	"encoding/binary"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// Erased is a public receipt whose body was erased.
type Erased struct {
	Leaf    uint64
	Erasure uint64 // the entry that erased it
}

// PutErasedRun notes in b that a public receipt of the run, at the leaf index,
// was erased by the entry erasure. It is not derived and outlives a rebuild:
// nothing else is left that says so.
func (x *Index) PutErasedRun(b *kv.Batch, run string, index, erasure uint64) {
	b.Set(kv.ErasedRunKey(x.digest(domainRun, run), index), binary.BigEndian.AppendUint64(nil, erasure))
}

// ErasedRun returns the public receipts of the run that were erased, in order.
func (x *Index) ErasedRun(run string) (erased []Erased, err error) {
	lower, upper := kv.ErasedRunBounds(x.digest(domainRun, run))
	err = x.db.Scan(lower, upper, func(key, value []byte) error {
		erasure, err := decodeLeaf(value)
		erased = append(erased, Erased{Leaf: kv.KeyIndex(key), Erasure: erasure})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up erased run: %w", err)
	}
	return erased, nil
}
