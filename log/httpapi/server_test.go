package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
)

// server is a log that is served on loopback, by the server that the program
// runs.
type server struct {
	*logtest.World
	Handler *httpapi.Handler
	URL     string
	Address string
	Said    *bytes.Buffer // what was logged; look only after the server is closed

	operator, auditor string // keys for all organisations
}

func serve(t *testing.T, change ...func(*log.Options)) *server {
	t.Helper()
	s := &server{World: logtest.New(t, change...), Said: new(bytes.Buffer)}
	s.makeKeys()
	s.listen()
	return s
}

// listen puts a server before the log, which was opened just now.
func (s *server) listen() {
	s.T.Helper()
	h, err := httpapi.New(s.Log, httpapi.Options{
		Logger:  slog.New(slog.NewTextHandler(s.Said, nil)),
		Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault in a handler") }),
		MaxAge:  time.Minute,
	})
	if err != nil {
		s.T.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	web := h.Server()
	go func() { _ = web.Serve(listener) }() // ends when it is closed
	s.T.Cleanup(func() { web.Close() })
	s.Handler, s.Address, s.URL = h, listener.Addr().String(), "http://"+listener.Addr().String()
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	Body []byte
}

// do sends a request. headers are names and values in turn.
func (s *server) do(method, path string, body []byte, headers ...string) answer {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	// No transparent gzip, no redirects: what the server says is what counts.
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp, data}
}

func (s *server) get(path string, headers ...string) answer {
	s.T.Helper()
	return s.do(http.MethodGet, path, nil, headers...)
}

// submit posts a receipt.
func (s *server) submit(data []byte, headers ...string) answer {
	s.T.Helper()
	return s.do(http.MethodPost, api.RouteReceipts, data, append([]string{"Content-Type", api.MediaCredential}, headers...)...)
}

// wantProblem holds an answer to be a problem document of that kind.
func (s *server) wantProblem(a answer, status int, code verdict.Code) {
	s.T.Helper()
	if a.StatusCode != status || a.Header.Get("Content-Type") != api.MediaProblem {
		s.T.Errorf("got %s, %s: %s; want %d %s", a.Status, a.Header.Get("Content-Type"), clip(a.Body), status, code)
		return
	}
	var p api.Problem
	if err := json.Unmarshal(a.Body, &p, json.RejectUnknownMembers(true)); err != nil {
		s.T.Errorf("problem document: %v", err)
		return
	}
	if p.Code != code || p.Status != status || p.Type != api.ProblemBase+string(code) || p.Title == "" {
		s.T.Errorf("got %+v, want %d %s", p, status, code)
	}
}

// parse reads a JSON answer into v.
func parse[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &v, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v in %s", a.Status, err, clip(a.Body))
	}
	return v
}

func clip(b []byte) string {
	if len(b) > 200 {
		return string(b[:200]) + "…"
	}
	return strings.TrimSpace(string(b))
}
