package httpapi

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
)

// A cursor says below which index a search goes on. Indices never change, so it
// stays good however many receipts come, and across restarts.
//
//	1 byte version, u64 below, 8 bytes tag over these and the query; in base64url
//
// The tag is keyed: a cursor that we did not make, or made for another query, is
// refused rather than misread.
const (
	cursorVersion = 1
	cursorBytes   = 1 + 8 + 8
)

var cursorCoding = base64.RawURLEncoding.Strict()

// cursors makes cursors with a keyed tag.
type cursors func(purpose string, text []byte) [8]byte

// make returns the cursor with which q goes on below an index.
func (tag cursors) make(q *search.Query, below uint64) string {
	return cursorCoding.EncodeToString(tag.bytes(q, below))
}

func (tag cursors) bytes(q *search.Query, below uint64) []byte {
	c := binary.BigEndian.AppendUint64([]byte{cursorVersion}, below)
	sum := tag("search cursor", append(c[:len(c):len(c)], q.Values().Encode()...))
	return append(c, sum[:]...)
}

// parse is the inverse of make, for the same query. Its code is cursor_invalid.
func (tag cursors) parse(q *search.Query, text string) (below uint64, err error) {
	invalid := verdict.Errorf(api.CodeCursorInvalid, "query.cursor", "is not one that this log gave out for this search; begin without")
	if len(text) != cursorCoding.EncodedLen(cursorBytes) {
		return 0, invalid
	}
	c, err := cursorCoding.DecodeString(text)
	if err != nil || len(c) != cursorBytes {
		return 0, invalid
	}
	below = binary.BigEndian.Uint64(c[1:])
	if below == 0 || subtle.ConstantTimeCompare(c, tag.bytes(q, below)) != 1 {
		return 0, invalid
	}
	return below, nil
}
