package jcs

import (
	"math"
	"strconv"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
)

// safeDigits is how many digits an integer literal may have with no closer
// look: 10^15 is below 2^53, up to which a double holds every integer.
const safeDigits = 15

// plainLength is how long a literal without an exponent may be with no closer
// look. The largest double has 309 digits, and the smallest above zero shows
// its first digit 324 places after the point.
const plainLength = 300

// scan checks what the JSON reader does not: the depth and the range of every
// number. It runs before that reader and so cannot count on valid JSON; on
// invalid JSON it may accept or refuse, but what it accepts is never deeper
// than maxDepth.
func scan(data []byte, maxDepth int) error {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			i = stringEnd(data, i)
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return verdict.Errorf(verdict.Malformed, "", "nests more than %d levels deep at byte %d", maxDepth, i)
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || '0' <= c && c <= '9':
			end := numberEnd(data, i)
			if err := checkNumber(data[i:end], i); err != nil {
				return err
			}
			i = end - 1
		}
	}
	return nil
}

// stringEnd returns the index of the quote that closes the string opened at i,
// or the last index of data.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(data) - 1
}

// numberEnd returns the index after the last byte of the number that begins at
// i.
func numberEnd(data []byte, i int) int {
	for i < len(data) && (data[i]-'0' < 10 || data[i] == '.' || data[i]|0x20 == 'e' || data[i] == '+' || data[i] == '-') {
		i++
	}
	return i
}

// checkNumber enforces the number rules of the package.
func checkNumber(literal []byte, at int) error {
	if len(literal) <= safeDigits && !hasExponent(literal) {
		return nil
	}
	s := string(literal)
	integer := !strings.ContainsAny(s, ".eE")
	if !integer && !hasExponent(literal) && len(s) <= plainLength {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case math.IsInf(f, 0):
		return verdict.Errorf(verdict.Malformed, "", "number %s at byte %d is too large for a double", clip(s), at)
	case err != nil:
		return nil // not a number at all: the JSON reader says so, and better
	case f == 0 && hasDigit(s):
		return verdict.Errorf(verdict.Malformed, "", "number %s at byte %d is too small for a double", clip(s), at)
	case integer && strconv.FormatFloat(f, 'f', -1, 64) != s:
		return verdict.Errorf(verdict.Malformed, "", "integer %s at byte %d cannot be held exactly: write it as a string", clip(s), at)
	}
	return nil
}

func hasExponent(literal []byte) bool {
	for _, c := range literal {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

// hasDigit reports whether the significand of the literal has a digit other
// than 0.
func hasDigit(literal string) bool {
	significand, _, _ := strings.Cut(strings.ToLower(literal), "e")
	return strings.ContainsAny(significand, "123456789")
}
