package api_test

import (
	"encoding/json/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
)

// pages serves a search of a hundred receipts, with cursors that are indices.
func pages(t *testing.T, spoil func(*api.Found)) *api.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		below := 100
		if c := r.FormValue(api.QueryCursor); c != "" {
			below, _ = strconv.Atoi(c)
		}
		limit, _ := strconv.Atoi(r.FormValue(api.QueryLimit))
		var page api.Found
		for range min(limit, 30) { // the log may answer with less than was asked for
			if below--; below < 0 {
				break
			}
			page.Receipts = append(page.Receipts, search.Hit{Index: uint64(below)})
		}
		if below > 0 {
			page.Next = strconv.Itoa(below)
		}
		spoil(&page)
		data, err := json.Marshal(page)
		if err != nil {
			t.Error(err)
		}
		w.Write(data)
	}))
	t.Cleanup(server.Close)
	client, err := api.New(server.URL, api.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestSearchGoesThroughAllPages(t *testing.T) {
	client := pages(t, func(*api.Found) {})
	for most, want := range map[int]int{0: 100, 1: 1, 30: 30, 31: 31, 99: 99, 1000: 100} {
		n := 0
		for hit, err := range client.Search(t.Context(), search.Query{Model: "m"}, most) {
			if n++; err != nil || hit.Index != uint64(100-n) {
				t.Fatalf("at most %d: hit %d is %d, %v", most, n, hit.Index, err)
			}
		}
		if n != want {
			t.Errorf("at most %d: %d", most, n)
		}
	}
}

// A log that goes in circles, or answers with more than was asked for, is found
// out, and the search ends.
func TestSearchDistrustsTheLog(t *testing.T) {
	for name, spoil := range map[string]func(*api.Found){
		"out of order":     func(p *api.Found) { p.Receipts[0].Index = 1 },
		"in circles":       func(p *api.Found) { p.Next = "100" },
		"empty in circles": func(p *api.Found) { p.Receipts, p.Next = nil, "50" },
		"too many":         func(p *api.Found) { p.Receipts = make([]search.Hit, 1001) },
		"a vast cursor":    func(p *api.Found) { p.Next = strings.Repeat("9", 65) },
	} {
		n, failed := 0, false
		for _, err := range pages(t, spoil).Search(t.Context(), search.Query{}, 0) {
			if failed = err != nil; failed {
				break
			}
			if n++; n > 1000 {
				break
			}
		}
		if !failed {
			t.Errorf("%s: %d hits and no error", name, n)
		}
	}
}
