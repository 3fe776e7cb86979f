// Package proof reads, writes, builds and verifies Merkle proofs.
package proof

import "context"

// Proof is a C2SP tlog-proof.
type Proof struct {
	Extra      []byte
	Index      uint64
	Hashes     [][32]byte
	Checkpoint []byte // signed note
}

func Parse(data []byte) (*Proof, error) { panic("not yet") }
func (p *Proof) Marshal() []byte        { panic("not yet") }

func LeafHash(entry []byte) [32]byte { panic("not yet") }

// VerifyInclusion: code inclusion_invalid.
func VerifyInclusion(leaf [32]byte, index, size uint64, hashes [][32]byte, root [32]byte) error {
	panic("not yet")
}

// VerifyConsistency: code consistency_invalid.
func VerifyConsistency(oldSize, newSize uint64, oldRoot, newRoot [32]byte, hashes [][32]byte) error {
	panic("not yet")
}

// VerifySubtree verifies that the tree of the given size and root contains the
// subtree [start, end) with the given hash. Code consistency_invalid.
func VerifySubtree(start, end uint64, subtree [32]byte, size uint64, root [32]byte, hashes [][32]byte) error {
	panic("not yet")
}

// TileReader returns at least width*32 bytes of a tile.
type TileReader func(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error)

func Inclusion(ctx context.Context, read TileReader, index, size uint64) ([][32]byte, error) {
	panic("not yet")
}
func Consistency(ctx context.Context, read TileReader, oldSize, newSize uint64) ([][32]byte, error) {
	panic("not yet")
}
func Root(ctx context.Context, read TileReader, size uint64) ([32]byte, error) { panic("not yet") }

// Prover makes many proofs for one tree size and hashes each tile once. It may
// be used concurrently.
type Prover struct{}

func NewProver(read TileReader, size uint64) *Prover { panic("not yet") }
func (p *Prover) Inclusion(ctx context.Context, index uint64) ([][32]byte, error) {
	panic("not yet")
}
func (p *Prover) Consistency(ctx context.Context, oldSize uint64) ([][32]byte, error) {
	panic("not yet")
}
func (p *Prover) Root(ctx context.Context) ([32]byte, error) { panic("not yet") }
