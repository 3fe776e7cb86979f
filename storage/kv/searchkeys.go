package kv

import "encoding/binary"

// The keys of the posting lists (package postings), all of them derived.
//
//	prefix  then                          value
//	'f'     8 bytes term, u64 ^first      which leaves have the term, from leaf first on, up to the next row
//	'E'     u64 index                     i64 unix second, 32 bytes commitment: what the entry of a listed leaf says
//	'v'     u64 block                     i64, i64: earliest and latest unix second of the receipts in a block of leaves
//	'm'     "postings"                    1 byte format, u64 next: the leaves below have their rows
//
// The first leaf of a row is inverted, so that a list is read newest first, and
// the row that may hold a leaf is the first one at or after the key of that leaf.
const (
	prefixPosting = 'f'
	prefixLogged  = 'E'
	prefixSpan    = 'v'
)

const metaPostings = "postings"

// TermLen is how many bytes a term has in a key.
const TermLen = 8

// PostingKey is where the leaves of a term stand, from first on.
func PostingKey(term [TermLen]byte, first uint64) []byte {
	key := append(make([]byte, 0, 1+TermLen+8), prefixPosting)
	return binary.BigEndian.AppendUint64(append(key, term[:]...), ^first)
}

// PostingFirst is the first leaf of a key that [PostingKey] made, and
// PostingTerm its term.
func PostingFirst(key []byte) uint64 { return ^binary.BigEndian.Uint64(key[1+TermLen:]) }

// PostingTerm is the term of a key that [PostingKey] made.
func PostingTerm(key []byte) [TermLen]byte { return [TermLen]byte(key[1:]) }

// PostingBounds returns the range of keys of one term.
func PostingBounds(term [TermLen]byte) (lower, upper []byte) {
	lower = append([]byte{prefixPosting}, term[:]...)
	return lower, Successor(lower)
}

// AllPostingBounds returns the range of all keys that [PostingKey] makes.
func AllPostingBounds() (lower, upper []byte) { return prefixBounds(prefixPosting) }

// LoggedKey is where it stands what the log says of a leaf.
func LoggedKey(index uint64) []byte { return u64Key(prefixLogged, index) }

// LoggedBounds returns the range of all keys that [LoggedKey] makes. [KeyIndex]
// is the leaf of one.
func LoggedBounds() (lower, upper []byte) { return prefixBounds(prefixLogged) }

// SpanKey is where it stands when the receipts of a block of leaves were logged.
func SpanKey(block uint64) []byte { return u64Key(prefixSpan, block) }

// SpanBounds returns the range of all keys that [SpanKey] makes. [KeyIndex] is
// the block of one.
func SpanBounds() (lower, upper []byte) { return prefixBounds(prefixSpan) }

// PostingsKey is where it stands how far the posting lists reach.
func PostingsKey() []byte { return metaKey(metaPostings) }
