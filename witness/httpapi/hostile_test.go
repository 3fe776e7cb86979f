package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPerClientLimit(t *testing.T) {
	now := time.Date(2026, 5, 12, 0, 0, 0, 0, time.UTC)
	s := newStage(t, Options{PerClientPerSecond: .5, PerClientBurst: 2, Now: func() time.Time { return now }})
	forwarded := s.serve(true)
	health := func(url string, header ...string) answer { return s.do("GET", url+"/healthz", "", header...) }
	for range 2 {
		if a := health(s.url); a.status != 200 {
			t.Fatalf("within the burst: %d", a.status)
		}
	}
	a := health(s.url, "X-Forwarded-For", "192.0.2.9")
	if a.status != 429 || a.header.Get("Retry-After") != "2" {
		t.Errorf("beyond it, with a header that we do not trust: %d, retry after %q", a.status, a.header.Get("Retry-After"))
	}
	for i, c := range []struct {
		from string
		want int
	}{
		{"192.0.2.1", 200}, {"192.0.2.1", 200}, {"192.0.2.1", 429},
		{"192.0.2.77, 192.0.2.1", 429}, // what the client claims does not help it
		{"192.0.2.1, 192.0.2.2", 200},
		{"2001:db8::1", 200}, {"2001:db8::2", 200}, {"2001:db8::3", 429}, // one network
		{"2001:db8:0:1::3", 200},
		{"::ffff:192.0.2.1", 429},
	} {
		if a := health(forwarded, "X-Forwarded-For", c.from); a.status != c.want {
			t.Errorf("%d, from %s: got %d, want %d", i, c.from, a.status, c.want)
		}
	}
}

// TestSlowBodies: one client that sends its bodies slowly uses up its own share
// and nobody else's.
func TestSlowBodies(t *testing.T) {
	s := newStage(t, Options{})
	forwarded := s.serve(true)
	address := strings.TrimPrefix(forwarded, "http://")
	var conns []net.Conn
	for range maxClientAtOnce {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		fmt.Fprintf(conn, "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 100\r\n\r\nold ")
	}
	eventually(t, func() bool {
		return s.do("GET", forwarded+"/healthz", "", "X-Forwarded-For", "192.0.2.1").status == 503
	})
	if a := s.do("GET", forwarded+"/healthz", "", "X-Forwarded-For", "192.0.2.2"); a.status != 200 {
		t.Errorf("another client: got %d", a.status)
	}
	for _, conn := range conns {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, func() bool {
		return s.do("GET", forwarded+"/healthz", "", "X-Forwarded-For", "192.0.2.1").status == 200
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
	}
}

// TestHostileHTTP sends what no log sends. The witness answers an error or hangs
// up, and goes on.
func TestHostileHTTP(t *testing.T) {
	s := newStage(t, Options{})
	address := strings.TrimPrefix(s.url, "http://")
	for name, raw := range map[string]string{
		"garbage":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"huge header":     "GET / HTTP/1.1\r\nHost: w\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"two lengths":     "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nold ",
		"negative length": "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: -1\r\n\r\n",
		"endless chunks":  "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n", 64),
		"bad chunk":       "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"dots":            "GET /../../etc/passwd HTTP/1.1\r\nHost: w\r\n\r\n",
		"encoded slash":   "GET /..%2f..%2fdata/checkpoint HTTP/1.1\r\nHost: w\r\n\r\n",
		"null":            "GET /%00/checkpoint HTTP/1.1\r\nHost: w\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(conn, raw) }() // it may be cut off
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && resp.StatusCode < 300 {
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
		_ = conn.Close()
	}
	if a := s.do("POST", s.url+"/add-checkpoint", s.request(0, 1, false)); a.status != 200 {
		t.Errorf("afterwards: got %d %q", a.status, a.body)
	}
}
