package index

import (
	"encoding/binary"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// Erased is a receipt whose body was erased.
type Erased struct {
	Leaf    uint64
	Erasure uint64 // the entry that erased it
	Owner   Owner
}

// PutErasedRun notes in b that a receipt of the run, at the leaf index, was
// erased by the entry erasure. It is not derived and outlives a rebuild: nothing
// else is left that says so.
func (x *Index) PutErasedRun(b *kv.Batch, run string, index, erasure uint64, o Owner) {
	value := append(binary.BigEndian.AppendUint64(nil, erasure), o.marshal()...)
	b.Set(kv.ErasedRunKey(x.digest(domainRun, run), index), value)
}

// ErasedRun returns the receipts of the run that were erased, in order.
func (x *Index) ErasedRun(run string) (erased []Erased, err error) {
	lower, upper := kv.ErasedRunBounds(x.digest(domainRun, run))
	err = x.db.Scan(lower, upper, func(key, value []byte) error {
		e, err := parseErased(value)
		e.Leaf = kv.KeyIndex(key)
		erased = append(erased, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up erased run: %w", err)
	}
	return erased, nil
}

// parseErased reads a row. Those without an owner are of public receipts: of
// others there were none.
func parseErased(value []byte) (e Erased, err error) {
	if len(value) == 8 {
		return Erased{Erasure: binary.BigEndian.Uint64(value), Owner: Owner{Known: true, Public: true}}, nil
	}
	if len(value) < 8 {
		return e, fmt.Errorf("its row has %d bytes", len(value))
	}
	e.Erasure = binary.BigEndian.Uint64(value)
	e.Owner, err = parseOwner(value[8:])
	return e, err
}
