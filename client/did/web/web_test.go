package web

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestURL(t *testing.T) {
	for id, want := range map[string]string{
		"did:web:armalo.ai":                                "https://armalo.ai/.well-known/did.json",
		"did:web:armalo.ai:issuers:eu":                     "https://armalo.ai/issuers/eu/did.json",
		"did:web:localhost%3A8443":                         "https://localhost:8443/.well-known/did.json",
		"did:web:a-1.example%3a8443:x":                     "https://a-1.example:8443/x/did.json",
		"did:web:a.example:x%20y":                          "https://a.example/x%20y/did.json",
		"did:web:xn--bcher-kva.example":                    "https://xn--bcher-kva.example/.well-known/did.json",
		"did:key:z6Mk":                                     "",
		"did:web:":                                         "",
		"did:web:Armalo.ai":                                "",
		"did:web:127.0.0.1":                                "",
		"did:web:127.1":                                    "",
		"did:web:2130706433":                               "",
		"did:web:0x7f000001":                               "",
		"did:web:a.example.0x7f":                           "",
		"did:web:%5B%3A%3A1%5D":                            "",
		"did:web:a.example.":                               "",
		"did:web:.a.example":                               "",
		"did:web:a..example":                               "",
		"did:web:-a.example":                               "",
		"did:web:a_b.example":                              "",
		"did:web:user%40a.example":                         "",
		"did:web:a.example%2Fx":                            "",
		"did:web:a.example%23":                             "",
		"did:web:a.example%3A":                             "",
		"did:web:a.example%3A0":                            "",
		"did:web:a.example%3A08443":                        "",
		"did:web:a.example%3A65536":                        "",
		"did:web:a.example%3A1%3A2":                        "",
		"did:web:a.example::x":                             "",
		"did:web:a.example:.":                              "",
		"did:web:a.example:..":                             "",
		"did:web:a.example:%2e%2E":                         "",
		"did:web:a.example:x%2Fy":                          "",
		"did:web:a.example:x%5Cy":                          "",
		"did:web:a.example:x%00":                           "",
		"did:web:a.example:x%0D%0A":                        "",
		"did:web:" + strings.Repeat("a", 64) + ".example":  "",
		"did:web:" + strings.Repeat("a.", 130) + "example": "",
	} {
		got, err := URL(id)
		if got != want || (want == "") != (verdict.CodeOf(err) == verdict.Malformed) {
			t.Errorf("URL(%q) = %q, %v; want %q", id, got, err, want)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"did:web:armalo.ai", "did:web:localhost%3A8443:a:b", "did:web:127.0.0.1", "did:web:a.example:%2e%2e", "did:web:a%40b", "did:web:a.example%3A99999", "did:web:"} {
		f.Add(s)
		for i := range s {
			f.Add(s[:i])
			f.Add(s[:i] + "%" + s[i:])
		}
	}
	f.Fuzz(func(t *testing.T, id string) {
		text, err := URL(id)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodGet, text, nil)
		if err != nil {
			t.Fatalf("%q: %v", id, err)
		}
		u := req.URL
		if u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/did.json") || strings.Contains(u.Path, "/../") {
			t.Errorf("%q stands for %q", id, text)
		}
		if _, err := netip.ParseAddr(u.Hostname()); err == nil || !strings.HasPrefix(id, "did:web:"+u.Hostname()) {
			t.Errorf("%q has the host %q", id, u.Hostname())
		}
	})
}

// site is an HTTPS server on localhost with a certificate of its own authority.
type site struct {
	*httptest.Server
	id       string // the did:web of its root
	roots    *x509.CertPool
	requests atomic.Int64
	conns    atomic.Int64
}

func newSite(t *testing.T, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{roots: x509.NewCertPool()}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handler(w, r)
	}))
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.roots.AddCert(certificate)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	s.id = "did:web:localhost%3A" + strconv.Itoa(port)
	return s
}

func (s *site) options() Options { return Options{AllowPrivate: true, Roots: s.roots} }

func serve(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }
}

func TestResolve(t *testing.T) {
	var s *site
	s = newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/did.json":
			fmt.Fprintf(w, `{"id":%q}`, s.id)
		case "/issuers/eu/did.json":
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintf(w, `{"id":%q}`, s.id+":issuers:eu")
		default:
			http.NotFound(w, r)
		}
	})
	r := New(s.options())
	for _, id := range []string{s.id, s.id + ":issuers:eu"} {
		if doc, err := r.Resolve(t.Context(), id); err != nil || doc.DID() != id {
			t.Errorf("%s: %v, %v", id, doc, err)
		}
	}
	for _, id := range []string{s.id + ":nobody", "did:key:z6Mk", ""} {
		if _, err := r.Resolve(t.Context(), id); !errors.Is(err, did.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := r.Resolve(t.Context(), "did:web:127.0.0.1"); verdict.CodeOf(err) != verdict.Malformed {
		t.Errorf("an IP address: %v", err)
	}
}

func TestResolveRefuses(t *testing.T) {
	other := newSite(t, serve(`{}`))
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"another's document": {serve(`{"id":"did:web:armalo.ai"}`), `its site serves the document of "did:web:armalo.ai"`},
		"no document":        {serve(`<html>`), "no DID document"},
		"too large":          {serve(`{"x":"` + strings.Repeat("x", did.MaxDocumentBytes) + `"}`), "no DID document"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, strings.Repeat(" ", 1<<16))
			}
		}, "no DID document"},
		"endless header": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, "cannot be reached"},
		"slow header": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "took too long"},
		"slow body": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "took too long"},
		"server error": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "secret", 500) }, "its site answers with status 500"},
		"redirect within": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "redirects are not followed"},
		"redirect without": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "redirects are not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tt.handler)
			o := s.options()
			if strings.HasPrefix(name, "slow") {
				o.Timeout = 300 * time.Millisecond
			}
			_, err := New(o).Resolve(t.Context(), s.id)
			if verdict.CodeOf(err) != verdict.IssuerUnavailable || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if s.requests.Load() != 1 || other.requests.Load() != 0 {
				t.Errorf("%d requests, and %d to the other site", s.requests.Load(), other.requests.Load())
			}
		})
	}
}

