package jcs

import (
	"bytes"
	"encoding/binary"
	"encoding/json/jsontext"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// isCanonical reports whether data is canonical JSON already, so that
// Canonicalize has nothing to do but copy it. Programs send receipts as they
// signed them, and the log reads back what it wrote, so this is the usual
// case, at an eighth of the cost.
//
// It may say no to canonical JSON of an unusual kind (member names beyond
// ASCII or with escapes, rare escapes in strings): the answer is then found
// the long way. It must never say yes to anything else, which a fuzz target
// holds it to.
func isCanonical(data []byte, maxDepth int) bool {
	r := reader{data: data}
	return r.value(maxDepth) && r.at == len(data)
}

// reader is a recursive descent over data that gives up at the first byte that
// canonical JSON cannot have.
type reader struct {
	data []byte
	at   int
}

// peek returns the next byte, or 0 at the end.
func (r *reader) peek() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

// take consumes the byte c.
func (r *reader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// value consumes a value that nests at most depth levels.
func (r *reader) value(depth int) bool {
	switch r.peek() {
	case '"':
		_, ok := r.string()
		return ok
	case '{':
		return depth > 0 && r.object(depth-1)
	case '[':
		return depth > 0 && r.array(depth-1)
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	}
	return r.number()
}

func (r *reader) word(word string) bool {
	if !bytes.HasPrefix(r.data[r.at:], []byte(word)) {
		return false
	}
	r.at += len(word)
	return true
}

func (r *reader) array(depth int) bool {
	r.at++
	if r.take(']') {
		return true
	}
	for r.value(depth) {
		if !r.take(',') {
			return r.take(']')
		}
	}
	return false
}

func (r *reader) object(depth int) bool {
	r.at++
	if r.take('}') {
		return true
	}
	var last []byte
	for first := true; ; first = false {
		from := r.at + 1
		plain, ok := r.string()
		if !ok || !plain {
			return false
		}
		// SPEC RFC 8785 3.2.3: sorted by UTF-16 code units, which for plain
		// names is the order of their bytes. Strictly: equal names are
		// duplicates.
		name := r.data[from : r.at-1]
		if !first && bytes.Compare(last, name) >= 0 {
			return false
		}
		last = name
		if !r.take(':') || !r.value(depth) {
			return false
		}
		if !r.take(',') {
			return r.take('}')
		}
	}
}

// string consumes a string. plain means that it is ASCII without escapes.
func (r *reader) string() (plain, ok bool) {
	if !r.take('"') {
		return false, false
	}
	from, plain := r.at, true
	for {
		r.at += plainPrefix(r.data[r.at:])
		if r.at == len(r.data) {
			return false, false
		}
		switch c := r.data[r.at]; {
		case c == '"':
			ok := plain || utf8.Valid(r.data[from:r.at])
			r.at++
			return plain, ok
		case c < ' ':
			return false, false
		case c == '\\':
			// SPEC RFC 8785 3.2.2.2: these, and no others where they will do.
			if r.at++; bytes.IndexByte([]byte(`"\bfnrt`), r.peek()) < 0 {
				return false, false
			}
			plain = false
		case c >= utf8.RuneSelf:
			plain = false
		}
		r.at++
	}
}

// plainPrefix returns how many bytes at the start of s stand for themselves in a
// string: ASCII but for control characters, the quote and the backslash.
func plainPrefix(s []byte) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		if special := specialBytes(binary.LittleEndian.Uint64(s[n:])); special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for n < len(s) && ' ' <= s[n] && s[n] < utf8.RuneSelf && s[n] != '"' && s[n] != '\\' {
		n++
	}
	return n
}

// specialBytes looks at eight bytes at once. The lowest bit that is set in what
// it returns is the highest bit of the first byte that is not plain; bits above
// that mean nothing, since differences borrow from there.
func specialBytes(x uint64) uint64 {
	const ones = 0x01_01_01_01_01_01_01_01
	const spaces, quotes, backslashes = ' ' * ones, '"' * ones, '\\' * ones
	return (x | (x - spaces) | ((x ^ quotes) - ones) | ((x ^ backslashes) - ones)) & (0x80 * ones)
}

// number consumes a number as RFC 8785 prints it.
func (r *reader) number() bool {
	from := r.at
	r.at = numberEnd(r.data, from)
	literal := r.data[from:r.at]
	if isShortInteger(literal) || isShortFraction(literal) {
		return true
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	var buf [32]byte
	// -0 is the one number that AppendFloat prints otherwise than RFC 8785,
	// and "-0" is not canonical.
	return err == nil && f != 0 && bytes.Equal(jsontext.AppendFloat(buf[:0], f, 64), literal)
}

// isShortInteger reports whether literal is an integer of at most safeDigits
// digits in canonical form.
func isShortInteger(literal []byte) bool {
	digits := bytes.TrimPrefix(literal, []byte("-"))
	if len(digits) == 0 || len(digits) > safeDigits {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return digits[0] != '0' || len(literal) == 1
}

// isShortFraction reports whether literal is a fraction such as 0.95, of at
// most safeDigits digits, in canonical form. No two decimals of so few digits
// are the same double, so none of them has a shorter spelling.
func isShortFraction(literal []byte) bool {
	digits, ok := bytes.CutPrefix(literal, []byte("0."))
	if !ok || len(digits) == 0 || len(digits) > safeDigits {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	// RFC 8785 gives numbers below 10^-6 an exponent.
	return digits[0] != '0' && digits[len(digits)-1] != '0'
}
