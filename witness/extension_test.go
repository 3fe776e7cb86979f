package witness

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestExtensionLines: a log that writes extension lines is witnessed as any other.
// The Ed25519 line covers them, that of ML-DSA-44 does not; the witness serves them
// as the log signed them.
func TestExtensionLines(t *testing.T) {
	plain := newLog(t, "log.example/a")
	l := plain.extended("Timestamp: 1689748607742585419", "\u2014 not a signature", " ")
	w := newWitness(t, Options{}, l)
	lines := w.add(l.request(0, 5))
	served := w.serves(l, 5, lines)

	v, err := torchwood.NewCosignatureVerifier(w.Keys().VKeys()[0])
	if err != nil {
		t.Fatal(err)
	}
	p := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(l.origin), torchwood.SingleVerifierPolicy(v))
	if c, _, err := torchwood.VerifyCheckpoint(served, p); err != nil || c.Extension != l.more {
		t.Errorf("torchwood reads extensions %q, %v", c.Extension, err)
	}
	altered := bytes.Replace(served, []byte("Timestamp: 1"), []byte("Timestamp: 2"), 1)
	n, err := checkpoint.ParseNote(altered)
	if err != nil {
		t.Fatal(err)
	}
	for i, covers := range []bool{true, false} {
		if verifies := w.Keys().verifiers()[i].Verify(n.Text, n.Signatures[1+i].Value); verifies == covers {
			t.Errorf("key %d: cosignature verifies on altered extension lines: %v", i, verifies)
		}
	}

	// Other extension lines on the same tree, and then none: the tree is what counts.
	w.pass(time.Second)
	other := l.extended("Timestamp: 1689748607742585420")
	w.serves(other, 5, w.add(other.request(5, 5)))
	w.pass(time.Second)
	last := w.serves(plain, 9, w.add(plain.request(5, 9)))

	stored := storedLeaves(t, l, 9)
	if _, err := w.SignSubtree(context.Background(), subtreeRequest(t, stored, 4, 8, 9, last)); err != nil {
		t.Error(err)
	}
	w.pass(time.Second)
	last = w.serves(l, 9, w.add(l.request(9, 9)))
	line, err := w.SignSubtree(context.Background(), subtreeRequest(t, stored, 4, 8, 9, last))
	if err != nil {
		t.Fatal(err)
	}
	checkSubtreeLine(t, w.Keys().VKeys()[1], line, l.origin, 4, 8, stored)
	if done, err := w.Check(nil, func(row string, err error) { t.Errorf("%s: %v", row, err) }); err != nil || done.Checkpoints != 1 {
		t.Errorf("fsck: %+v, %v", done, err)
	}

	// Extension lines do not hide a fork.
	fork := l.fork()
	fork.grow(9)
	if no := w.refused([]byte("old 9\n\n" + string(fork.signed(9)))); no.Reason != Inconsistent {
		t.Errorf("a fork with extension lines is refused for reason %d", no.Reason)
	}
	if kept, err := w.Fork(HashOrigin(l.origin)); err != nil || strings.Count(string(kept), l.more) != 2 {
		t.Errorf("the proof of it is %q, %v", kept, err)
	}
}

// serves holds that the witness serves what it answered with, and returns it.
func (w *testWitness) serves(l *playedLog, size uint64, lines []byte) []byte {
	w.t.Helper()
	served, err := w.Latest(HashOrigin(l.origin))
	if want := append(l.signed(size), lines...); err != nil || !bytes.Equal(served, want) {
		w.t.Errorf("served:\n%s\nwant:\n%s", served, want)
	}
	return served
}
