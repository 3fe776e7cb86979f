package log_test

import (
	"testing"

	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/kv"
)

// What is stored may rot; a bundle that our own verifier does not pass is never
// handed out.
func TestI10NothingUnverifiedIsHandedOut(t *testing.T) {
	w := logtest.New(t)
	w.Fill(299) // beyond one tile, for the right edge is checked at open
	for _, tt := range []struct {
		name   string
		bounds func() ([]byte, []byte)
	}{
		{"hash in a tile", func() ([]byte, []byte) { return kv.HashesBounds(0, 0) }},
		{"entry", func() ([]byte, []byte) { return kv.EntriesBounds(0) }},
		{"body", func() ([]byte, []byte) { return kv.BodyKey(7), kv.BodyKey(8) }},
		{"salt of a body", func() ([]byte, []byte) { return kv.BodyKeyKey(7), kv.BodyKeyKey(8) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.Close()
			lower, upper := tt.bounds()
			undo := w.Rot(lower, upper, 3)
			w.Open()
			failures := 0
			for index := range uint64(256) {
				b, err := w.Log.Bundle(t.Context(), index)
				if err != nil {
					failures++
					continue
				}
				if index%16 == 0 { // a sample, for an ML-DSA signature each takes time
					w.Verify(b.Marshal())
				}
			}
			if failures < 2 { // entry 0 is a document, which has no bundle
				t.Errorf("nothing was refused")
			}
			w.Close()
			undo()
			w.Open()
		})
	}
}
