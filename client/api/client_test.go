package api

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// newLog serves handler as a log and returns a client that does not wait
// between attempts longer than a test should.
func newLog(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := New(server.URL+"/", Options{Timeout: 5 * time.Second, Attempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func answer(w http.ResponseWriter, status int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func refuse(w http.ResponseWriter, p *Problem) {
	body, _ := json.Marshal(p)
	answer(w, p.Status, MediaProblem, string(body))
}

func TestNewRefusesWhatIsNoPrefix(t *testing.T) {
	for _, prefix := range []string{"", "localhost:8080", "ftp://x", "http://", "http://u:p@x", "http://x?a=b", "http://x#f", "http://x y", "://"} {
		if _, err := New(prefix, Options{}); err == nil {
			t.Errorf("New(%q) succeeded", prefix)
		}
	}
	c, err := New("https://log.example/2026/", Options{})
	if err != nil || c.URL() != "https://log.example/2026" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestSubmit(t *testing.T) {
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != RouteReceipts || r.Header.Get("Content-Type") != MediaCredential || string(body) != `{"id":1}` {
			t.Errorf("got %s %s %s %q", r.Method, r.URL, r.Header, body)
		}
		answer(w, 201, MediaJSON, `{"index":7,"duplicate":false,"receiptHash":"ab","bundle":{"x":1},"new":true}`)
	})
	got, err := c.Submit(t.Context(), []byte(`{"id":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Index != 7 || string(got.Bundle) != `{"x":1}` {
		t.Errorf("got %+v", got)
	}
}

func TestSubmitAsync(t *testing.T) {
	full := false
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Prefer") != PreferAsync {
			t.Errorf("Prefer = %q", r.Header.Get("Prefer"))
		}
		if full {
			answer(w, 200, MediaJSON, `{"index":7,"duplicate":true,"runId":"r","receiptHash":"ab","bundle":{"x":1}}`)
			return
		}
		answer(w, 202, MediaJSON, `{"index":7,"runId":"r","status":"sequenced","receiptHash":"ab"}`)
	})
	for _, full = range []bool{false, true} {
		got, err := c.SubmitAsync(t.Context(), []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if *got != (Sequenced{Index: 7, RunID: "r", Status: StatusSequenced, ReceiptHash: "ab"}) {
			t.Errorf("got %+v", got)
		}
	}
}

func TestRefusalIsAProblem(t *testing.T) {
	var tries atomic.Int32
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		refuse(w, NewProblem(422, verdict.SignatureInvalid, "proof", "no good\x1b[2J"))
	})
	_, err := c.Submit(t.Context(), []byte(`{}`))
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Code != verdict.SignatureInvalid || p.Status != 422 || strings.ContainsRune(p.Detail, 0x1b) {
		t.Fatalf("got %v", err)
	}
	if tries.Load() != 1 {
		t.Errorf("a refusal was tried %d times", tries.Load())
	}
}

func TestForeignRefusal(t *testing.T) {
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, 502, "text/html", "<h1>bad gateway</h1>\nmore")
	})
	_, err := c.Checkpoint(t.Context())
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Status != 502 || p.Code != verdict.Internal || !strings.Contains(p.Detail, "<h1>bad gateway</h1>") || strings.Contains(p.Detail, "more") {
		t.Fatalf("got %v", err)
	}
}

func TestBusyLogIsAskedAgain(t *testing.T) {
	for _, status := range []int{429, 503} {
		var tries atomic.Int32
		c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != `{}` {
				t.Errorf("attempt %d had body %q", tries.Load()+1, body)
			}
			if tries.Add(1) < 3 {
				refuse(w, NewProblem(status, CodeOverloaded, "", ""))
				return
			}
			answer(w, 201, MediaJSON, `{"index":1,"duplicate":false,"receiptHash":"ab","bundle":{}}`)
		})
		if _, err := c.Submit(t.Context(), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGivesUpOnABusyLog(t *testing.T) {
	var tries atomic.Int32
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		refuse(w, NewProblem(503, CodeOverloaded, "", ""))
	})
	_, err := c.Submit(t.Context(), []byte(`{}`))
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Code != CodeOverloaded || tries.Load() != 3 {
		t.Fatalf("got %v after %d attempts", err, tries.Load())
	}
}

func TestLostConnectionIsTriedAgain(t *testing.T) {
	var tries atomic.Int32
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"index":`)
			panic(http.ErrAbortHandler)
		}
		answer(w, 200, MediaJSON, `{"index":1,"duplicate":true,"receiptHash":"ab","bundle":{}}`)
	})
	got, err := c.Submit(t.Context(), []byte(`{}`))
	if err != nil || !got.Duplicate {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := New(server.URL, Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Checkpoint(t.Context()); !Unreachable(err) {
		t.Errorf("got %v, want unreachable", err)
	}
}

func TestEndlessReplyIsCut(t *testing.T) {
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<16)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := c.Checkpoint(t.Context()); !errors.Is(err, errReplyTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newLog(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		refuse(w, NewProblem(503, CodeOverloaded, "", ""))
		time.AfterFunc(20*time.Millisecond, cancel)
	})
	if _, err := c.Checkpoint(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for header, want := range map[string]time.Duration{
			"2":                             2 * time.Second,
			"0":                             0,
			"99999":                         maxPause,
			"":                              0,
			"-1":                            0,
			"soon":                          0,
			"Sat, 01 Jan 2000 00:00:05 GMT": 5 * time.Second,
			"Fri, 31 Dec 1999 00:00:00 GMT": 0,
		} {
			if got := parseRetryAfter(header); time.Duration(got) != want {
				t.Errorf("parseRetryAfter(%q) = %v, want %v", header, time.Duration(got), want)
			}
		}
		start := time.Now()
		if err := pause(t.Context(), 1, retryAfter(7*time.Second)); err != nil || time.Since(start) != 7*time.Second {
			t.Errorf("paused %v, %v", time.Since(start), err)
		}
		for attempt := 1; attempt < 70; attempt++ {
			start = time.Now()
			if err := pause(t.Context(), attempt, 0); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited < firstPause/2 || waited > maxPause {
				t.Errorf("attempt %d paused %v", attempt, waited)
			}
		}
	})
}

func TestNoRedirectToHTTP(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusTemporaryRedirect))
	defer secure.Close()
	c, err := New(secure.URL, Options{Transport: secure.Client().Transport, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Checkpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "refused a redirect") {
		t.Errorf("got %v", err)
	}
}
