package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestCheckpoint(t *testing.T) {
	s := serve(t)
	b := s.Submit(s.Issuer.Receipt("run-1"))
	a := s.get("/checkpoint")
	if got := a.Header.Get("Content-Type"); a.StatusCode != 200 || got != "text/plain; charset=utf-8" {
		t.Fatalf("got %s, %s", a.Status, got)
	}
	cp, err := checkpoint.ParseSigned(a.Body)
	if err != nil || cp.Size <= b.Index {
		t.Fatalf("got size %d, %v", cp.Size, err)
	}
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "max-age=1") {
		t.Errorf("Cache-Control is %q", got)
	}
	if again := s.get("/checkpoint", "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || len(again.Body) != 0 {
		t.Errorf("with its tag: %s, %d bytes", again.Status, len(again.Body))
	}
	s.Submit(s.Issuer.Receipt("run-2"))
	if again := s.get("/checkpoint", "If-None-Match", a.Header.Get("ETag")); again.StatusCode != 200 {
		t.Errorf("with the tag of an older one: %s", again.Status)
	}
}

// path of tiles in a tree of 300 entries.
func TestTiles(t *testing.T) {
	s := serve(t)
	s.Fill(298)
	s.Submit(s.Issuer.Receipt("last")) // with the issuer's document, 300 entries
	for _, tt := range []struct {
		path string
		size int // in hashes; 0: not there
	}{
		{"/tile/0/000", 256},
		{"/tile/0/001.p/44", 44},
		{"/tile/0/001.p/7", 7}, // a prefix of what the tree has
		{"/tile/0/000.p/255", 255},
		{"/tile/1/000.p/1", 1},
		{"/tile/0/001.p/45", 0},
		{"/tile/0/001", 0},
		{"/tile/1/000.p/2", 0},
		{"/tile/2/000.p/1", 0},
		{"/tile/0/002.p/1", 0},
		{"/tile/0/x001/x234/067", 0},
	} {
		a := s.get(tt.path)
		if tt.size == 0 {
			s.wantProblem(a, http.StatusNotFound, verdict.NotLogged)
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: what may come yet has Cache-Control %q", tt.path, got)
			}
			continue
		}
		if a.StatusCode != 200 || len(a.Body) != tt.size*32 {
			t.Errorf("%s: %s, %d bytes", tt.path, a.Status, len(a.Body))
		}
		if got := a.Header.Get("Content-Type"); got != "application/octet-stream" {
			t.Errorf("%s: Content-Type %q", tt.path, got)
		}
		if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") || !strings.Contains(got, "max-age=31536000") {
			t.Errorf("%s: Cache-Control %q", tt.path, got)
		}
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", tt.path, got)
		}
	}
}

func TestEntriesAndTheirCodings(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1"))
	const path = "/tile/entries/000.p/2"
	plain := s.get(path)
	entries, err := tile.SplitEntries(plain.Body)
	if err != nil || len(entries) != 2 || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%s: %d entries, %v", plain.Status, len(entries), err)
	}
	zipped := s.get(path, "Accept-Encoding", "br, gzip")
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("ETag") == plain.Header.Get("ETag") {
		t.Errorf("gzip: %v", zipped.Header)
	}
	r, err := gzip.NewReader(bytes.NewReader(zipped.Body))
	if err != nil {
		t.Fatal(err)
	}
	if inflated, err := io.ReadAll(r); err != nil || !bytes.Equal(inflated, plain.Body) {
		t.Errorf("gzip does not inflate to the same: %v", err)
	}
	for _, a := range []answer{plain, zipped} {
		if a.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Vary is %q", a.Header.Get("Vary"))
		}
	}
	if a := s.get(path, "Accept-Encoding", "gzip;q=0"); a.Header.Get("Content-Encoding") != "" || !bytes.Equal(a.Body, plain.Body) {
		t.Errorf("gzip excluded: %v", a.Header)
	}
	s.wantProblem(s.get(path, "Accept-Encoding", "identity;q=0"), http.StatusNotAcceptable, "not_acceptable")
	if a := s.get(path, "Accept-Encoding", "gzip", "If-None-Match", `"x", W/`+zipped.Header.Get("ETag")); a.StatusCode != http.StatusNotModified {
		t.Errorf("with its tag: %s", a.Status)
	}
}

func TestHeadSaysWhatGetWould(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1"))
	for _, path := range []string{"/checkpoint", "/tile/0/000.p/2", "/tile/entries/000.p/1", api.RunRoute("run-1"), api.BundleRoute("run-1"), "/healthz"} {
		get, head := s.get(path), s.do(http.MethodHead, path, nil)
		if head.StatusCode != 200 || len(head.Body) != 0 {
			t.Errorf("HEAD %s: %s, %d bytes", path, head.Status, len(head.Body))
		}
		for _, name := range []string{"Content-Length", "Content-Type", "Etag", "Cache-Control"} {
			if got, want := head.Header.Get(name), get.Header.Get(name); got != want {
				t.Errorf("HEAD %s: %s is %q, GET has %q", path, name, got, want)
			}
		}
	}
}

// Nothing is cleaned, joined or redirected, and no path reaches a file.
func TestHostileTilePaths(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1"))
	for _, path := range []string{
		"/tile/", "/tile/0", "/tile/0/", "/tile/0/0", "/tile/0/00", "/tile/00/000", "/tile/+0/000", "/tile/64/000", "/tile/-1/000",
		"/tile/0/000.p/0", "/tile/0/000.p/256", "/tile/0/000.p/01", "/tile/0/000.p/", "/tile/0/000.p/1/", "/tile/0/000.p", "/tile/0/x000/000",
		"/tile/0/000x", "/tile/0/1000", "/tile/0/x001", "/tile/0//000", "/tile//0/000", "/tile/0/../0/000.p/1", "/tile/0/%2e%2e/000", "/tile/0%2f000",
		"/tile/0/000%00", "/tile/0/%30%30%30.p/1", "/tile/entries/", "/tile/entries/000.p/1%0a", "/tile/entries/../../checkpoint", "/tile/data/000",
		"/tile/0/000.p/99999999999999999999", "/tile/0/" + strings.Repeat("x999/", 200) + "999", "/tile/18446744073709551616/000",
		"/tile/0/x18/x446/x744/x073/x709/x551/616", "/tile/../checkpoint", "//checkpoint", "/./checkpoint", "/checkpoint/", "/Checkpoint",
	} {
		a := s.get(path)
		if a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s: %s", path, a.Status, clip(a.Body))
		}
		if a.Header.Get("Content-Type") != api.MediaProblem {
			t.Errorf("%s: not a problem document: %s", path, clip(a.Body))
		}
	}
	if size := s.Size(); size != 2 {
		t.Errorf("%d entries", size)
	}
}

func TestBrowsers(t *testing.T) {
	s := serve(t)
	for path, methods := range map[string]string{
		"/checkpoint":           "GET, HEAD, OPTIONS",
		"/tile/0/000":           "GET, HEAD, OPTIONS",
		api.RunRoute("run-1"):   "GET, HEAD, OPTIONS",
		api.RouteVerifyExternal: "GET, HEAD, OPTIONS, POST",
	} {
		a := s.do(http.MethodOptions, path, nil, "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
		if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Methods") != methods {
			t.Errorf("%s: %s %v", path, a.Status, a.Header)
		}
	}
	// A web page must not submit in a visitor's name.
	if a := s.do(http.MethodOptions, api.RouteReceipts, nil); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("submission is open to web pages: %v", a.Header)
	}
}
