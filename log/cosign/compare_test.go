package cosign

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// TestI5: a log that its witnesses remember larger, or otherwise, is told so.
func TestI5(t *testing.T) {
	l, a, b := newLog(t), newWitness(t, "a"), newWitness(t, "b")
	p := newPolicy(t, l, 2, a, b)
	c := newCosigner(t, Options{Policy: p, Read: l.read})
	compare := func(l *playedLog, size int64, last []byte) error {
		c := newCosigner(t, Options{Policy: p, Read: l.read})
		return c.Compare(t.Context(), origin, uint64(size), last)
	}
	if err := compare(l, 0, nil); err != nil {
		t.Errorf("a new log: %v", err)
	}
	if _, err := l.cosign(c, 20); err != nil {
		t.Fatal(err)
	}
	l.grow(30)
	for _, size := range []int64{20, 21, 30} {
		if err := compare(l, size, l.signed(size)); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
	older := newLog(t).grow(15)
	older.signer = l.signer
	err := compare(older, 15, older.signed(15))
	rollback, ok := errors.AsType[*RollbackError](err)
	if !ok || rollback.Size != 20 || rollback.Ours != 15 || rollback.Signed == nil {
		t.Errorf("an old backup: %v", err)
	}
	other := newLog(t)
	other.signer = l.signer
	other.hashes, other.size = []tlog.Hash{{1}}, 1
	other.grow(40)
	if err := compare(other, 40, other.signed(40)); err == nil {
		t.Error("another tree was taken for ours")
	}
	// Without a monitoring endpoint the witness's word has to do.
	for _, w := range []*playedWitness{a, b} {
		w.setMisbehave(notMonitored)
	}
	if err := compare(l, 30, l.signed(20)); err != nil {
		t.Errorf("by 409: %v", err)
	}
	err = compare(older, 15, older.signed(15))
	if rollback, ok = errors.AsType[*RollbackError](err); !ok || rollback.Size != 20 || rollback.Signed != nil {
		t.Errorf("an old backup, by 409: %v", err)
	}
	// Who cannot be asked is passed over.
	for _, w := range []*playedWitness{a, b} {
		w.setMisbehave(func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) })
	}
	if err := compare(older, 15, older.signed(15)); err != nil {
		t.Errorf("nobody answers: %v", err)
	}
}

// TestI5ExtensionLines: our log writes no extension lines, so a cosigned checkpoint
// of it that has some is by another program with its key, and counts all the same.
func TestI5ExtensionLines(t *testing.T) {
	l, a := newLog(t), newWitness(t, "a")
	p := newPolicy(t, l, 1, a)
	if _, err := l.cosign(newCosigner(t, Options{Policy: p, Read: l.read}), 20); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	body := append(a.last.Body(), "extension\n"...)
	a.signed = append(append(body, '\n'), a.lines(body, a.signers...)...)
	a.mu.Unlock()
	older := l.backup(15)
	err := newCosigner(t, Options{Policy: p, Read: older.read}).Compare(t.Context(), origin, 15, older.signed(15))
	if rollback, ok := errors.AsType[*RollbackError](err); !ok || rollback.Size != 20 {
		t.Errorf("got %v", err)
	}
}

// backup returns the log as it was at that size.
func (l *playedLog) backup(size int64) *playedLog {
	older := newLog(l.t).grow(size)
	older.signer = l.signer
	return older
}

// TestI5NothingLeaves: a restored backup asks no witness for anything, and is told
// the same however often it tries, even where it fails open.
func TestI5NothingLeaves(t *testing.T) {
	l, a, b := newLog(t), newWitness(t, "a"), newWitness(t, "b")
	p := newPolicy(t, l, 1, a, b)
	if _, err := l.cosign(newCosigner(t, Options{Policy: newPolicy(t, l, 2, a, b), Read: l.read}), 20); err != nil {
		t.Fatal(err)
	}
	a.asked()
	b.asked()
	older := l.backup(15)
	c := newCosigner(t, Options{Policy: p, Read: older.read, FailOpen: true})
	for size := int64(15); size < 30; size += 5 { // even when it has outgrown what they know
		signed, err := older.cosign(c, size)
		rollback, ok := errors.AsType[*RollbackError](err)
		if !ok || signed != nil || rollback.Size != 20 || rollback.Signed == nil {
			t.Errorf("size %d: %q, %v", size, signed, err)
		}
	}
	if asked := a.asked() + b.asked(); asked != "" {
		t.Errorf("witnesses were asked %q", asked)
	}
	if c.Refused() == nil {
		t.Error("it does not say why it refuses")
	}
}

// TestI5LateObjection: a witness that was silent at the start stops the log with
// proof, and only excludes itself without.
func TestI5LateObjection(t *testing.T) {
	for _, proof := range []bool{true, false} {
		t.Run(fmt.Sprint(proof), func(t *testing.T) {
			l, a, b := newLog(t), newWitness(t, "a"), newWitness(t, "b")
			if _, err := l.cosign(newCosigner(t, Options{Policy: newPolicy(t, l, 1, a), Read: l.read}), 20); err != nil {
				t.Fatal(err)
			}
			silent := func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) }
			a.setMisbehave(silent)
			older := l.backup(15)
			c := newCosigner(t, Options{Policy: newPolicy(t, l, 1, a, b), Read: older.read})
			if _, err := older.cosign(c, 15); err != nil {
				t.Fatalf("while it is silent: %v", err)
			}
			a.setMisbehave(nil)
			if !proof { // its own signature only: anybody can say that
				a.mu.Lock()
				cp := a.last
				a.signed = append(append(cp.Body(), '\n'), a.lines(cp.Body(), a.signers...)...)
				a.mu.Unlock()
			}
			stopped := false
			for range 50 {
				_, err := older.cosign(c, 16)
				if stopped = err != nil; stopped {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if stopped != proof {
				t.Errorf("stopped: %v, %v", stopped, c.Refused())
			}
			if status := c.Witnesses()[0]; status.Err == nil || status.FailingSince.IsZero() {
				t.Errorf("status is %+v", status)
			}
		})
	}
}
