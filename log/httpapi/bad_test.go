package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// Bad input is tried through the real server: each gets its code, the log goes
// on, and nothing is appended.
func TestBadReceipts(t *testing.T) {
	s := serve(t)
	good := s.Issuer.Receipt("run-1")
	unlisted := logtest.NewIssuer("did:web:unlisted.example")
	s.Resolver.Publish(unlisted.Document())
	otherMethod := *s.Issuer
	otherMethod.Method += "-unknown"
	replace := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	for _, tt := range []struct {
		name   string
		data   []byte
		status int
		code   verdict.Code
	}{
		{"empty", nil, 400, verdict.Malformed},
		{"not JSON", []byte("hello"), 400, verdict.Malformed},
		{"two values", append(good, good...), 400, verdict.Malformed},
		{"duplicate names", replace(`{"@context"`, `{"id":"urn:x","@context"`), 400, verdict.Malformed},
		{"duplicate names deep down", replace(`"org":"acme"`, `"org":"acme","o\u0072g":"emca"`), 400, verdict.Malformed},
		{"invalid UTF-8", replace("acme", "ac\xffme"), 400, verdict.Malformed},
		{"a lone surrogate", replace("acme", `ac\ud800me`), 400, verdict.Malformed},
		{"deep nesting", replace(`"org":"acme"`, `"org":"acme","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), 400, verdict.Malformed},
		{"a number no double holds", replace(`"org":"acme"`, `"org":"acme","x":1e999`), 400, verdict.Malformed},
		{"2 MiB", append(good, bytes.Repeat([]byte(" "), 2<<20)...), 413, verdict.TooLarge},
		{"an array", []byte("[]"), 422, verdict.SchemaInvalid},
		{"a field missing", replace(`"org":"acme",`, ""), 422, verdict.SchemaInvalid},
		{"a field of the wrong type", replace(`"org":"acme"`, `"org":7`), 422, verdict.SchemaInvalid},
		{"changed after signing", replace("acme", "emca"), 422, verdict.SignatureInvalid},
		{"no proof", s.unsigned(good), 422, verdict.ProofMissing},
		{"issuer not configured", unlisted.Receipt("run-1"), 403, verdict.IssuerUntrusted},
		{"another's key", logtest.NewIssuer(s.Issuer.DID).Receipt("run-1"), 422, verdict.SignatureInvalid},
		{"a key that the document lacks", otherMethod.Receipt("run-1"), 422, verdict.KeyUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.wantProblem(s.submit(tt.data), tt.status, tt.code)
		})
	}
	s.Resolver.Publish(s.Issuer.DocumentWithout())
	s.wantProblem(s.submit(good), 422, verdict.KeyNotAuthorized)
	s.Resolver.Publish(s.Issuer.Document())
	if s.Size() != 0 {
		t.Errorf("%d entries after refusals only", s.Size())
	}
	s.Submit(good)
}

// unsigned cuts the proof off a receipt.
func (s *server) unsigned(data []byte) []byte {
	at := bytes.Index(data, []byte(`,"proof":`))
	end := bytes.Index(data[at:], []byte(`},"type"`))
	return append(bytes.Clone(data[:at]), data[at+end+1:]...)
}

func TestBadRequests(t *testing.T) {
	s := serve(t)
	good := s.Issuer.Receipt("run-1")
	post := func(path string, headers ...string) answer { return s.do(http.MethodPost, path, good, headers...) }
	s.wantProblem(post(api.RouteReceipts), 415, api.CodeUnsupportedMediaType)
	s.wantProblem(post(api.RouteReceipts, "Content-Type", "text/plain"), 415, api.CodeUnsupportedMediaType)
	s.wantProblem(post(api.RouteReceipts, "Content-Type", "application/json; charset=latin-1"), 415, api.CodeUnsupportedMediaType)
	s.wantProblem(post(api.RouteReceipts, "Content-Type", "application/json", "Content-Encoding", "gzip"), 415, api.CodeUnsupportedMediaType)
	s.wantProblem(post(api.RouteVerifyExternal, "Content-Type", api.MediaCredential), 415, api.CodeUnsupportedMediaType)
	s.wantProblem(s.get("/nowhere"), 404, api.CodeNotFound)
	s.wantProblem(s.get("/api/v1/trust/build-receipts/a/b"), 404, api.CodeNotFound)
	s.wantProblem(s.get("/api/v1/trust/build-receipts/"), 404, api.CodeNotFound)
	s.wantProblem(s.get("/api/v1/trust/build-receipts//bundle"), 404, api.CodeNotFound)
	for path, allow := range map[string]string{
		"/checkpoint": "GET, HEAD, OPTIONS", api.RouteReceipts: "OPTIONS, POST", api.RunRoute("run-1"): "GET, HEAD, OPTIONS",
	} {
		a := s.do(http.MethodDelete, path, nil)
		s.wantProblem(a, 405, api.CodeMethodNotAllowed)
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow is %q, want %q", path, got, allow)
		}
	}
	if a := post(api.RouteReceipts, "Content-Type", "Application/JSON; Charset=UTF-8"); a.StatusCode != 201 {
		t.Errorf("got %s: %s", a.Status, clip(a.Body))
	}
}

// A header that is too long is refused before any of our code sees it.
func TestLongHeader(t *testing.T) {
	s := serve(t)
	if a := s.get("/checkpoint", "X", strings.Repeat("x", 40<<10)); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", a.Status)
	}
}

func TestAFaultIsOneRequestsAlone(t *testing.T) {
	s := serve(t)
	a := s.get("/metrics") // whose handler panics, in these tests
	s.wantProblem(a, 500, verdict.Internal)
	if a := s.get("/healthz"); a.StatusCode != 200 {
		t.Errorf("afterwards: %s", a.Status)
	}
	if said := s.Said.String(); !strings.Contains(said, "a fault in a handler") || !strings.Contains(said, a.Header.Get("X-Request-Id")) {
		t.Errorf("the operator's log does not tell: %s", said)
	}
}

// raw sends bytes as they are and returns the answer.
func (s *server) raw(t *testing.T, send func(c net.Conn)) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	send(c)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func header(media string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: log\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", api.RouteReceipts, media, length)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, body}
}

// A client that sends all before it listens is told why it was refused, however
// long after the refusal it ends.
func TestRefusalReachesWhoIsStillSending(t *testing.T) {
	s := serve(t)
	body := bytes.Repeat([]byte(" "), 2<<20)
	half := len(body) / 2
	resp := s.raw(t, func(c net.Conn) {
		io.WriteString(c, header(api.MediaJSON, len(body)))
		c.Write(body[:half])
		time.Sleep(time.Second) // longer than net/http lingers
		if _, err := c.Write(body[half:]); err != nil {
			t.Errorf("cut off while sending: %v", err)
		}
	})
	s.wantProblem(read(t, resp), http.StatusRequestEntityTooLarge, verdict.TooLarge)
	if resp.Close {
		t.Error("the connection is of no further use, although the whole body was read")
	}
}

// What is never sent holds nothing up for long, and what never ends is not read
// to its end.
func TestRefusedBodyIsReadWithinBounds(t *testing.T) {
	s := serve(t)
	s.Handler.SetTimeouts(200*time.Millisecond, 200*time.Millisecond, time.Second, time.Second)
	for name, send := range map[string]func(c net.Conn){
		"nothing comes": func(c net.Conn) { io.WriteString(c, header(api.MediaJSON, 1<<30)) },
		"leave is asked": func(c net.Conn) {
			io.WriteString(c, strings.Replace(header(api.MediaJSON, 2<<20), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
		},
		"far too much comes": func(c net.Conn) {
			io.WriteString(c, header(api.MediaJSON, 1<<30))
			go c.Write(make([]byte, 64<<20)) // fails once the server has had enough
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp := s.raw(t, send)
			s.wantProblem(read(t, resp), http.StatusRequestEntityTooLarge, verdict.TooLarge)
			if !resp.Close {
				t.Error("the connection is kept in the middle of a body")
			}
		})
	}
}

func TestSlowBody(t *testing.T) {
	s := serve(t)
	s.Handler.SetTimeouts(200*time.Millisecond, 200*time.Millisecond, time.Second, time.Second)
	resp := s.raw(t, func(c net.Conn) {
		io.WriteString(c, header(api.MediaJSON, 1000)+"{")
	})
	s.wantProblem(read(t, resp), http.StatusRequestTimeout, api.CodeTimeout)
	if s.Size() != 0 {
		t.Errorf("%d entries", s.Size())
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	s := serve(t)
	data := s.Issuer.Receipt("run-1")
	resp := s.raw(t, func(c net.Conn) {
		io.WriteString(c, header(api.MediaJSON, len(data)+1))
		c.Write(data)
		c.(*net.TCPConn).CloseWrite()
	})
	s.wantProblem(read(t, resp), 400, verdict.Malformed)
	if s.Size() != 0 {
		t.Errorf("%d entries", s.Size())
	}
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	for _, code := range []verdict.Code{
		verdict.Malformed, verdict.TooLarge, verdict.SchemaInvalid, verdict.ProofMissing, verdict.SignatureInvalid, verdict.IssuerUntrusted,
		verdict.IssuerUnavailable, verdict.KeyUnknown, verdict.KeyNotAuthorized, verdict.NotLogged, verdict.Erased, verdict.Internal,
		api.CodeOverloaded, api.CodeTimeout, api.CodeStorageFull, api.CodeNotSigning, api.CodeNotFound, api.CodeMethodNotAllowed, api.CodeUnsupportedMediaType,
	} {
		if httpapi.Statuses[code] < 400 {
			t.Errorf("%s has status %d", code, httpapi.Statuses[code])
		}
	}
}
