package kv

import "encoding/binary"

// The key table. A key is one prefix byte, then fixed-width fields; integers
// are big-endian, so that keys sort as their numbers do. u8, u64: 1 and 8 bytes.
//
//	prefix  then                          value
//	'm'     name                          settings of this database: "version", "origin", "secret", "rebuilding"
//	's'     -                             tree state: u64 size, 32 bytes root
//	'e'     u64 bundle, u8 first          entries first.. of the bundle, each behind its u16 length
//	'h'     u8 level, u64 tile, u8 first  hashes first.. of the tile, 32 bytes each
//	'c'     name                          latest checkpoint of that name (package cas)
//	'p'     u64 size, u64 unix nanos      a published checkpoint, as it was signed
//	'b'     u64 index                     ciphertext of the body of that leaf
//	'k'     u64 index                     32 bytes key, 32 bytes salt: what opens that body
//	'x'     u64 index                     the body was erased; what the log noted about it
//	'i'     32 bytes identity             u64 index of the leaf of that receipt
//	'r'     32 bytes run, u64 index       u8 public, 16 bytes handle: the run has a receipt at this leaf (or nothing: earlier versions)
//	'd'     32 bytes issuer, u64 index    32 bytes SHA-256 of the DID document logged there
//	'o'     32 bytes org                  16 bytes handle, then the name of the organisation
//	'n'     16 bytes handle               name of the organisation
//
// The right edge of the tree grows within a bundle or a tile. Each batch adds
// the part that is new under the position where it begins ("first"), so that
// nothing is stored twice and nothing has to be collected: a full bundle is its
// parts read one after another, a partial one a prefix of that.
//
// More keys are in promisekeys.go and outboxkeys.go.
//
// Identity, run, issuer and org are HMAC-SHA-256 under the database's secret
// (package index): after an erasure the key alone does not say what was there.
const (
	prefixMeta       = 'm'
	prefixTree       = 's'
	prefixEntries    = 'e'
	prefixHashes     = 'h'
	prefixCheckpoint = 'c'
	prefixPublished  = 'p'
	prefixBody       = 'b'
	prefixBodyKey    = 'k'
	prefixErased     = 'x'
	prefixIdentity   = 'i'
	prefixRun        = 'r'
	prefixIssuer     = 'd'
	prefixOrg        = 'o'
	prefixHandle     = 'n'
)

// Longest keys of fixed width, for callers that build keys in place.
const (
	EntriesKeyLen = 1 + 8 + 1
	HashesKeyLen  = 1 + 1 + 8 + 1
)

// TreeKey is where the tree state stands.
func TreeKey() []byte { return []byte{prefixTree} }

// PutEntriesKey writes into dst, of [EntriesKeyLen] bytes, the key of the part
// of a bundle that begins with its entry number first.
func PutEntriesKey(dst []byte, bundle uint64, first uint8) {
	dst[0] = prefixEntries
	binary.BigEndian.PutUint64(dst[1:], bundle)
	dst[9] = first
}

// EntriesBounds returns the range of keys that hold the parts of a bundle.
func EntriesBounds(bundle uint64) (lower, upper []byte) {
	lower = u64Key(prefixEntries, bundle)
	return lower, Successor(lower)
}

// PutHashesKey writes into dst, of [HashesKeyLen] bytes, the key of the part of
// a tile that begins with its hash number first.
func PutHashesKey(dst []byte, level uint8, tile uint64, first uint8) {
	dst[0], dst[1] = prefixHashes, level
	binary.BigEndian.PutUint64(dst[2:], tile)
	dst[10] = first
}

// HashesBounds returns the range of keys that hold the parts of a tile.
func HashesBounds(level uint8, tile uint64) (lower, upper []byte) {
	lower = make([]byte, HashesKeyLen-1)
	lower[0], lower[1] = prefixHashes, level
	binary.BigEndian.PutUint64(lower[2:], tile)
	return lower, Successor(lower)
}

// CheckpointKey is where the latest checkpoint of that name stands.
func CheckpointKey(name string) []byte { return append([]byte{prefixCheckpoint}, name...) }

// CheckpointBounds returns the range of all keys that [CheckpointKey] makes.
func CheckpointBounds() (lower, upper []byte) { return prefixBounds(prefixCheckpoint) }

