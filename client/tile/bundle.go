package tile

import (
	"encoding/binary"

	"github.com/armalo/receiptlog/client/verdict"
)

// MaxEntryBytes is the longest entry that a bundle can hold: its length is
// written in 16 bits.
const MaxEntryBytes = 1<<16 - 1

// MaxBundleBytes is the longest entry bundle there can be.
const MaxBundleBytes = Width * (2 + MaxEntryBytes)

// AppendEntry appends entry to bundle behind its length, as
//
//	struct { opaque entry<0..2^16-1>; }
//
// and returns the extended bundle, as the built-in append does. An entry over
// [MaxEntryBytes] is refused with code too_large.
func AppendEntry(bundle, entry []byte) ([]byte, error) {
	if len(entry) > MaxEntryBytes {
		return nil, verdict.Errorf(verdict.TooLarge, "", "entry of %d bytes: a log entry has at most %d", len(entry), MaxEntryBytes)
	}
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...), nil
}

// SplitEntries splits a bundle into its entries, which alias bundle. It refuses
// a bundle that is cut short, has bytes left over or holds more than [Width]
// entries; the caller knows how many there should be and compares.
func SplitEntries(bundle []byte) ([][]byte, error) {
	n, err := countEntries(bundle)
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, 0, n)
	for len(bundle) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// countEntries walks the lengths in bundle, so that nothing is allocated for a
// bundle that does not hold together.
func countEntries(bundle []byte) (n int, err error) {
	for ; len(bundle) > 0; n++ {
		if n == Width {
			return 0, malformed("entry bundle has more than 256 entries")
		}
		if len(bundle) < 2 {
			return 0, malformed("entry bundle ends within the length of an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if end > len(bundle) {
			return 0, malformed("entry bundle ends within an entry")
		}
		bundle = bundle[end:]
	}
	return n, nil
}
