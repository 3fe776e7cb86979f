package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/storage/cas"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/witness"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
)

const origin = "log.example/<a>"

// stage is a witness on HTTP, and a log to play with.
type stage struct {
	t      *testing.T
	w      *witness.Witness
	api    *API
	url    string
	signer *checkpoint.Signer
	tree   *testonly.Tree
}

func newStage(t *testing.T, o Options) *stage {
	db, err := kv.Open(t.TempDir(), kv.Options{Create: true, Origin: "witness"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	classic, _, err := checkpoint.GenerateCosignatureEd25519("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	quantum, _, err := checkpoint.GenerateMLDSA44("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := witness.NewKeys([]string{classic, quantum}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w, err := witness.New(cas.New(db), keys, witness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	skey, vkey, err := checkpoint.GenerateEd25519(origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddLog(witness.Log{Keys: []string{vkey}}); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, w: w, api: New(w, o), tree: testonly.New(rfc6962.DefaultHasher)}
	if s.signer, err = checkpoint.NewSigner(skey, nil); err != nil {
		t.Fatal(err)
	}
	s.url = s.serve(false)
	return s
}

// serve serves the API on one more listener and returns its URL.
func (s *stage) serve(forwarded bool) string {
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(s.api.Handler(forwarded), slog.New(slog.DiscardHandler))
	srv.Start()
	s.t.Cleanup(srv.Close)
	return srv.URL
}

// request returns an add-checkpoint request for the step between two sizes, with
// the first byte of the root changed if it shall be of another tree.
func (s *stage) request(from, to uint64, another bool) string {
	for n := s.tree.Size(); n < to; n++ {
		s.tree.AppendData(fmt.Appendf(nil, "%d", n))
	}
	c := checkpoint.Checkpoint{Origin: origin, Size: to, Root: [32]byte(s.tree.HashAt(to))}
	if another {
		c.Root[0] ^= 1
	}
	line, err := s.signer.SignLine(c.Body())
	if err != nil {
		s.t.Fatal(err)
	}
	request := fmt.Sprintf("old %d\n", from)
	if from != 0 {
		proof, err := s.tree.ConsistencyProof(from, to)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, h := range proof {
			request += base64.StdEncoding.EncodeToString(h) + "\n"
		}
	}
	return request + "\n" + string(c.Body()) + "\n" + string(line)
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *stage) do(method, url, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// TestStatuses goes through every status of the specification.
func TestStatuses(t *testing.T) {
	s := newStage(t, Options{})
	post := func(body string) answer { return s.do("POST", s.url+"/add-checkpoint", body) }
	hash := witness.HashOrigin(origin)

	if a := s.do("GET", s.url+"/"+hash+"/checkpoint", ""); a.status != 404 {
		t.Errorf("monitoring before the first checkpoint: %d", a.status)
	}
	first := s.request(0, 5, false)
	a := post(first)
	if a.status != 200 || strings.Count(a.body, "— witness.example/w ") != 2 || !strings.HasSuffix(a.body, "\n") {
		t.Fatalf("good request: %d %q", a.status, a.body)
	}
	m := s.do("GET", s.url+"/"+hash+"/checkpoint", "")
	_, signed, _ := strings.Cut(first, "\n\n")
	if m.status != 200 || m.body != signed+a.body {
		t.Errorf("monitoring: %d %q", m.status, m.body)
	}
	if h := s.do("HEAD", s.url+"/"+hash+"/checkpoint", ""); h.status != 200 || h.header.Get("Content-Length") != strconv.Itoa(len(m.body)) {
		t.Errorf("HEAD: %d %v", h.status, h.header)
	}

	unknown := strings.Replace(s.request(5, 6, false), origin, "other.example", 1)
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"malformed", "old x\n\n", 400},
		{"old size beyond the checkpoint", strings.Replace(s.request(5, 6, false), "old 5", "old 7", 1), 400},
		{"unknown log", unknown, 404},
		{"tampered body", strings.Replace(s.request(5, 6, false), "\n6\n", "\n7\n", 1), 403},
		{"old size not the last", s.request(4, 6, false), 409},
		{"fork of the same size", s.request(5, 5, true), 422},
		{"bad proof", s.request(5, 7, true), 422},
		{"as long as may be", strings.Repeat("x", witness.MaxRequestBytes), 400},
		{"too long", strings.Repeat("x", witness.MaxRequestBytes+1), 413},
	} {
		a := post(c.body)
		if a.status != c.status {
			t.Errorf("%s: got %d %q, want %d", c.name, a.status, a.body, c.status)
		}
		if a.status == 409 && (a.body != "5\n" || a.header.Get("Content-Type") != "text/x.tlog.size") {
			t.Errorf("%s: got %q of type %q", c.name, a.body, a.header.Get("Content-Type"))
		}
	}
	for path, want := range map[string]int{
		"/": 200, "/metrics": 200, "/healthz": 200, "/other": 404, "/x/checkpoint": 404, "/" + strings.ToUpper(hash) + "/checkpoint": 404,
		"/add-checkpoint": 405, "/sign-subtree": 405,
	} {
		if a := s.do("GET", s.url+path, ""); a.status != want {
			t.Errorf("GET %s: got %d, want %d", path, a.status, want)
		}
	}
	if a := s.do("POST", s.url+"/"+hash+"/checkpoint", ""); a.status != 405 {
		t.Errorf("POST to monitoring: %d", a.status)
	}
}

func TestSignSubtree(t *testing.T) {
	s := newStage(t, Options{})
	first := s.request(0, 2, false)
	cosigned := s.do("POST", s.url+"/add-checkpoint", first)
	_, signed, _ := strings.Cut(first, "\n\n")
	leaf := func(n uint64) string { return base64.StdEncoding.EncodeToString(s.tree.LeafHash(n)) + "\n" }
	request := "subtree 1 2\n" + leaf(1) + leaf(0) + "\n" + signed + cosigned.body
	a := s.do("POST", s.url+"/sign-subtree", request)
	if a.status != 200 || strings.Count(a.body, "\n") != 1 {
		t.Errorf("got %d %q", a.status, a.body)
	}
	if a := s.do("POST", s.url+"/sign-subtree", strings.Replace(request, leaf(0), leaf(1), 1)); a.status != 422 {
		t.Errorf("bad proof: got %d %q", a.status, a.body)
	}
	skey, _, err := checkpoint.GenerateCosignatureEd25519("w")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := witness.NewKeys([]string{skey}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.w.SetKeys(keys)
	if a := s.do("POST", s.url+"/sign-subtree", request); a.status != 404 {
		t.Errorf("without an ML-DSA-44 key: got %d %q", a.status, a.body)
	}
}

func TestStatusPage(t *testing.T) {
	s := newStage(t, Options{})
	page := s.do("GET", s.url+"/", "")
	if !strings.Contains(page.body, "log.example/&lt;a&gt;") || strings.Contains(page.body, "<a>") {
		t.Error("the origin is not on the page, or not escaped")
	}
	for _, vkey := range s.w.Keys().VKeys() {
		if !strings.Contains(page.body, strings.ReplaceAll(vkey, "+", "&#43;")) {
			t.Errorf("the page lacks the key %.40s", vkey)
		}
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("content security policy is %q", csp)
	}
	for n := range statusLogs {
		_, vkey, err := checkpoint.GenerateEd25519(fmt.Sprintf("more.example/%d", n))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.w.AddLog(witness.Log{Keys: []string{vkey}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(s.do("GET", s.url+"/", "").body, "<code>"); n != statusLogs {
		t.Errorf("%d logs on a page", n)
	}
	_, next, ok := strings.Cut(s.do("GET", s.url+"/", "").body, "?from=")
	if !ok {
		t.Fatal("no link to the next page")
	}
	if n := strings.Count(s.do("GET", s.url+"/?from="+next[:64], "").body, "<code>"); n != 1 {
		t.Errorf("%d logs on the second page", n)
	}
}

// TestMetricsAreBounded: whatever is asked, there are no more series.
func TestMetricsAreBounded(t *testing.T) {
	s := newStage(t, Options{})
	var lines [2]int
	for i := range lines {
		for n := range 20 {
			s.do("GET", fmt.Sprintf("%s/%d%d/checkpoint", s.url, i, n), "")
			s.do("POST", s.url+"/add-checkpoint", fmt.Sprint(i, n))
			s.do(fmt.Sprintf("M%dX%d", i, n), s.url+"/add-checkpoint", "")
		}
		for _, line := range strings.Split(s.do("GET", s.url+"/metrics", "").body, "\n") {
			if strings.HasPrefix(line, "receiptwitness_requests") {
				lines[i]++
			}
		}
		s.do("GET", s.url+"/metrics", "") // so that its own status is counted before the second round
	}
	if lines[0] == 0 || lines[1] > lines[0]+1 {
		t.Errorf("series grew from %d to %d", lines[0], lines[1])
	}
}

// TestRacesOverHTTP: logs that race each other over the wire leave one history.
func TestRacesOverHTTP(t *testing.T) {
	s := newStage(t, Options{})
	requests := []string{s.request(0, 3, false), s.request(0, 3, true), s.request(0, 4, false)}
	var mu sync.Mutex
	won := make(map[string]bool)
	var wg sync.WaitGroup
	for n := range 30 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(context.Background(), "POST", s.url+"/add-checkpoint", strings.NewReader(requests[n%3]))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
				return
			}
			if resp.StatusCode == 200 && bytes.Contains(body, []byte("— ")) {
				mu.Lock()
				defer mu.Unlock()
				won[requests[n%3]] = true
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d of three contradictory first checkpoints were cosigned", len(won))
	}
}