// CheckpointName is the inverse of [CheckpointKey].
func CheckpointName(key []byte) string { return string(key[1:]) }

// PublishedKey is where a checkpoint of that size, published at that time, is
// kept for good.
func PublishedKey(size uint64, unixNano int64) []byte {
	return binary.BigEndian.AppendUint64(u64Key(prefixPublished, size), uint64(unixNano))
}

// PublishedBounds returns the range of the published checkpoints with from <=
// size < to. A to of 0 means without end.
func PublishedBounds(from, to uint64) (lower, upper []byte) {
	if to == 0 {
		return u64Key(prefixPublished, from), []byte{prefixPublished + 1}
	}
	return u64Key(prefixPublished, from), u64Key(prefixPublished, to)
}

// PublishedAt is the inverse of [PublishedKey].
func PublishedAt(key []byte) (size uint64, unixNano int64) {
	return binary.BigEndian.Uint64(key[1:]), int64(binary.BigEndian.Uint64(key[9:]))
}

// BodyKey is where the ciphertext of the body of a leaf stands.
func BodyKey(index uint64) []byte { return u64Key(prefixBody, index) }

// BodyKeyKey is where the key and the salt of the body of a leaf stand.
func BodyKeyKey(index uint64) []byte { return u64Key(prefixBodyKey, index) }

// ErasedKey is where it is noted that the body of a leaf was erased.
func ErasedKey(index uint64) []byte { return u64Key(prefixErased, index) }

// IdentityKey is where the leaf of a receipt is found by its keyed hash.
func IdentityKey(id [32]byte) []byte { return append([]byte{prefixIdentity}, id[:]...) }

// RunKey says that a run, by its keyed hash, has a receipt at a leaf.
func RunKey(run [32]byte, index uint64) []byte { return hashIndexKey(prefixRun, run, index) }

// RunBounds returns the range of keys of one run.
func RunBounds(run [32]byte) (lower, upper []byte) { return hashBounds(prefixRun, run) }

// IssuerKey says that an issuer, by the keyed hash of its DID, has its document
// at a leaf.
func IssuerKey(did [32]byte, index uint64) []byte { return hashIndexKey(prefixIssuer, did, index) }

// IssuerBounds returns the range of keys of one issuer.
func IssuerBounds(did [32]byte) (lower, upper []byte) { return hashBounds(prefixIssuer, did) }

// OrgKey is where the handle of an organisation is found by its keyed name.
func OrgKey(org [32]byte) []byte { return append([]byte{prefixOrg}, org[:]...) }

// HandleKey is where the name behind a handle stands.
func HandleKey(handle [16]byte) []byte { return append([]byte{prefixHandle}, handle[:]...) }

// HandleBounds returns the range of all keys that [HandleKey] makes.
func HandleBounds() (lower, upper []byte) { return prefixBounds(prefixHandle) }

// IndexBounds are the ranges that hold nothing but what can be derived from
// entries and bodies: identities, runs and issuers (I9).
func IndexBounds() [][2][]byte {
	var all [][2][]byte
	for _, p := range []byte{prefixIdentity, prefixRun, prefixIssuer} {
		lower, upper := prefixBounds(p)
		all = append(all, [2][]byte{lower, upper})
	}
	return all
}

// RebuildingKey is there while the ranges of IndexBounds are incomplete.
func RebuildingKey() []byte { return append([]byte{prefixMeta}, "rebuilding"...) }

// KeyIndex returns the leaf index that a key of a run or an issuer ends with.
func KeyIndex(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// Successor returns the least key that is greater than every key beginning with
// prefix. The prefix must have a byte other than 0xff.
func Successor(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

func prefixBounds(prefix byte) (lower, upper []byte) {
	return []byte{prefix}, []byte{prefix + 1}
}

func u64Key(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 17), prefix), n)
}

func hashIndexKey(prefix byte, hash [32]byte, index uint64) []byte {
	key := append(make([]byte, 0, 1+32+8), prefix)
	return binary.BigEndian.AppendUint64(append(key, hash[:]...), index)
}

func hashBounds(prefix byte, hash [32]byte) (lower, upper []byte) {
	lower = append([]byte{prefix}, hash[:]...)
	return lower, Successor(lower)
}
