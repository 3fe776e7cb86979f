package kv

import (
	"encoding/binary"
	"hash/crc32"
)

// The library reads a log up to the first record that does not verify, and takes
// that for the end. After a crash this is right: the last write may have been cut
// off. After a bit has rotted in the middle it drops what was acknowledged. This
// file tells the two apart, by looking for what comes behind.
//
// A log consists of blocks of 32 KiB, a block of chunks, and no chunk crosses a
// block. A chunk is one of
//
//	crc 4, length 2, type 1..4, payload                                the MANIFEST
//	crc 4, length 2, type 5..8, log 4, payload                         a write-ahead log
//	crc 4, length 2, type 9..12, log 4, synced 8, payload              the same, newer
//
// with little-endian integers. The type says whether the payload is a full
// record, or the first, a middle or the last part of one. The crc is over all
// that follows the length. synced is an offset up to which the log was durable
// when the chunk was written; it lags behind where a write filled whole blocks,
// so that damage far into a log may look like the cut of a crash. A log that was closed ends with a chunk of type 5
// and no payload, under the number of the log plus one.
const (
	chunkBlock = 32 << 10

	legacyHeader = 4 + 2 + 1
	logHeader    = legacyHeader + 4
	syncHeader   = logHeader + 8

	typeFull, typeFirst      = 1, 2
	typeLogFull, typeSyncMax = 5, 12
)

// chunk is the header of a chunk that verifies.
type chunk struct {
	kind   byte // typeFull to typeFull+3, whatever the format
	log    uint32
	synced uint64
	size   int // header and payload
}

// parseChunk reads the chunk at offset, or returns false if none verifies there.
// A log of 0 is a MANIFEST.
func parseChunk(data []byte, offset int, log uint32) (c chunk, ok bool) {
	header, end := legacyHeader, min(len(data), offset/chunkBlock*chunkBlock+chunkBlock)
	if offset+legacyHeader > end {
		return c, false
	}
	kind := data[offset+6]
	switch {
	case kind == 0 || kind > typeSyncMax || (log == 0) != (kind < typeLogFull):
		return c, false
	case kind >= typeLogFull+4:
		header = syncHeader
	case kind >= typeLogFull:
		header = logHeader
	}
	c = chunk{kind: (kind-1)%4 + 1, size: header + int(binary.LittleEndian.Uint16(data[offset+4:]))}
	if offset+c.size > end {
		return c, false
	}
	if header >= logHeader {
		c.log = binary.LittleEndian.Uint32(data[offset+legacyHeader:])
	}
	if header == syncHeader {
		c.synced = binary.LittleEndian.Uint64(data[offset+logHeader:])
	}
	if log != 0 && c.log == log+1 && kind == typeLogFull && c.size == logHeader {
		return c, zero(data[offset : offset+4]) // the closing chunk has no crc
	}
	if c.log > log {
		return c, false // of no log before this one: not worth a crc
	}
	return c, chunkCRC(data[offset+6:offset+c.size]) == binary.LittleEndian.Uint32(data[offset:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func chunkCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return c>>15 | c<<17 + 0xa282ead8
}

// end is where a log stops to verify, and why.
type end int

const (
	endClean end = iota // everything verifies
	endTorn             // the last record does not: cut off by a crash, or hurt
	endHurt             // something does not that was durable: later records say so
)

// scanLog finds the first offset in a log at which no chunk verifies, and what
// that means. A log of 0 is a MANIFEST.
func scanLog(data []byte, log uint32) (offset int, e end) {
	offset, clean := verifiedEnd(data, log)
	if clean {
		return offset, endClean
	}
	return offset, judgeTail(data, offset, log)
}

// verifiedEnd returns the first offset in a log at which no chunk verifies, and
// whether that is where the log was closed or its file ends.
func verifiedEnd(data []byte, log uint32) (offset int, clean bool) {
	for offset < len(data) {
		if rest := chunkBlock - offset%chunkBlock; rest < syncHeader && zero(data[offset:min(offset+rest, len(data))]) {
			offset += rest // too small for a chunk
			continue
		}
		c, ok := parseChunk(data, offset, log)
		switch {
		case ok && c.log == log:
			offset += c.size
		case ok && c.log == log+1 && c.size == logHeader:
			return offset, true
		default:
			return offset, false
		}
	}
	return offset, true
}

// judgeTail says what it means that the chunk at offset does not verify.
func judgeTail(data []byte, offset int, log uint32) end {
	if zero(data[offset:]) {
		return endClean // room that was allocated and not used
	}
	recycled := false
	for i := offset + 1; i < len(data); i++ {
		c, ok := parseChunk(data, i, log)
		switch {
		case !ok:
		case log == 0 && (c.kind == typeFull || c.kind == typeFirst), // one edit is synced before the next is begun
			log != 0 && c.log == log && c.synced > uint64(offset):
			return endHurt
		case log != 0 && c.log < log:
			recycled = true
		}
	}
	// What is left of an older log in a file that is used again is not ours,
	// unless it looks like a chunk of ours.
	if recycled && !resembles(data[offset:], log) {
		return endClean
	}
	return endTorn
}

// resembles reports whether data begins like a chunk of this log.
func resembles(data []byte, log uint32) bool {
	return len(data) >= logHeader && binary.LittleEndian.Uint32(data[legacyHeader:]) == log
}

func zero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
