package driver

import (
	"context"
	"fmt"

	"github.com/armalo/receiptlog/storage/kv"
)

// Records are the rows that land with an entry: its sealed body, its identity,
// its place in indexes.
type Records interface {
	// Append writes the rows of the entry, which will be the leaf index, to b.
	// It runs on the sequencer, for one entry after another in the order of
	// their leaves, so what it reads through b is what all earlier leaves wrote.
	// It must be quick and must not keep b.
	//
	// If it fails, what it wrote is taken back, the entry gets no leaf, its
	// future returns the error, and the index goes to the next entry. With a
	// *Duplicate the future returns the leaf named there and no error.
	Append(b *kv.Batch, index uint64) error
}

// Sized may be implemented by Records that write more than a kilobyte, to tell
// about how many bytes, so that batches keep their bound.
type Sized interface {
	Size() int
}

// Duplicate is the error of [Records.Append] that says that the entry needs no
// leaf, since another one stands for it.
type Duplicate struct {
	Leaf uint64
}

// Error implements error.
func (d *Duplicate) Error() string { return fmt.Sprintf("entry is at leaf %d already", d.Leaf) }

type recordsKey struct{}

// WithRecords attaches r to the entry that is added with the returned context.
// Tessera's Add passes its context through, whatever decorators are between.
func WithRecords(ctx context.Context, r Records) context.Context {
	return context.WithValue(ctx, recordsKey{}, r)
}

func recordsOf(ctx context.Context) Records {
	r, _ := ctx.Value(recordsKey{}).(Records)
	return r
}
