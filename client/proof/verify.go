package proof

import (
	"crypto/sha256"
	"errors"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
)

// LeafHash returns the hash of an entry as a leaf of the tree. SPEC RFC 6962,
// Section 2.1: SHA-256(0x00 || entry).
func LeafHash(entry []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{rfc6962.RFC6962LeafHashPrefix})
	h.Write(entry)
	return [32]byte(h.Sum(nil))
}

// hasher gives the hashes of RFC 6962 to package merkle, whose own hasher makes
// a new state for each.
type hasher struct{}

func (hasher) Size() int         { return sha256.Size }
func (hasher) EmptyRoot() []byte { return rfc6962.DefaultHasher.EmptyRoot() }

func (hasher) HashLeaf(leaf []byte) []byte {
	h := LeafHash(leaf)
	return h[:]
}

func (hasher) HashChildren(left, right []byte) []byte {
	h := hashChildren([32]byte(left), [32]byte(right))
	return h[:]
}

// VerifyInclusion verifies that the tree with the given size and root has leaf at
// index. The error has code inclusion_invalid.
func VerifyInclusion(leaf [32]byte, index, size uint64, hashes [][32]byte, root [32]byte) error {
	err := proof.VerifyInclusion(hasher{}, index, size, leaf[:], slicesOf(hashes), root[:])
	return refuse(verdict.InclusionInvalid, err)
}

// VerifyConsistency verifies that the tree of oldSize leaves with oldRoot is a
// prefix of the tree of newSize leaves with newRoot. Every tree is an extension
// of the empty tree, which an empty proof shows. The error has code
// consistency_invalid.
func VerifyConsistency(oldSize, newSize uint64, oldRoot, newRoot [32]byte, hashes [][32]byte) error {
	if oldSize == 0 && oldRoot != checkpoint.EmptyRoot() {
		return verdict.Errorf(verdict.ConsistencyInvalid, "", "old root is not that of the empty tree")
	}
	err := proof.VerifyConsistency(hasher{}, oldSize, newSize, slicesOf(hashes), oldRoot[:], newRoot[:])
	return refuse(verdict.ConsistencyInvalid, err)
}

// slicesOf returns the same hashes in the form that package merkle takes.
func slicesOf(hashes [][32]byte) [][]byte {
	slices := make([][]byte, len(hashes))
	for i := range hashes {
		slices[i] = hashes[i][:]
	}
	return slices
}

// refuse turns an error of package merkle into one of ours.
func refuse(code verdict.Code, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[proof.RootMismatchError](err); ok {
		return verdict.Errorf(code, "", "proof leads to root %x, not to %x", e.CalculatedRoot, e.ExpectedRoot)
	}
	return &verdict.Error{Code: code, Detail: err.Error()}
}

// hashChildren returns the hash of an inner node. SPEC RFC 6962, Section 2.1:
// SHA-256(0x01 || left || right).
func hashChildren(left, right [32]byte) [32]byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = rfc6962.RFC6962NodeHashPrefix
	copy(node[1:], left[:])
	copy(node[1+sha256.Size:], right[:])
	return sha256.Sum256(node[:])
}

// NodeHash returns the hash of an inner node, for whoever builds trees of their
// own, such as an auditor.
func NodeHash(left, right [32]byte) [32]byte { return hashChildren(left, right) }
