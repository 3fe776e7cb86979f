package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// TestEveryRouteWithHostileInput throws at every route, with a key that is good for
// it, what a hostile client can: each piece is answered soon, by a problem document
// if it is refused, with no fault of the server's, and with nothing of its inside.
// Afterwards the log is as it was.
func TestEveryRouteWithHostileInput(t *testing.T) {
	s := serve(t)
	s.Submit(s.private("run-private"))
	s.Handler.SetTimeouts(300*time.Millisecond, 300*time.Millisecond, 5*time.Second, 5*time.Second)
	size := s.Size()
	theirs := s.keyAs(api.KeyRequest{Name: "of acme", Org: "acme", Scopes: []api.Scope{api.ScopeReceiptsRead}})
	key := s.key("", api.Scopes...)
	all := probes(s, theirs.ID)
	t.Run("all", func(t *testing.T) {
		for _, n := range s.Handler.Needs() {
			p, ok := all[n.Name]
			if !ok {
				t.Fatalf("this test knows no request for %s", n.Name)
			}
			method, _, _ := strings.Cut(n.Name, " ")
			if n.Name == "GET metrics" || method == http.MethodDelete {
				continue // the one has a handler that panics in these tests, the others take nothing in
			}
			t.Run(n.Name, func(t *testing.T) {
				t.Parallel()
				h := hostile{t, s, method, p, key}
				for _, query := range []string{"%zz", "%00", "a;b", "index=-1", "limit=99999999999999999999", "cursor=%ff%fe", strings.Repeat("x=1&", 3000)} {
					h.send("query "+query[:min(9, len(query))], query, []byte(p.body))
				}
				if method == http.MethodGet {
					return
				}
				for name, body := range map[string]string{
					"nothing": "", "half": "{", "null": "null", "a list": "[]", "a text": `"x"`, "no UTF-8": "{\"org\":\"\xff\"}", "twice": `{"org":"a","org":"b"}`,
					"depth": strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), "a number": `{"org":1e999,"name":1e999,"receipt":1e999}`,
					"zeros": strings.Repeat("\x00", 1000), "lines": strings.Repeat("\n", 1000), "3 MiB": `{"org":"` + strings.Repeat("x", 3<<20) + `"}`,
				} {
					h.send(name, "", []byte(body))
				}
				h.stall()
			})
		}
	})
	if s.Size() != size {
		t.Errorf("%d entries were appended", s.Size()-size)
	}
	if a := s.get(api.RouteReady); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s %s", a.Status, a.Body)
	}
}

// hostile is a client with a good key and no good intent.
type hostile struct {
	t      *testing.T
	s      *server
	method string
	probe  probe
	key    string
}

// send sends a request and holds the answer to what hostile clients are to get.
func (h *hostile) send(name, query string, body []byte) {
	h.t.Helper()
	path := h.probe.path
	if query != "" {
		path, _, _ = strings.Cut(path, "?")
		path += "?" + query
	}
	req := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: log\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n", h.method, path, h.headers(), len(body))
	h.judge(name, append([]byte(req), body...))
}

func (h *hostile) headers() (lines string) {
	for pair := range slices.Chunk(append(slices.Clone(h.probe.headers), "Authorization", "Bearer "+h.key), 2) {
		lines += pair[0] + ": " + pair[1] + "\r\n"
	}
	return lines
}

// stall announces a body and sends its beginning.
func (h *hostile) stall() {
	h.t.Helper()
	began := time.Now()
	h.judge("a stalled body", fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: log\r\n%sContent-Length: 1000\r\n\r\n{", h.method, h.probe.path, h.headers()))
	if took := time.Since(began); took > 10*time.Second {
		h.t.Errorf("a stalled body is waited for %v", took)
	}
}

// judge sends bytes as they are, and looks at what comes back.
func (h *hostile) judge(name string, raw []byte) {
	h.t.Helper()
	resp := h.s.raw(h.t, func(c net.Conn) { _, _ = c.Write(raw) }) // an answer may come before all is sent
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Errorf("%s: the answer breaks off: %v", name, err)
	}
	var p api.Problem
	switch {
	case resp.StatusCode >= 500:
		h.t.Errorf("%s: %s %s", name, resp.Status, clip(body))
	case resp.StatusCode >= 400 && (json.Unmarshal(body, &p) != nil || p.Code == "" || p.Status != resp.StatusCode):
		h.t.Errorf("%s: %s is no problem document: %s", name, resp.Status, clip(body))
	}
	for _, inside := range []string{".go:", "goroutine ", "/storage/", "pebble", h.key} {
		if bytes.Contains(body, []byte(inside)) && !strings.Contains(h.probe.path, "openapi") {
			h.t.Errorf("%s: the answer shows %s: %s", name, inside, clip(body))
		}
	}
}
