package httpapi_test

import (
	"encoding/json/v2"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
)

// The history has every checkpoint that was published, in pages of any size, and
// each verifies.
func TestHistory(t *testing.T) {
	s := serve(t)
	for i := range 5 {
		s.Submit(s.Issuer.Receipt("run-" + strconv.Itoa(i)))
	}
	all := s.history(t, "limit=1000")
	if len(all) < 6 || all[0].Size != 0 || all[len(all)-1].Size != 6 {
		t.Fatalf("history has %d checkpoints", len(all))
	}
	for i, k := range all {
		v, err := s.Policy.Verify([]byte(k.Checkpoint))
		if err != nil || v.Checkpoint.Size != k.Size {
			t.Errorf("kept checkpoint of size %d: %v", k.Size, err)
		}
		if i > 0 && k.Size < all[i-1].Size {
			t.Errorf("size %d comes after %d", k.Size, all[i-1].Size)
		}
	}
	query, paged := "limit=2", 0
	for {
		page := s.history(t, query)
		for _, k := range page {
			if k != all[paged] {
				t.Fatalf("page has %d at %s, want %d at %s", k.Size, k.At, all[paged].Size, all[paged].At)
			}
			paged++
		}
		if len(page) < 2 {
			break
		}
		last := page[len(page)-1]
		query = "limit=2&from=" + strconv.FormatUint(last.Size, 10) + "&after=" + url.QueryEscape(last.At)
	}
	if paged < len(all) {
		t.Errorf("%d of %d checkpoints in pages", paged, len(all))
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=01", "from=-1", "after=now", "after=1969-01-01T00:00:00Z", "x=1", "from=1&from=2"} {
		resp, err := http.Get(s.URL + api.RouteHistory + "?" + bad)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered with %d", bad, resp.StatusCode)
		}
	}
}

func (s *server) history(t *testing.T, query string) (kept []api.KeptCheckpoint) {
	t.Helper()
	resp, err := http.Get(s.URL + api.RouteHistory + "?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	for line := range strings.Lines(string(body)) {
		var k api.KeptCheckpoint
		if err := json.Unmarshal([]byte(line), &k); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, k)
	}
	return kept
}
