package entry

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	// MaxRanges keeps an entry below MaxBytes: each takes up to rangeBytes,
	// and all else up to 2,000.
	MaxRanges = 1700
	// rangeBytes is "[a,b]," with two numbers of 16 digits.
	rangeBytes = 36
	// maxIndex keeps an index exact as a JSON number (RFC 7493).
	maxIndex = 1<<53 - 1
	// maxTextBytes bounds what is said in words: a sentence.
	maxTextBytes = 256
)

// Range is the entries from First to Last, both included.
type Range struct{ First, Last uint64 }

// Contains reports whether index is in one of the ranges, which are in order.
func Contains(ranges []Range, index uint64) bool {
	lo, hi := 0, len(ranges)
	for lo < hi {
		middle := (lo + hi) / 2
		switch r := ranges[middle]; {
		case index < r.First:
			hi = middle
		case index > r.Last:
			lo = middle + 1
		default:
			return true
		}
	}
	return false
}

func appendRanges(dst []byte, ranges []Range) []byte {
	dst = append(dst, '[')
	for i, r := range ranges {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(append(dst, '['), r.First, 10)
		dst = strconv.AppendUint(append(dst, ','), r.Last, 10)
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

func parseRanges(wire [][]uint64) ([]Range, error) {
	ranges := make([]Range, 0, min(len(wire), MaxRanges))
	for _, pair := range wire {
		if len(pair) != 2 || len(ranges) == MaxRanges {
			return nil, verdict.Errorf(verdict.Malformed, "entry.ranges", "must be at most %d pairs of a first and a last index", MaxRanges)
		}
		ranges = append(ranges, Range{pair[0], pair[1]})
	}
	return ranges, nil
}

// checkRanges holds that there is one way only to name a set of entries: in
// order, with a gap between any two.
func checkRanges(ranges []Range) error {
	if len(ranges) == 0 || len(ranges) > MaxRanges {
		return verdict.Errorf(verdict.Malformed, "entry.ranges", "must be between 1 and %d", MaxRanges)
	}
	for i, r := range ranges {
		if r.First > r.Last || r.Last > maxIndex {
			return verdict.Errorf(verdict.Malformed, "entry.ranges", "a range must go from a first to a last index")
		}
		if i > 0 && r.First <= ranges[i-1].Last+1 {
			return verdict.Errorf(verdict.Malformed, "entry.ranges", "must be in order and neither overlap nor touch")
		}
	}
	return nil
}

// checkHandle looks at an organisation's handle.
func checkHandle(org string) error {
	ok := len(org) == 2*orgBytes
	for i := 0; ok && i < len(org); i++ {
		ok = org[i] >= '0' && org[i] <= '9' || org[i] >= 'a' && org[i] <= 'f'
	}
	if !ok {
		return verdict.Errorf(verdict.Malformed, "entry.org", "must be %d lower-case hex digits", 2*orgBytes)
	}
	return nil
}

// checkText looks at what is said in words: it is public for ever, so it is
// short and shows what it says.
func checkText(path, s string) error {
	if s == "" || len(s) > maxTextBytes || !utf8.ValidString(s) {
		return verdict.Errorf(verdict.Malformed, path, "must be a text of 1 to %d bytes", maxTextBytes)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return verdict.Errorf(verdict.Malformed, path, "must have printable characters only")
		}
	}
	return nil
}
