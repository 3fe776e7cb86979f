package cosign

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/storage/kv"
)

func TestCosign(t *testing.T) {
	l, a, b, c := newLog(t), newWitness(t, "a"), newWitness(t, "b"), newWitness(t, "c")
	p := newPolicy(t, l, 3, a, b, c)
	cosigner := newCosigner(t, Options{Policy: p, Read: l.read})
	last := int64(0)
	for _, size := range []int64{0, 1, 1, 5, 256, 300, 1000} {
		signed, err := l.cosign(cosigner, size)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Verify(signed)
		if err != nil || len(v.Cosignatures) != 6 {
			t.Errorf("size %d: %v, with %d cosignatures, want two of each witness", size, err, len(v.Cosignatures))
		}
		if asked := a.asked(); asked != fmt.Sprintf("old %d", last) {
			t.Errorf("size %d: the witness was asked %q", size, asked)
		}
		last = size
	}
	for _, s := range cosigner.Witnesses() {
		if s.Size != 1000 || s.Cosigned.IsZero() || !s.FailingSince.IsZero() || s.Err != nil {
			t.Errorf("status is %+v", s)
		}
	}
}

// TestSizesOutliveTheProcess: the right proof is sent at once after a restart,
// and after one retry where nothing is remembered or what is remembered is wrong.
func TestSizesOutliveTheProcess(t *testing.T) {
	l, a := newLog(t), newWitness(t, "a")
	a.setMisbehave(notMonitored)
	p := newPolicy(t, l, 1, a)
	dir := t.TempDir()
	create := true
	open := func() *kv.DB {
		db, err := kv.Open(dir, kv.Options{Create: create, Origin: origin})
		if err != nil {
			t.Fatal(err)
		}
		create = false
		return db
	}
	for i, want := range []string{"old 0", "old 10", "old 20"} {
		db := open()
		cosigner := newCosigner(t, Options{Policy: p, Read: l.read, Sizes: InDatabase(db)})
		if _, err := l.cosign(cosigner, int64(10*(i+1))); err != nil {
			t.Fatal(err)
		}
		if asked := a.asked(); asked != want {
			t.Errorf("restart %d: asked %q, want %q", i, asked, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for size, want := range map[uint64]string{0: "old 0, old 30", 5: "old 5, old 40", 1 << 40: "old 0, old 50"} {
		sizes := new(Memory)
		if err := sizes.SetSize(a.url, size); err != nil {
			t.Fatal(err)
		}
		cosigner := newCosigner(t, Options{Policy: p, Read: l.read, Sizes: sizes})
		now := int64(a.last.Size)
		if _, err := l.cosign(cosigner, now+10); err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(want, ",")
		if asked := a.asked(); asked != fmt.Sprintf("%s, old %d", first, now) {
			t.Errorf("remembered %d: asked %q", size, asked)
		}
	}
}

// TestMaliciousWitness: whatever one witness does, the quorum of the others
// stands, nothing of the bad answer is kept, and where the bad one is needed there
// is no quorum.
func TestMaliciousWitness(t *testing.T) {
	bystander := newWitness(t, "bystander")
	for name, misbehave := range map[string]func(w *playedWitness, rw http.ResponseWriter, body []byte){
		"nothing":          func(_ *playedWitness, rw http.ResponseWriter, _ []byte) {},
		"garbage":          func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { _, _ = rw.Write([]byte("garbage\n")) },
		"binary":           func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { _, _ = rw.Write([]byte{0, 0xff, 0xfe, '\n'}) },
		"an endless reply": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { endless(rw, "— a.example AAAAAAAA\n") },
		"an endless line":  func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { endless(rw, "A") },
		"an endless 409": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(409)
			endless(rw, "1")
		},
		"another witness's signature": func(_ *playedWitness, rw http.ResponseWriter, body []byte) {
			_, _ = rw.Write(bystander.lines(noteText(body), bystander.signers...))
		},
		"a signature of another checkpoint": func(w *playedWitness, rw http.ResponseWriter, _ []byte) {
			other := checkpoint.Checkpoint{Origin: origin, Size: 7, Root: [32]byte{7}}
			_, _ = rw.Write(w.lines(other.Body(), w.signers...))
		},
		"one good and one bad line": func(w *playedWitness, rw http.ResponseWriter, body []byte) {
			other := checkpoint.Checkpoint{Origin: origin, Size: 7, Root: [32]byte{7}}
			_, _ = rw.Write(append(w.lines(noteText(body), w.signers[0]), w.lines(other.Body(), w.signers[1])...))
		},
		"a time long past": func(w *playedWitness, rw http.ResponseWriter, body []byte) {
			_, _ = rw.Write(restamp(w, body, time.Now().Add(-time.Hour)))
		},
		"a time in the future": func(w *playedWitness, rw http.ResponseWriter, body []byte) {
			_, _ = rw.Write(restamp(w, body, time.Now().Add(time.Hour)))
		},
		"a size larger than ours": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(409)
			fmt.Fprintln(rw, 1000000)
		},
		"another size each time": func(w *playedWitness, rw http.ResponseWriter, _ []byte) {
			w.mu.Lock()
			n := len(w.requests)
			w.mu.Unlock()
			rw.Header().Set("Content-Type", "text/x.tlog.size")
			rw.WriteHeader(409)
			fmt.Fprintln(rw, n%3+1)
		},
		"409 in omniwitness's dialect": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) {
			http.Error(rw, "old root hash did not match", 409)
		},
		"422": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { http.Error(rw, "no", 422) },
		"500": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) { http.Error(rw, "no", 500) },
		"a redirect": func(_ *playedWitness, rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Location", bystander.url+"/add-checkpoint")
			rw.WriteHeader(307)
		},
		"a hang-up": func(*playedWitness, http.ResponseWriter, []byte) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			bad, good := newWitness(t, "a"), newWitness(t, "b")
			bad.setMisbehave(func(rw http.ResponseWriter, r *http.Request, body []byte) bool {
				if r.Method == http.MethodGet {
					endless(rw, "it has cosigned a lot\n")
					return true
				}
				misbehave(bad, rw, body)
				return true
			})
			for _, k := range []int{1, 2} {
				cosigner := newCosigner(t, Options{Policy: newPolicy(t, l, k, bad, good), Read: l.read})
				signed, err := l.cosign(cosigner, int64(10*k))
				if k == 2 {
					if !errors.Is(err, ErrNoQuorum) || signed != nil {
						t.Fatalf("2 of 2: got %q, %v", signed, err)
					}
					if n := len(bad.asked()); n > 100 {
						t.Errorf("it was asked again and again")
					}
					continue
				}
				if err != nil {
					t.Fatalf("1 of 2: %v", err)
				}
				v, err := newPolicy(t, l, 1, good).Verify(signed)
				if err != nil || v.Ignored != 0 || len(v.Cosignatures) != 2 {
					t.Errorf("1 of 2: got %q, %v", signed, err)
				}
			}
		})
	}
}

