// Package seen holds a log to checkpoints that somebody has seen of it.
//
// A log whose data directory was put back to an older state, from a backup or by
// a disk that lied, is sound in itself and would sign a fork with its next
// checkpoint (I5). It cannot know by its own data. Whoever kept a later
// checkpoint can tell: a file beside the data directory, an operator with a copy,
// a witness.
package seen

import (
	"context"
	"errors"
	"fmt"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/tile"
)

// ErrRolledBack says that the log is older than what was seen of it, or another.
// Nothing may be signed.
var ErrRolledBack = errors.New("the log was rolled back: it published a checkpoint that its data does not have")

// ErrNotOurs says that what is said to be a checkpoint of the log is not signed by
// it: either is not what it should be.
var ErrNotOurs = errors.New("a checkpoint said to be seen of this log is not signed by it")

// Tree is the durable tree of a log: a driver's reader.
type Tree interface {
	Tree() (size uint64, root [32]byte)
	ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error)
}

// Check verifies a signed checkpoint with the log's own keys and returns
// ErrRolledBack unless the tree extends it, and ErrNotOurs where it is none. Any
// other error means that this could not be found out.
func Check(ctx context.Context, log Tree, own *policy.Policy, signed []byte) error {
	verified, err := own.Verify(signed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	cp := verified.Checkpoint
	size, _ := log.Tree()
	if cp.Size > size {
		return fmt.Errorf("%w: it had %d entries, the data has %d", ErrRolledBack, cp.Size, size)
	}
	read := func(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
		return log.ReadTile(ctx, uint64(level), index, uint8(width%tile.Width))
	}
	root, err := proof.Root(ctx, read, cp.Size)
	if err != nil {
		return fmt.Errorf("compare with a checkpoint of size %d: %w", cp.Size, err)
	}
	if root != cp.Root {
		return fmt.Errorf("%w: at size %d it had another root", ErrRolledBack, cp.Size)
	}
	return nil
}
