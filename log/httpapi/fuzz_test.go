package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestParsePrefer(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   preference
	}{
		{nil, preference{}},
		{[]string{"respond-async"}, preference{async: true}},
		{[]string{"Respond-Async; foo=bar"}, preference{async: true}},
		{[]string{"return=minimal", "wait=10, respond-async"}, preference{async: true, wait: 10 * time.Second}},
		{[]string{`wait="3", wait=9`}, preference{wait: 3 * time.Second}},
		{[]string{"wait=-1"}, preference{}},
		{[]string{"wait=999999"}, preference{wait: maxPreferredWait}},
		{[]string{`foo="respond-async, x"`}, preference{}},
		{[]string{`foo="\", respond-async`}, preference{}}, // never closed
		{[]string{"respond-asynchronous"}, preference{}},
	} {
		if got := parsePrefer(tt.values); got != tt.want {
			t.Errorf("%q: got %+v, want %+v", tt.values, got, tt.want)
		}
	}
}

func TestChooseCoding(t *testing.T) {
	for field, want := range map[string]coding{
		"":                             codingIdentity,
		"gzip":                         codingGzip,
		"x-gzip":                       codingGzip,
		"GZIP;Q=1.0":                   codingGzip,
		"gzip;q=0":                     codingIdentity,
		"gzip;q=0.000":                 codingIdentity,
		"gzip; q=0.001":                codingGzip,
		"*":                            codingGzip,
		"*;q=0":                        codingNone,
		"*;q=0, identity;q=0.5":        codingIdentity,
		"*;q=0, gzip":                  codingGzip,
		"identity;q=0":                 codingNone,
		"identity;q=0, gzip;q=0.1":     codingGzip,
		"identity, gzip;q=0.5":         codingIdentity,
		"br, deflate":                  codingIdentity,
		"gzip;q=2":                     codingIdentity, // no qvalue: ignored
		"gzip;q=0.1234":                codingIdentity,
		"gzip;q=":                      codingIdentity,
		"br;q=1.0, gzip;q=0.8, *;q=.1": codingGzip,
	} {
		var values []string
		if field != "" {
			values = []string{field}
		}
		if got := chooseCoding(values); got != want {
			t.Errorf("%q: got %d, want %d", field, got, want)
		}
	}
}

func FuzzParsePrefer(f *testing.F) {
	for _, s := range []string{"", "respond-async", "wait=10, respond-async", `foo="a,b"; c, wait=1`, `"`, `a="\`, ",,;;==", "wait=99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := parsePrefer([]string{s})
		if p.wait < 0 || p.wait > maxPreferredWait {
			t.Errorf("waits %s", p.wait)
		}
		if p.async && !strings.Contains(strings.ToLower(s), api.PreferAsync) {
			t.Error("asks for what it does not say")
		}
	})
}

func FuzzChooseCoding(f *testing.F) {
	for _, s := range []string{"", "gzip", "gzip;q=0", "identity;q=0", "*;q=0, gzip;q=0.5", `gzip;q="1"`, ";", "gzip;;q=0", "\x00;q=0.\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		switch chooseCoding([]string{s}) {
		case codingGzip:
			if l := strings.ToLower(s); !strings.Contains(l, "gzip") && !strings.Contains(l, "*") {
				t.Error("gzip, which nobody named")
			}
		case codingNone:
			if l := strings.ToLower(s); !strings.Contains(l, "q") {
				t.Error("nothing acceptable, although nothing was excluded")
			}
		}
	})
}

func FuzzMatchesTag(f *testing.F) {
	for _, s := range []string{"", "*", `"a"`, `W/"a"`, `"b", "a"`, `"a`, `"a,b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if matchesTag([]string{s}, `"a"`) && !strings.Contains(s, `"a"`) && !strings.Contains(s, "*") {
			t.Error("matches a tag that is not there")
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"", "index=0", "index=9007199254740991", "index=01", "format=json", "format=tlog-proof&index=3", "index=1&index=2", "%", "index=%31", "a;b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := parseQuery(s)
		if err != nil {
			if verdict.CodeOf(err) != verdict.Malformed {
				t.Errorf("got %v", err)
			}
			return
		}
		again := url.Values{}
		if q.picked {
			again.Set(api.QueryIndex, strconv.FormatUint(q.index, 10))
		}
		if q.format != "" {
			again.Set(api.QueryFormat, q.format)
		}
		if back, err := parseQuery(again.Encode()); err != nil || back != q {
			t.Errorf("%+v comes back as %+v, %v", q, back, err)
		}
	})
}

func FuzzMatch(f *testing.F) {
	h := new(Handler)
	routes := h.table()
	for _, s := range []string{"/checkpoint", "/tile/0/000", "/tile/", api.RouteReceipts, api.RouteReceipts + "/", api.RouteReceipts + "/a%2Fb/bundle", api.RouteReceipts + "/%zz", "//", "", api.RouteReceipts + "/../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, arg, ok := routes.match(s)
		if r == nil {
			t.Fatal("no route to count it under")
		}
		if ok == (r == routes.fallback) {
			t.Errorf("found %v, but the route is %s", ok, r.name)
		}
		if (r == routes.receipt || r == routes.bundle) && arg == "" {
			t.Error("a run without a name")
		}
	})
}

func FuzzLineReader(f *testing.F) {
	for _, s := range []string{"", "\n", "a\nb", "a\r\n\r\nb\r\n", strings.Repeat("x", 100) + "\ny\n", " \t\n{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const max = 40
		l := newLineReader(bytes.NewReader(data), max)
		for n := 0; ; n++ {
			line, err := l.next(nil)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil && verdict.CodeOf(err) != verdict.TooLarge {
				t.Fatalf("got %v", err)
			}
			if n > len(data) || len(line) > max+len("\r\n") || bytes.ContainsAny(line, "\n") {
				t.Fatalf("line %d is %q", l.number, line)
			}
			if err == nil && len(line) == 0 {
				t.Fatal("a blank line")
			}
		}
		if want := bytes.Count(data, []byte("\n")); l.number != want && l.number != want+1 {
			t.Errorf("counted %d lines, there are %d newlines", l.number, want)
		}
	})
}

func FuzzParseVerifyRequest(f *testing.F) {
	for _, s := range []string{`{"receipt":{}}`, `{"receipt":{},"bundle":{},"diff":"x"}`, `{"receipt":{},"diff":{"sha256":"00"}}`, `{}`, `[]`, `{"receipt":1,"receipt":2}`, `{"receipt":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := parseVerifyRequest(data)
		if err == nil && req.Receipt == nil {
			t.Error("no receipt, and no error")
		}
		if err != nil && verdict.CodeOf(err) != verdict.Malformed {
			t.Errorf("got %v", err)
		}
	})
}