// restamp returns good signature lines of a witness at another time.
func restamp(w *playedWitness, body []byte, at time.Time) []byte {
	var lines []byte
	for _, k := range w.skeys {
		s, err := checkpoint.NewSigner(k, func() time.Time { return at })
		if err != nil {
			w.t.Error(err)
			return nil
		}
		lines = append(lines, w.lines(noteText(body), s)...)
	}
	sigs, err := checkpoint.ParseSignatures(lines)
	if err != nil || binary.BigEndian.Uint64(sigs[0].Value) != uint64(at.Unix()) {
		w.t.Error("the lines are not stamped as wanted")
	}
	return lines
}

func noteText(request []byte) []byte {
	_, signed, _ := bytes.Cut(request, []byte("\n\n"))
	body, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return append(bytes.Clone(body), '\n')
}

func endless(rw http.ResponseWriter, s string) {
	for {
		if _, err := rw.Write(bytes.Repeat([]byte(s), 1000)); err != nil {
			return
		}
	}
}

// TestSlowWitnessCostsNothing: a hanging witness does not hold up the quorum, is
// asked for the newest checkpoint next, and its late answer is handed over.
func TestSlowWitnessCostsNothing(t *testing.T) {
	l, a, b, slow := newLog(t), newWitness(t, "a"), newWitness(t, "b"), newWitness(t, "slow")
	free := make(chan struct{})
	slow.setMisbehave(func(http.ResponseWriter, *http.Request, []byte) bool { <-free; return false })
	var mu sync.Mutex
	late := make(map[uint64][]byte)
	cosigner := newCosigner(t, Options{
		Policy: newPolicy(t, l, 2, a, b, slow), Read: l.read, RequestTimeout: time.Minute, Patience: time.Minute,
		Late: func(c checkpoint.Checkpoint, lines []byte) {
			mu.Lock()
			defer mu.Unlock()
			late[c.Size] = lines
		},
	})
	for _, size := range []int64{1, 2, 3, 4, 5} {
		began := time.Now()
		signed, err := l.cosign(cosigner, size)
		if err != nil || bytes.Contains(signed, []byte("— slow.example ")) {
			t.Fatalf("size %d: %q, %v", size, signed, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("size %d took %v", size, took)
		}
	}
	close(free)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		n, last := len(late), late[5]
		mu.Unlock()
		if last != nil {
			if n != 2 {
				t.Errorf("late lines for %d checkpoints, want for the first and the newest", n)
			}
			if bytes.Count(last, []byte("— slow.example ")) != 2 {
				t.Errorf("late lines are %q", last)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no late cosignature of the newest checkpoint")
		}
	}
	if asked := slow.asked(); asked != "old 0, old 1" {
		t.Errorf("the slow witness was asked %q", asked)
	}
}

func TestFailsClosed(t *testing.T) {
	l, a, dead := newLog(t), newWitness(t, "a"), newWitness(t, "dead")
	down := func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		http.Error(rw, "away", http.StatusServiceUnavailable)
		return true
	}
	dead.setMisbehave(down)
	p := newPolicy(t, l, 2, a, dead)
	closed := newCosigner(t, Options{Policy: p, Read: l.read})
	if signed, err := l.cosign(closed, 5); !errors.Is(err, ErrNoQuorum) || signed != nil {
		t.Fatalf("got %q, %v", signed, err)
	} else if !strings.Contains(err.Error(), "witness dead-a+dead-b") {
		t.Errorf("the error does not say who is missing: %v", err)
	}
	if s := closed.Witnesses()[1]; s.FailingSince.IsZero() || s.Err == nil || s.Size != 0 {
		t.Errorf("status is %+v", s)
	}
	open := newCosigner(t, Options{Policy: p, Read: l.read, FailOpen: true})
	signed, err := l.cosign(open, 6)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.Verify(signed); err == nil || len(v.Cosignatures) != 2 {
		t.Errorf("failing open: %v with %d cosignatures", err, len(v.Cosignatures))
	}
	dead.setMisbehave(nil) // and everything catches up by itself
	signed, err = l.cosign(closed, 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(signed); err != nil {
		t.Error(err)
	}
	if s := closed.Witnesses()[1]; !s.FailingSince.IsZero() || s.Err != nil || s.Size != 7 {
		t.Errorf("status is %+v", s)
	}
}

func TestPatienceAndCancel(t *testing.T) {
	l, a := newLog(t), newWitness(t, "a")
	free := make(chan struct{})
	defer close(free)
	a.setMisbehave(func(http.ResponseWriter, *http.Request, []byte) bool { <-free; return true })
	c := newCosigner(t, Options{Policy: newPolicy(t, l, 1, a), Read: l.read, Patience: 50 * time.Millisecond, FailOpen: true})
	if _, err := l.cosign(c, 1); err != nil {
		t.Errorf("failing open after its patience: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cp := l.grow(2).checkpoint(2)
	if signed, err := c.Cosign(ctx, cp.Size, cp.Root, l.signed(2)); err == nil {
		t.Errorf("a stopping log published %q without a quorum", signed)
	}
	if _, err := c.Cosign(t.Context(), 3, cp.Root, l.signed(2)); err == nil {
		t.Error("another size was accepted")
	}
}

func TestNewRefuses(t *testing.T) {
	l, a, b := newLog(t), newWitness(t, "a"), newWitness(t, "b")
	b.url = ""
	if _, err := New(Options{Policy: newPolicy(t, l, 2, a, b), Read: l.read}); err == nil {
		t.Error("a quorum that cannot be met was accepted")
	}
	c := newCosigner(t, Options{Policy: newPolicy(t, l, 1, a, b), Read: l.read})
	if _, err := l.cosign(c, 3); err != nil {
		t.Error(err)
	}
	none, err := policy.Parse([]byte("log " + l.signer.Verifier().VKey() + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	c = newCosigner(t, Options{Policy: none, Read: l.read})
	if signed, err := l.cosign(c, 4); err != nil || !bytes.Equal(signed, l.signed(4)) {
		t.Errorf("quorum none: %q, %v", signed, err)
	}
}
