package postings

import (
	"bytes"
	"slices"
	"testing"
)

// Whatever stands in a row, it decodes to ascending leaves that encode to the
// same bytes, or to an error.
func FuzzRow(f *testing.F) {
	f.Add(uint64(0), []byte{})
	f.Add(uint64(5), []byte{1, 1, 200, 1})
	f.Add(^uint64(0), []byte{1})
	f.Add(uint64(5), []byte{0})
	f.Add(uint64(5), []byte{0x80})
	f.Fuzz(func(t *testing.T, first uint64, gaps []byte) {
		leaves, err := appendLeaves(nil, first, gaps)
		if err != nil {
			return
		}
		if !slices.IsSorted(leaves) || len(leaves) > maxRow {
			t.Fatalf("%d leaves: %v", len(leaves), leaves)
		}
		again, err := appendLeaves(nil, first, appendGaps(nil, leaves))
		if err != nil || !slices.Equal(again, leaves) {
			t.Fatalf("%v, then %v, %v", leaves, again, err)
		}
		if shortest := appendGaps(nil, leaves); len(shortest) == len(gaps) && !bytes.Equal(shortest, gaps) {
			t.Fatalf("two encodings of one length: %x and %x", shortest, gaps)
		}
	})
}
