package kv

import "encoding/binary"

// The keys of what the log has promised and has still to do (package promise).
//
//	prefix  then                          value
//	'g'     u64 index                     1 byte kind: this entry governs what is kept; for rules that are
//	                                      published, u64 unix nanos of the first checkpoint over them
//	'u'     u64 index                     nothing: these rules are not published yet
//	't'     u64 unix seconds, u64 index   nothing: that body may be due then
//	'q'     u64 index                     nothing: this erasure is not carried out yet
//	'z'     u64 first, u64 last           nothing: bodies between were erased, and the tables are not scrubbed yet
//	'V'     u64 index                     u64 unix nanos: when the issuer's document logged there was last seen
//	'w'     u64 index                     u64 next: how far the receipts before these rules were looked through
//	'y'     32 bytes run, u64 index       u64 erasure, u8 public, 16 bytes handle: a receipt of that run was erased (or u64 erasure: a public one)
const (
	prefixGoverning = 'g'
	prefixUnheard   = 'u'
	prefixDue       = 't'
	prefixPending   = 'q'
	prefixScrub     = 'z'
	prefixSighting  = 'V'
	prefixReview    = 'w'
	prefixErasedRun = 'y'
)

// GoverningKey says that the entry at index governs what is kept.
func GoverningKey(index uint64) []byte { return u64Key(prefixGoverning, index) }

// GoverningBounds returns the range of all keys that [GoverningKey] makes.
func GoverningBounds() (lower, upper []byte) { return prefixBounds(prefixGoverning) }

// UnheardKey says that the rules at index are not published yet.
func UnheardKey(index uint64) []byte { return u64Key(prefixUnheard, index) }

// UnheardBounds returns the range of such keys below an index.
func UnheardBounds(below uint64) (lower, upper []byte) {
	return []byte{prefixUnheard}, UnheardKey(below)
}

// DueKey says that the body at index may be due at that time.
func DueKey(unix, index uint64) []byte {
	return binary.BigEndian.AppendUint64(u64Key(prefixDue, unix), index)
}

// DueAt is the time in a key that [DueKey] made; [KeyIndex] is its index.
func DueAt(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

// DueBounds returns the range of keys from one on, up to and including a time.
func DueBounds(from []byte, until uint64) (lower, upper []byte) {
	if from == nil {
		from = []byte{prefixDue}
	}
	return from, Successor(u64Key(prefixDue, until))
}

// PendingKey says that the erasure at index is not carried out yet.
func PendingKey(index uint64) []byte { return u64Key(prefixPending, index) }

// PendingBounds returns the range of all keys that [PendingKey] makes.
func PendingBounds() (lower, upper []byte) { return prefixBounds(prefixPending) }

// ScrubKey says that the key rows from first to last are to be scrubbed.
func ScrubKey(first, last uint64) []byte {
	return binary.BigEndian.AppendUint64(u64Key(prefixScrub, first), last)
}

// ScrubRange is the inverse of [ScrubKey].
func ScrubRange(key []byte) (first, last uint64) {
	return binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint64(key[9:])
}

// ScrubBounds returns the range of all keys that [ScrubKey] makes.
func ScrubBounds() (lower, upper []byte) { return prefixBounds(prefixScrub) }

// SightingKey says when the DID document that the entry at index archives was
// last seen where its issuer publishes it.
func SightingKey(index uint64) []byte { return u64Key(prefixSighting, index) }

// ReviewKey says how far the receipts before the rules at index were looked
// through.
func ReviewKey(index uint64) []byte { return u64Key(prefixReview, index) }

// ErasedRunKey says that a receipt of a run, by its keyed hash, was
// erased at that leaf.
func ErasedRunKey(run [32]byte, index uint64) []byte {
	return hashIndexKey(prefixErasedRun, run, index)
}

// ErasedRunBounds returns the range of keys of one run.
func ErasedRunBounds(run [32]byte) (lower, upper []byte) {
	return hashBounds(prefixErasedRun, run)
}
