package postings

import (
	"encoding/binary"
	"errors"
)

// maxRow bounds the leaves of one row, so that a look-up that needs one of them
// does not decode many thousands.
const maxRow = 1024

// errRow says that a row is not one that this package wrote.
var errRow = errors.New("a row of the posting lists is damaged")

// appendGaps encodes the leaves of a row behind its first, which stands in the
// key: the distance of each to the one before, as a varint. Leaves ascend.
func appendGaps(dst []byte, leaves []uint64) []byte {
	for i := 1; i < len(leaves); i++ {
		dst = binary.AppendUvarint(dst, leaves[i]-leaves[i-1])
	}
	return dst
}

// appendLeaves decodes a row, its first leaf included, in ascending order.
func appendLeaves(dst []uint64, first uint64, gaps []byte) ([]uint64, error) {
	dst = append(dst, first)
	for len(gaps) > 0 {
		gap, n := binary.Uvarint(gaps)
		if n <= 0 || gap == 0 || first+gap < first || len(dst) >= maxRow {
			return nil, errRow
		}
		first += gap
		dst = append(dst, first)
		gaps = gaps[n:]
	}
	return dst, nil
}
