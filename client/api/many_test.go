package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/armalo/receiptlog/client/verdict"
)

// fakeLog answers NDJSON: each distinct receipt gets the next index. A receipt
// that contains "bad" is refused.
type fakeLog struct {
	mu     sync.Mutex
	leaves map[string]int
	// disturb may take over a request (n counts them from 1) before its k-th
	// answer; it reports whether it did.
	disturb func(w http.ResponseWriter, n, k int) bool
	calls   int
}

func (l *fakeLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.disturb != nil && l.disturb(w, l.calls, 0) {
		return
	}
	w.Header().Set("Content-Type", MediaNDJSON)
	http.NewResponseController(w).EnableFullDuplex() // a log reads on while it answers
	in := bufio.NewScanner(r.Body)
	in.Buffer(nil, 2<<20)
	for k := 1; in.Scan(); k++ {
		if l.disturb != nil && l.disturb(w, l.calls, k) {
			return
		}
		if strings.Contains(in.Text(), "bad") {
			fmt.Fprintf(w, `{"line":%d,"status":422,"error":{"type":"","title":"","status":422,"code":"schema_invalid"}}`+"\n", k)
			continue
		}
		index, known := l.leaves[in.Text()]
		if !known {
			index = len(l.leaves)
			l.leaves[in.Text()] = index
		}
		fmt.Fprintf(w, `{"line":%d,"status":201,"index":%d,"duplicate":%t,"receiptHash":"ab","bundle":{}}`+"\n", k, index, known)
		w.(http.Flusher).Flush()
	}
}

func numbered(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			if !yield(fmt.Appendf(nil, "{\n  \"n\": %d\n}", i), nil) {
				return
			}
		}
	}
}

func collect(lines iter.Seq2[*Line, error]) (got []*Line, err error) {
	for line, err := range lines {
		if err != nil {
			return got, err
		}
		got = append(got, line)
	}
	return got, nil
}

func TestSubmitManyInOrder(t *testing.T) {
	for _, n := range []int{0, 1, batchLines, batchLines + 1, 7*batchLines + 3} {
		log := &fakeLog{leaves: map[string]int{}}
		got, err := collect(newLog(t, log.ServeHTTP).SubmitMany(t.Context(), numbered(n), false))
		if err != nil || len(got) != n || len(log.leaves) != n {
			t.Fatalf("n=%d: %d lines, %d leaves, %v", n, len(got), len(log.leaves), err)
		}
		for i, line := range got {
			if line.Line != i+1 || line.Status != 201 || log.leaves[fmt.Sprintf(`{"n":%d}`, i)] != int(line.Index) {
				t.Fatalf("n=%d: line %d is %+v", n, i, line)
			}
		}
	}
}

func TestSubmitManySurvivesLossAndLoad(t *testing.T) {
	const n = 2*batchLines + 10
	log := &fakeLog{leaves: map[string]int{}}
	log.disturb = func(w http.ResponseWriter, n, k int) bool {
		switch {
		case n == 1 && k == 50: // dies in the middle of a line
			io.WriteString(w, `{"line":50,"sta`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case n == 2 && k == 0: // busy
			refuse(w, NewProblem(503, CodeOverloaded, "", ""))
			return true
		case n == 3 && k == 5: // ends early
			return true
		}
		return false
	}
	got, err := collect(newLog(t, log.ServeHTTP).SubmitMany(t.Context(), numbered(n), false))
	if err != nil || len(got) != n || len(log.leaves) != n {
		t.Fatalf("%d lines, %d leaves, %v", len(got), len(log.leaves), err)
	}
	for i, line := range got {
		if line.Line != i+1 || log.leaves[fmt.Sprintf(`{"n":%d}`, i)] != int(line.Index) {
			t.Fatalf("line %d is %+v", i, line)
		}
	}
}

func TestSubmitManyBusyLinesAreSentAgain(t *testing.T) {
	var calls atomic.Int32
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", MediaNDJSON)
		if calls.Add(1) == 1 {
			io.WriteString(w, `{"line":1,"status":503,"error":{"status":503,"code":"overloaded"}}`+"\n"+`{"line":2,"status":201,"index":5,"receiptHash":"b"}`+"\n")
			return
		}
		if body, _ := io.ReadAll(r.Body); string(body) != "{\"n\":0}\n" {
			t.Errorf("sent again: %q", body)
		}
		io.WriteString(w, `{"line":1,"status":201,"index":6,"receiptHash":"a"}`+"\n")
	})
	got, err := collect(c.SubmitMany(t.Context(), numbered(2), false))
	if err != nil || len(got) != 2 || got[0].Index != 6 || got[1].Index != 5 || got[1].Line != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestSubmitManyBadLinesSpoilNothing(t *testing.T) {
	log := &fakeLog{leaves: map[string]int{}}
	receipts := func(yield func([]byte, error) bool) {
		for _, r := range []string{`{"n":1}`, `{"bad":1}`, `not json`, `{"n":2}`} {
			if !yield([]byte(r), nil) {
				return
			}
		}
	}
	got, err := collect(newLog(t, log.ServeHTTP).SubmitMany(t.Context(), receipts, false))
	if err != nil || len(got) != 4 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	if got[0].Error != nil || got[1].Error.Code != verdict.SchemaInvalid || got[2].Error.Code != verdict.Malformed || got[3].Index != 1 || got[3].Line != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestSubmitManyEnds(t *testing.T) {
	broken := errors.New("disk gone")
	log := &fakeLog{leaves: map[string]int{}}
	c := newLog(t, log.ServeHTTP)
	got, err := collect(c.SubmitMany(t.Context(), func(yield func([]byte, error) bool) {
		_ = yield([]byte(`{"n":1}`), nil) && yield(nil, broken)
	}, false))
	if len(got) != 1 || !errors.Is(err, broken) {
		t.Errorf("got %d lines, %v", len(got), err)
	}
	for range c.SubmitMany(t.Context(), numbered(10*batchLines), false) {
		break // stops reading without deadlock
	}
	silent := newLog(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	if got, err := collect(silent.SubmitMany(t.Context(), numbered(3), false)); len(got) != 0 || !Unreachable(err) {
		t.Errorf("got %d lines, %v", len(got), err)
	}
}

func TestSubmitManyRefusesAMuddledReply(t *testing.T) {
	for name, reply := range map[string]string{
		"out of order": `{"line":2,"status":201,"index":1,"receiptHash":"a"}` + "\n",
		"too many":     `{"line":1,"status":201,"index":1,"receiptHash":"a"}` + "\n" + `{"line":2,"status":201,"index":1,"receiptHash":"a"}` + "\n",
		"neither":      `{"line":1,"status":201}` + "\n",
		"both":         `{"line":1,"status":201,"index":1,"error":{"code":"x"}}` + "\n",
		"not JSON":     "hello\n",
		"endless line": strings.Repeat("x", maxLineBytes+1) + "\n",
	} {
		c := newLog(t, func(w http.ResponseWriter, r *http.Request) { answer(w, 200, MediaNDJSON, reply) })
		if _, err := collect(c.SubmitMany(t.Context(), numbered(1), false)); err == nil || Unreachable(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "text/html", "hi") })
	if _, err := collect(c.SubmitMany(t.Context(), numbered(1), false)); err == nil {
		t.Error("HTML was accepted")
	}
}
