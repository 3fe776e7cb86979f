package httpapi

import (
	"crypto/sha256"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
)

// FuzzCursor: only what make returns is a cursor, and only of its query.
func FuzzCursor(f *testing.F) {
	tag := cursors(func(purpose string, text []byte) [8]byte {
		sum := sha256.Sum256(append([]byte(purpose+"\n"), text...))
		return [8]byte(sum[:])
	})
	q, other := &search.Query{Model: "m"}, &search.Query{Model: "n"}
	for _, s := range []string{"", "A", tag.make(q, 1), tag.make(q, 1<<63), tag.make(other, 1), tag.make(q, 7) + "A", tag.make(q, 0)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		below, err := tag.parse(q, s)
		if err != nil {
			if verdict.CodeOf(err) != api.CodeCursorInvalid {
				t.Error(err)
			}
			return
		}
		if below == 0 || tag.make(q, below) != s || len(s) > api.MaxCursor {
			t.Errorf("%q is taken for %d", s, below)
		}
		if _, err := tag.parse(other, s); err == nil {
			t.Errorf("%q is good for another query", s)
		}
	})
}