// The name localhost leads to loopback, as a stranger's name could.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	s := newSite(t, serve(`{}`))
	o := s.options()
	o.AllowPrivate = false
	_, err := New(o).Resolve(t.Context(), s.id)
	if verdict.CodeOf(err) != verdict.IssuerUnavailable || !strings.Contains(err.Error(), "not at a public address") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("error %v", err)
	}
	if s.conns.Load() != 0 {
		t.Errorf("%d connections were made", s.conns.Load())
	}
}

// A proxy would dial for us, where the guard cannot see the address.
func TestProxyIsNotUsed(t *testing.T) {
	if New(Options{}).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("the transport may use a proxy")
	}
}

func TestCertificateIsChecked(t *testing.T) {
	s := newSite(t, serve(`{}`))
	_, err := New(Options{AllowPrivate: true, Roots: x509.NewCertPool()}).Resolve(t.Context(), s.id)
	if verdict.CodeOf(err) != verdict.IssuerUnavailable || !strings.Contains(err.Error(), "certificate") || s.requests.Load() != 0 {
		t.Errorf("error %v after %d requests", err, s.requests.Load())
	}
}

func TestCache(t *testing.T) {
	var s *site
	fail := atomic.Bool{}
	s = newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if fail.Load() {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"id":%q}`, s.id)
	})
	now := time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)
	o := s.options()
	o.TTL, o.FailureTTL, o.Now = time.Minute, time.Second, func() time.Time { return now }
	r := New(o)
	for i, step := range []struct {
		after    time.Duration
		fail     bool
		ok       bool
		requests int64
	}{
		{0, false, true, 1},
		{59 * time.Second, true, true, 1},
		{time.Second, true, false, 2},
		{999 * time.Millisecond, false, false, 2},
		{time.Millisecond, false, true, 3},
		{time.Hour, false, true, 4},
	} {
		now = now.Add(step.after)
		fail.Store(step.fail)
		_, err := r.Resolve(t.Context(), s.id)
		if (err == nil) != step.ok || s.requests.Load() != step.requests {
			t.Errorf("step %d: error %v after %d requests in all", i, err, s.requests.Load())
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	at := time.Date(2026, 5, 12, 10, 0, 0, 0, time.UTC)
	for i := range 2 * maxCached {
		c.put(strconv.Itoa(i), &flight{}, at)
		c.get("0", at.Add(-1)) // in use, so that it stays
	}
	if len(c.byID) != maxCached || c.order.Len() != maxCached {
		t.Errorf("%d and %d are held", len(c.byID), c.order.Len())
	}
	for id, want := range map[string]bool{"0": true, "1": false, strconv.Itoa(2*maxCached - 1): true} {
		if got := c.get(id, at.Add(-1)) != nil; got != want {
			t.Errorf("%s is held: %v", id, got)
		}
	}
	c.put("0", &flight{}, at)
	if c.get("0", at) != nil || len(c.byID) != maxCached-1 {
		t.Error("what has run out is still held")
	}
}

func TestOneRequestForMany(t *testing.T) {
	release := make(chan struct{})
	var s *site
	s = newSite(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		fmt.Fprintf(w, `{"id":%q}`, s.id)
	})
	r := New(s.options())
	// The one who asked first gives up; the others get their answer.
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := r.Resolve(impatient, s.id)
		gaveUp <- err
	}()
	for s.requests.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := r.Resolve(t.Context(), s.id); err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who gave up got %v", err)
	}
	close(release)
	wg.Wait()
	if s.requests.Load() != 1 {
		t.Errorf("%d requests", s.requests.Load())
	}
}

func TestFetchesAreBounded(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	r := New(s.options())
	var wg sync.WaitGroup
	for i := range 2 * maxFetches {
		wg.Go(func() { r.Resolve(t.Context(), s.id+":"+strconv.Itoa(i)) })
	}
	for s.requests.Load() < maxFetches {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // for one too many to show
	if got := s.requests.Load(); got != maxFetches {
		t.Errorf("%d requests at a time", got)
	}
	close(release)
	wg.Wait()
	if got := s.requests.Load(); got != 2*maxFetches {
		t.Errorf("%d requests in all", got)
	}
}
