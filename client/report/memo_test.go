package report

import (
	"bytes"
	"testing"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestMemoRemembersTheVeryNote(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("run-1", nil), dawn, entry.Indefinite)
	w.seal()
	signed := w.pending[0].Checkpoint
	m := &memo{policy: w.policy}
	for range 2 {
		if v, err := m.Verify(signed); err != nil || !v.Quorum {
			t.Fatalf("a good checkpoint: %+v, %v", v, err)
		}
		altered := bytes.Replace(signed, []byte("\n2\n"), []byte("\n3\n"), 1)
		if _, err := m.Verify(altered); verdict.CodeOf(err) != verdict.CheckpointInvalid {
			t.Fatalf("an altered one: %v", err)
		}
		if _, err := m.Verify(signed[:bytes.Index(signed, []byte("— witness"))]); verdict.CodeOf(err) != verdict.QuorumNotMet {
			t.Fatalf("one without its witness: %v", err)
		}
	}
	if m.count.Load() != 3 {
		t.Errorf("%d remembered", m.count.Load())
	}
}
