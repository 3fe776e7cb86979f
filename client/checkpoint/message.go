package checkpoint

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// maxTimestamp is 9999-12-31T23:59:59Z, the last second that RFC 3339 can name:
// a time that is to stand in a verdict must have a name. SPEC tlog-cosignature:
// at most 2^63-1, and verifiers MAY reject timestamps in the future.
const maxTimestamp = 253402300799

// ed25519Message returns what a cosignature of type 0x04 signs.
//
// SPEC tlog-cosignature:
//
//	cosignature/v1
//	time <timestamp>
//	<body of the checkpoint>
func ed25519Message(timestamp uint64, body []byte) []byte {
	const header = "cosignature/v1\ntime "
	m := make([]byte, 0, len(header)+20+1+len(body))
	m = append(m, header...)
	m = strconv.AppendUint(m, timestamp, 10)
	m = append(m, '\n')
	return append(m, body...)
}

// subtree is what a cosignature of type 0x06 states about a log. A checkpoint is
// the subtree from 0 to its size.
type subtree struct {
	timestamp  uint64
	origin     string
	start, end uint64
	hash       [32]byte
}

// message returns what the key called cosigner signs.
//
// SPEC tlog-cosignature:
//
//	struct {
//	    uint8 label[12] = "subtree/v1\n\0";
//	    opaque cosigner_name<1..2^8-1>;
//	    uint64 timestamp;
//	    opaque log_origin<1..2^8-1>;
//	    uint64 start;
//	    uint64 end;
//	    uint8 hash[32];
//	} cosigned_message;
//
// Both strings must be at most [MaxOriginBytes] long, as those of every valid key
// and every valid subtree are.
func (t subtree) message(cosigner string) []byte {
	const label = "subtree/v1\n\x00"
	m := make([]byte, 0, len(label)+1+len(cosigner)+8+1+len(t.origin)+8+8+HashSize)
	m = append(m, label...)
	m = append(m, byte(len(cosigner)))
	m = append(m, cosigner...)
	m = binary.BigEndian.AppendUint64(m, t.timestamp)
	m = append(m, byte(len(t.origin)))
	m = append(m, t.origin...)
	m = binary.BigEndian.AppendUint64(m, t.start)
	m = binary.BigEndian.AppendUint64(m, t.end)
	return append(m, t.hash[:]...)
}

// valid reports whether t can be signed at all.
func (t subtree) valid() bool {
	// SPEC tlog-cosignature: if start is not zero, timestamp MUST be zero.
	if t.start != 0 && t.timestamp != 0 {
		return false
	}
	// An empty subtree has one hash, whatever its position.
	if t.start == t.end && t.hash != EmptyRoot() {
		return false
	}
	return validOrigin(t.origin) && ValidSubtree(t.start, t.end)
}

// ValidSubtree reports whether [start, end) is a subtree of a tree of at least
// end entries: start is a multiple of the least power of two that is not below
// the subtree's size. The empty subtree is one at every position.
//
// SPEC draft-ietf-plants-merkle-tree-certs, Section 4.1.
func ValidSubtree(start, end uint64) bool {
	if start > end || end > MaxSize {
		return false
	}
	if start == end {
		return true
	}
	width := uint64(1) << bits.Len64(end-start-1)
	return start%width == 0
}
