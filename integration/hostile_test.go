package integration

import (
	"bufio"
	"bytes"
	"encoding/json/v2"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestBadInputIsRefusedByCode throws bad input at a real server. Each piece
// gets its code; the log goes on; nothing is appended.
func TestBadInputIsRefusedByCode(t *testing.T) {
	t.Parallel() // most of its time it waits for the slow body to be cut off
	ctx := background(t)
	is, stranger := newIssuer(t), newIssuer(t)
	s := newServer(t, is.DID)
	s.Start()
	c, err := api.New(s.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(ctx, is.Receipt(t, "first")); err != nil {
		t.Fatal(err)
	}
	slow := make(chan struct{})
	go func() { defer close(slow); slowBody(t, s.URL) }() // takes its time; the rest goes on meanwhile
	good := string(is.Receipt(t, "second"))
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the receipt has no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct {
		name, body, code string
		status           int
	}{
		{"empty", "", "malformed", 400},
		{"not JSON", "hello", "malformed", 400},
		{"truncated", good[:len(good)-1], "malformed", 400},
		{"two values", good + good, "malformed", 400},
		{"an array", "[" + good + "]", "schema_invalid", 422},
		{"duplicate names", edit(`"runId"`, `"runId":"x","runId"`), "malformed", 400},
		{"duplicate names, one escaped", edit(`"runId"`, `"run\u0049d":"x","runId"`), "malformed", 400},
		{"invalid UTF-8", edit("tidy up", "tidy \xff"), "malformed", 400},
		{"lone surrogate", edit("tidy up", `tidy \ud800`), "malformed", 400},
		{"deep nesting", edit(`"runId"`, `"deep":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`,"runId"`), "malformed", 400},
		{"wrong signature", edit("tidy up", "tidy it"), "signature_invalid", 422},
		{"signature cut", edit(`"proofValue":"z`, `"proofValue":"z1`), "signature_invalid", 422},
		{"unknown issuer", string(stranger.Receipt(t, "third")), "issuer_untrusted", 403},
		{"no proof", edit(`"proof":{`, `"proofs":{`), "proof_missing", 422},
		{"no run id", edit(`"runId":"second"`, `"runIdentity":"second"`), "schema_invalid", 422},
		{"score out of range", edit(`"score":1`, `"score":1.5`), "schema_invalid", 422},
		{"2 MiB", edit("tidy up", strings.Repeat("x", 2<<20)), "too_large", 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := http.Post(s.URL+api.RouteReceipts, api.MediaJSON, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			wantProblem(t, resp, tt.status, tt.code)
		})
	}
	t.Run("key not under assertionMethod", func(t *testing.T) {
		other := newIssuer(t)
		forged := &issuer{DID: is.DID, key: other.key}
		resp, err := http.Post(s.URL+api.RouteReceipts, api.MediaJSON, bytes.NewReader(forged.Receipt(t, "fourth")))
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, resp, 422, "signature_invalid")
	})
	t.Run("truncated NDJSON", func(t *testing.T) {
		body := good[:100] + "\n\n" + "{}\n" + good[:200]
		resp, err := http.Post(s.URL+api.RouteReceipts, api.MediaNDJSON, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var lines []int
		for dec := bufio.NewScanner(resp.Body); dec.Scan(); {
			var l api.Line
			if err := json.Unmarshal(dec.Bytes(), &l); err != nil {
				t.Fatal(err)
			}
			if l.Error == nil {
				t.Errorf("line %d was accepted", l.Line)
			}
			lines = append(lines, l.Line)
		}
		if fmt.Sprint(lines) != "[1 3 4]" {
			t.Errorf("answers for lines %v, want 1, 3 and 4", lines)
		}
	})
	for _, path := range []string{
		"/tile/0/000.p/0", "/tile/0/000.p/256", "/tile/0/000.p/01", "/tile/0/0", "/tile/00/000", "/tile/64/000", "/tile/-1/000",
		"/tile/0/x000/000", "/tile/0/001", "/tile/entries/000", "/tile/0/../0/000", "/tile/0/%30%30%30", "/tile/0/000/", "/tile/0/x1/000",
		"/tile/0/000.p/", "/tile/entries/000.p/2", "/tile/data/000", "/tile/0/18446744073709551616", "/tile/0/" + strings.Repeat("x999/", 60) + "999",
	} {
		t.Run("path "+path[:min(len(path), 40)], func(t *testing.T) {
			if status := rawGet(t, s, path); status != 404 && status != 400 {
				t.Errorf("%s: status %d", path, status)
			}
		})
	}
	<-slow
	signed, err := c.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if cp, err := checkpoint.ParseSigned(signed); err != nil || cp.Size != 1 {
		t.Errorf("after all of it the log has %d entries (%v), want 1", cp.Size, err)
	}
	if result, err := c.Submit(ctx, []byte(good)); err != nil || result.Index != 1 {
		t.Errorf("the log did not go on: %+v, %v", result, err)
	}
	s.Stop()
}

// wantProblem holds that a reply is an RFC 9457 problem with a code.
func wantProblem(t *testing.T, resp *http.Response, status int, code string) {
	t.Helper()
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	var p api.Problem
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("status %d, not a problem document: %s", resp.StatusCode, raw)
	}
	if resp.StatusCode != status || string(p.Code) != code || p.Status != status || resp.Header.Get("Content-Type") != api.MediaProblem {
		t.Errorf("got %d %s, want %d %s: %s", resp.StatusCode, p.Code, status, code, raw)
	}
}

// slowBody sends a body a byte at a time and holds that the server cuts it off
// within its documented time, and serves others meanwhile.
func slowBody(t *testing.T, url string) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", api.RouteReceipts)
	go func() {
		for range 600 {
			if _, err := conn.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	began := time.Now()
	conn.SetReadDeadline(began.Add(45 * time.Second))
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && err != io.EOF && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the server still waits after %v: %v", time.Since(began), err)
	}
	if status != "" && !strings.Contains(status, " 408 ") {
		t.Errorf("got %q, want 408", status)
	}
}

// rawGet asks for a path as it is, uncleaned by any client, and returns the
// status.
func rawGet(t *testing.T, s *server, path string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
