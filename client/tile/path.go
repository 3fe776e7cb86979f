package tile

import (
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

const (
	prefix        = "tile/"
	entriesPrefix = "entries/"
	partialSuffix = ".p/"
)

// maxPathBytes bounds a path before it is looked at: the longest one that can be
// valid is "tile/entries/x072/x057/x594/x037/x927/935.p/255", 47 bytes.
const maxPathBytes = 64

// ParsePath parses the path of a tile or entry bundle relative to the log's
// prefix, such as "tile/0/x001/067.p/112" or "tile/entries/000". It accepts a
// path only in the one spelling that [Coord.Path] writes, and does not allocate.
//
// A path that parses need not exist in any tree: see [PartialWidth].
func ParsePath(path string) (Coord, error) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || len(path) > maxPathBytes {
		return Coord{}, malformed("not a tile path")
	}
	c := Coord{Level: Entries, Width: Width}
	if after, isEntries := strings.CutPrefix(rest, entriesPrefix); isEntries {
		rest = after
	} else {
		level, after, _ := strings.Cut(rest, "/")
		n, ok := parseDecimal(level, MaxLevel)
		if !ok {
			return Coord{}, malformed("tile level is not a number from 0 to 63")
		}
		c.Level, rest = int8(n), after
	}
	if index, width, partial := strings.Cut(rest, partialSuffix); partial {
		// SPEC tlog-tiles: W is from 1 to 255; a full tile has no suffix.
		n, ok := parseDecimal(width, Width-1)
		if !ok || n == 0 {
			return Coord{}, malformed("tile width is not a number from 1 to 255")
		}
		c.Width, rest = uint16(n), index
	}
	if c.Index, ok = parseIndex(rest); !ok {
		return Coord{}, malformed("tile index is not in the form x001/x234/067")
	}
	return c, nil
}

// Path returns the path of c relative to the log's prefix. c must be valid:
// a Coord that [ParsePath] returned, or whose fields are in their ranges.
func (c Coord) Path() string {
	buf := make([]byte, 0, maxPathBytes)
	buf = append(buf, prefix...)
	if c.Level == Entries {
		buf = append(buf, entriesPrefix...)
	} else {
		buf = strconv.AppendInt(buf, int64(c.Level), 10)
		buf = append(buf, '/')
	}
	buf = appendIndex(buf, c.Index)
	if c.Width != Width {
		buf = append(buf, partialSuffix...)
		buf = strconv.AppendUint(buf, uint64(c.Width), 10)
	}
	return string(buf)
}

// String returns the path of c.
func (c Coord) String() string { return c.Path() }

// parseDecimal parses a decimal number of at most limit, which is below 1000,
// without sign or leading zeroes.
func parseDecimal(s string, limit int) (n int, ok bool) {
	if len(s) == 0 || len(s) > 3 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= limit
}

// parseIndex parses path elements of three digits each, of which all but the
// last begin with x, into an index of at most [MaxIndex].
func parseIndex(s string) (index uint64, ok bool) {
	for {
		element, rest, more := strings.Cut(s, "/")
		if more {
			if element, ok = strings.CutPrefix(element, "x"); !ok {
				return 0, false
			}
			// A leading group of zeroes is a second spelling of the same index.
			if index == 0 && element == "000" {
				return 0, false
			}
		}
		group, ok := parseGroup(element)
		if !ok || index > (MaxIndex-group)/1000 {
			return 0, false
		}
		if index = index*1000 + group; !more {
			return index, true
		}
		s = rest
	}
}

// parseGroup parses exactly three digits.
func parseGroup(s string) (n uint64, ok bool) {
	if len(s) != 3 {
		return 0, false
	}
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}

// appendIndex appends index in groups of three digits, most significant first.
func appendIndex(buf []byte, index uint64) []byte {
	if index >= 1000 {
		buf = appendHigherGroups(buf, index/1000)
	}
	return appendGroup(buf, index%1000)
}

func appendHigherGroups(buf []byte, index uint64) []byte {
	if index >= 1000 {
		buf = appendHigherGroups(buf, index/1000)
	}
	buf = append(buf, 'x')
	buf = appendGroup(buf, index%1000)
	return append(buf, '/')
}

func appendGroup(buf []byte, n uint64) []byte {
	return append(buf, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}

func malformed(detail string) error {
	return &verdict.Error{Code: verdict.Malformed, Detail: detail}
}
