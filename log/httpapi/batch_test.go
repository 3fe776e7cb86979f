package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

// batch posts NDJSON and returns the lines of the answer.
func (s *server) batch(body []byte, headers ...string) []api.Line {
	s.T.Helper()
	a := s.do(http.MethodPost, api.RouteReceipts, body, append([]string{"Content-Type", api.MediaNDJSON}, headers...)...)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != api.MediaNDJSON {
		s.T.Fatalf("got %s: %s", a.Status, clip(a.Body))
	}
	return s.lines(a.Body)
}

func (s *server) lines(body []byte) []api.Line {
	s.T.Helper()
	var lines []api.Line
	for text := range bytes.Lines(body) {
		var line api.Line
		if err := json.Unmarshal(text, &line, json.RejectUnknownMembers(true)); err != nil {
			s.T.Fatalf("%v in %s", err, clip(text))
		}
		lines = append(lines, line)
	}
	return lines
}

func TestBatch(t *testing.T) {
	s := serve(t)
	var body bytes.Buffer
	const n = 300
	for i := range n {
		body.Write(s.Issuer.Receipt(fmt.Sprint("run-", i)))
		body.WriteString("\n")
	}
	lines := s.batch(body.Bytes())
	if len(lines) != n {
		t.Fatalf("%d answers to %d lines", len(lines), n)
	}
	checkpoints := make(map[string]bool)
	for i, line := range lines {
		if line.Line != i+1 || line.Status != http.StatusCreated || line.RunID != fmt.Sprint("run-", i) {
			t.Fatalf("line %d: %+v %v", i+1, line, line.Error)
		}
		if i%50 == 0 {
			s.Verify(line.Bundle)
		}
		checkpoints[checkpointOf(t, line.Bundle)] = true
	}
	if len(checkpoints) > n/4 {
		t.Errorf("%d receipts are under %d checkpoints: they were not taken in together", n, len(checkpoints))
	}
	again := s.batch(body.Bytes())
	for i, line := range again {
		if line.Status != http.StatusOK || !line.Duplicate || line.Index != lines[i].Index {
			t.Fatalf("again, line %d: %+v", i+1, line)
		}
	}
	if s.Size() != n+1 {
		t.Errorf("%d entries", s.Size())
	}
}

