package webhook_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// Receivers that lie, hang, redirect inward, break off and talk without end: each
// only hurts itself. The honest one beside them hears everything at once, and no
// submission waits.
func TestHostileReceivers(t *testing.T) {
	w := logtest.New(t, quick, func(o *log.Options) { o.Webhooks.Timeout = 500 * time.Millisecond })
	var inward atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inward.Add(1) }))
	defer inside.Close()
	stop := make(chan struct{})
	defer close(stop)
	hostile := map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-stop },
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		},
		"resets": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
		},
		"nonsense": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/9.9 twohundred OK\r\n\r\n")
				conn.Close()
			}
		},
		"header without end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		},
		"header byte by byte": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			for ; err == nil; time.Sleep(20 * time.Millisecond) {
				_, err = conn.Write([]byte("H"))
			}
		},
		"never again": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "99999999999999999999")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"continues": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusSwitchingProtocols) },
	}
	for _, f := range hostile {
		s := httptest.NewServer(f)
		defer s.CloseClientConnections()
		add(w, s.URL, "", "receipt.logged")
	}
	// It says yes, and then talks without end: that is a yes.
	var talked atomic.Int64
	talker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n, err := w.Write(make([]byte, 1<<16)); err == nil && talked.Add(int64(n)) < 1<<30; n, err = w.Write(make([]byte, 1<<16)) {
		}
	}))
	defer talker.CloseClientConnections()
	talks, _ := add(w, talker.URL, "", "receipt.logged")
	honest := newEar(t)
	add(w, honest.URL, "", "receipt.logged")
	const receipts = 20
	began := time.Now()
	for i := range receipts {
		w.Submit(w.Issuer.Receipt(fmt.Sprint("run-", i)))
	}
	honest.wait("all of them", func(all []got) bool { return len(all) >= receipts })
	if took := time.Since(began); took > patience/2 {
		t.Errorf("the honest receiver waited %s", took)
	}
	until(t, "everything dead, and the talker done", func() bool {
		for _, s := range w.Log.Webhooks().List() {
			switch {
			case s.URL == honest.URL, s.ID == talks.ID:
				if s.Queued > 0 || s.Dead > 0 {
					return false
				}
			case s.FailingSince.IsZero():
				return false
			}
		}
		return true
	})
	if inward.Load() != 0 {
		t.Error("a redirect was followed")
	}
	if talked.Load() > 256<<20 { // what the kernel's buffers take, each time
		t.Errorf("%d bytes were heard out", talked.Load())
	}
}

// A name that leads inward is not dialled, and what is said about it is no more
// than that.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	w := logtest.New(t, quick, func(o *log.Options) { o.Webhooks.AllowPrivate = false })
	e := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("dialled") }))
	defer e.Close()
	name := strings.Replace(e.URL, "127.0.0.1", "localhost", 1)
	r, _ := add(w, name, "", "receipt.logged")
	w.Submit(w.Issuer.Receipt("run-1"))
	until(t, "a dead message", func() bool { return w.Log.Webhooks().List()[0].Dead == 1 })
	if dead := logtest.Must(w.Log.Webhooks().Dead(r.ID)); dead[0].Reason != "its host is not at a public address" {
		t.Errorf("%+v", dead)
	}
}

// A receiver that takes nothing for long is tried out with one message at a time,
// and hears everything once it is back.
func TestProbing(t *testing.T) {
	var up atomic.Bool
	var now, most atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if up.Load() {
			return
		}
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer s.Close()
	w := logtest.New(t, quick, func(o *log.Options) {
		o.Webhooks.Delays = make([]time.Duration, 1000)
	})
	add(w, s.URL, "", "receipt.logged")
	w.Submit(w.Issuer.Receipt("run-first"))
	until(t, "a receiver that is failing", func() bool { return !w.Log.Webhooks().List()[0].FailingSince.IsZero() })
	time.Sleep(300 * time.Millisecond)
	w.Fill(50)
	most.Store(0)
	time.Sleep(time.Second)
	if most.Load() > 1 {
		t.Errorf("%d at a time to a receiver that is tried out", most.Load())
	}
	if s := w.Log.Webhooks().List()[0]; s.Queued != 51 || s.Dead != 0 {
		t.Errorf("%d queued, %d dead", s.Queued, s.Dead)
	}
	up.Store(true)
	until(t, "all delivered", func() bool { return w.Log.Webhooks().List()[0].Queued == 0 })
}

// One that is removed hears nothing more, and nothing of it is left.
func TestRemove(t *testing.T) {
	w, e := logtest.New(t, quick), newEar(t)
	e.answer(http.StatusInternalServerError)
	r, _ := add(w, e.URL, "", "receipt.logged")
	w.Fill(1)
	until(t, "something dead", func() bool { return w.Log.Webhooks().List()[0].Dead > 0 })
	if err := w.Log.Webhooks().Remove(r.ID); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	n := len(e.all())
	w.Submit(w.Issuer.Receipt("run-after"))
	time.Sleep(200 * time.Millisecond)
	if len(e.all()) != n || len(w.Log.Webhooks().List()) != 0 {
		t.Errorf("heard %d messages after it was removed", len(e.all())-n)
	}
	again, _ := add(w, e.URL, "", "receipt.logged")
	if again.ID == r.ID {
		t.Error("a number was given twice")
	}
}