func checkpointOf(t *testing.T, data []byte) string {
	t.Helper()
	var b struct {
		Checkpoint string `json:"checkpoint"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	return b.Checkpoint
}

// A bad line spoils no other, and each gets the code it would get alone.
func TestBatchWithBadLines(t *testing.T) {
	s := serve(t)
	good := s.Issuer.Receipt("run-1")
	last := s.Issuer.Receipt("run-2")
	body := strings.Join([]string{
		string(good),
		`{"a":1,"a":2}`,
		"",
		"  \t\r",
		strings.Replace(string(good), "acme", "emca", 1),
		`{"x":"` + strings.Repeat("x", 1<<20) + `"}`,
		string(good) + "\r",
		"not JSON",
		string(last), // and no newline behind it
	}, "\n")
	want := []struct {
		line, status int
		code         verdict.Code
	}{
		{1, 201, ""}, {2, 400, verdict.Malformed}, {5, 422, verdict.SignatureInvalid}, {6, 413, verdict.TooLarge},
		{7, 200, ""}, {8, 400, verdict.Malformed}, {9, 201, ""},
	}
	lines := s.batch([]byte(body))
	if len(lines) != len(want) {
		t.Fatalf("%d answers, want %d: %+v", len(lines), len(want), lines)
	}
	// Lines 1 and 7 are one receipt and are taken in side by side: either may be
	// the one that is new.
	if lines[0].Status == 200 {
		want[0].status, want[4].status = 200, 201
	}
	for i, w := range want {
		got := lines[i]
		if got.Line != w.line || got.Status != w.status || (w.code != "") != (got.Error != nil) {
			t.Errorf("got %+v (%v), want %+v", got, got.Error, w)
		} else if w.code != "" && got.Error.Code != w.code {
			t.Errorf("line %d: %s, want %s", w.line, got.Error.Code, w.code)
		} else if w.code == "" {
			s.Verify(got.Bundle)
		}
	}
	if s.Size() != 3 {
		t.Errorf("%d entries, want the document and two receipts", s.Size())
	}
}

func TestBatchAsync(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.CheckpointInterval, o.RepublishInterval = time.Hour, time.Hour })
	body := append(s.Issuer.Receipt("run-1"), '\n')
	lines := s.batch(body, "Prefer", "respond-async")
	if len(lines) != 1 || lines[0].Status != http.StatusAccepted || lines[0].Index != 1 || lines[0].Bundle != nil {
		t.Errorf("got %+v", lines)
	}
	if lines := s.batch([]byte("\n\n"), "Prefer", "respond-async"); len(lines) != 0 {
		t.Errorf("blank lines are answered: %+v", lines)
	}
}

// Once one line has waited in vain for a checkpoint, the ones behind it do not
// wait for it again.
func TestBatchWhilePublicationIsLate(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.CheckpointInterval, o.RepublishInterval = time.Hour, time.Hour })
	s.Handler.SetTimeouts(time.Second, time.Second, 200*time.Millisecond, time.Second)
	var body bytes.Buffer
	for i := range 50 {
		body.Write(s.Issuer.Receipt(fmt.Sprint("run-", i)))
		body.WriteByte('\n')
	}
	began := time.Now()
	lines := s.batch(body.Bytes())
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	for _, line := range lines {
		if line.Error == nil || line.Error.Code != api.CodeTimeout || line.Status != 503 {
			t.Errorf("got %+v", line)
		}
	}
	if len(lines) != 50 {
		t.Errorf("%d answers", len(lines))
	}
}

// pipe starts a batch whose body is written while answers are read.
func (s *server) pipe(t *testing.T) (*io.PipeWriter, *bufio.Reader) {
	t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+api.RouteReceipts, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaNDJSON)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); resp.Body.Close() })
	return w, bufio.NewReader(resp.Body)
}

// Answers come while the body is still being sent.
func TestBatchStreams(t *testing.T) {
	s := serve(t)
	in, out := s.pipe(t)
	for i := range 3 {
		if _, err := in.Write(append(s.Issuer.Receipt(fmt.Sprint("run-", i)), '\n')); err != nil {
			t.Fatal(err)
		}
		text, err := out.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line := s.lines(text)[0]; line.Line != i+1 || line.Status != 201 {
			t.Errorf("got %+v", line)
		}
	}
	in.Close()
	if rest, err := io.ReadAll(out); err != nil || len(rest) != 0 {
		t.Errorf("then came %q, %v", rest, err)
	}
}

// A server that drains answers what it took, says that it takes no more, and
// does not wait for a client that is silent.
func TestBatchDrains(t *testing.T) {
	s := serve(t)
	in, out := s.pipe(t)
	if _, err := in.Write(append(s.Issuer.Receipt("run-1"), '\n')); err != nil {
		t.Fatal(err)
	}
	first, err := out.ReadBytes('\n')
	if err != nil || s.lines(first)[0].Status != 201 {
		t.Fatalf("got %s, %v", first, err)
	}
	s.Handler.Drain()
	second, err := out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if line := s.lines(second)[0]; line.Line != 2 || line.Status != 503 || line.Error.Code != api.CodeOverloaded {
		t.Errorf("got %+v", line)
	}
	if rest, err := io.ReadAll(out); err != nil || len(rest) != 0 {
		t.Errorf("then came %q, %v", rest, err)
	}
}

func TestTruncatedBatch(t *testing.T) {
	s := serve(t)
	good := s.Issuer.Receipt("run-1")
	resp := s.raw(t, func(c net.Conn) {
		io.WriteString(c, header(api.MediaNDJSON, 4*len(good)))
		c.Write(append(good, '\n'))
		c.Write(s.Issuer.Receipt("run-2")[:100])
		c.(*net.TCPConn).CloseWrite()
	})
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	lines := s.lines(body)
	if len(lines) != 2 || lines[0].Status != 201 || lines[1].Status != 400 || lines[1].Error.Code != verdict.Malformed || lines[1].Line != 2 {
		t.Errorf("got %+v", lines)
	}
	if s.Size() != 2 {
		t.Errorf("%d entries", s.Size())
	}
}

func TestSlowBatch(t *testing.T) {
	s := serve(t)
	s.Handler.SetTimeouts(time.Second, 300*time.Millisecond, 5*time.Second, 5*time.Second)
	good := s.Issuer.Receipt("run-1")
	resp := s.raw(t, func(c net.Conn) {
		io.WriteString(c, header(api.MediaNDJSON, 4*len(good)))
		c.Write(append(good, '\n'))
		c.Write([]byte("{"))
	})
	lines := s.lines(read(t, resp).Body)
	if len(lines) != 2 || lines[0].Status != 201 || lines[1].Status != 408 || lines[1].Error.Code != api.CodeTimeout {
		t.Errorf("got %+v", lines)
	}
	s.Submit(s.Issuer.Receipt("run-2"))
}

// deaf is a client that takes nothing.
type deaf struct{ header http.Header }

func (d deaf) Header() http.Header       { return d.header }
func (d deaf) WriteHeader(int)           {}
func (d deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (d deaf) FlushError() error         { return io.ErrClosedPipe }

// endless repeats a line for ever.
type endless struct {
	line []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	return n, nil
}

// A client that goes on sending and does not take its answers is cut off.
func TestBatchNobodyReads(t *testing.T) {
	s := serve(t)
	body := &endless{line: append(s.Issuer.Receipt("run-1"), '\n')}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.RouteReceipts, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", api.MediaNDJSON)
	s.Handler.ServeHTTP(deaf{make(http.Header)}, req) // returns, though the body has no end
	s.Submit(s.Issuer.Receipt("another"))
	if s.Size() > 3 {
		t.Errorf("%d entries", s.Size())
	}
}
