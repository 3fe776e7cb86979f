package httpapi_test

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
)

// privateOf makes a receipt one that only its organisation may see.
func privateOf(org string) func(*receipt.Credential) {
	return func(c *receipt.Credential) {
		c.CredentialSubject.Build.Org = org
		c.CredentialSubject.Build.PolicyGates = []receipt.Gate{{ID: receipt.GatePublish, Decision: receipt.Deny}}
	}
}

// by makes it one in which a model took part.
func by(provider, model string) func(*receipt.Credential) {
	return func(c *receipt.Credential) {
		c.CredentialSubject.Build.Models = []receipt.Model{{Provider: provider, Model: model, Role: receipt.RoleBuilder}}
	}
}

// found is a page, which must be one.
func (s *server) found(query string, headers ...string) (api.Found, answer) {
	s.T.Helper()
	a := s.get(api.RouteSearch+query, headers...)
	var page api.Found
	if err := json.Unmarshal(a.Body, &page, json.RejectUnknownMembers(true)); err != nil || a.StatusCode != http.StatusOK {
		s.T.Fatalf("%s: %s: %s, %v", query, a.Status, clip(a.Body), err)
	}
	return page, a
}

func runs(hits []search.Hit) (ids []string) {
	for _, h := range hits {
		ids = append(ids, h.RunID)
	}
	return ids
}

// Hits are newest first, say what is in their receipts, and can be proven.
func TestSearchFindsWhatCanBeProven(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1", by("acme", "small")))
	s.Submit(s.Issuer.Receipt("run-2", by("acme", "large")))
	s.Submit(s.Issuer.Receipt("run-3", by("acme", "small")))
	page, _ := s.found("?model=small&provider=acme")
	if got := strings.Join(runs(page.Receipts), " "); got != "run-3 run-1" || page.Size != 4 || page.Next != "" {
		t.Fatalf("got %s of %d, next %q", got, page.Size, page.Next)
	}
	for _, hit := range page.Receipts {
		a := s.get(hit.BundleURL)
		s.Verify(a.Body)
		r, err := receipt.Parse(s.get(api.RunRoute(hit.RunID)).Body)
		if err != nil {
			t.Fatal(err)
		}
		want := search.HitOf(r)
		want.Index, want.LoggedAt, want.BundleURL = hit.Index, hit.LoggedAt, hit.BundleURL
		if fmt.Sprint(want) != fmt.Sprint(hit) {
			t.Errorf("the hit says %+v, the receipt %+v", hit, want)
		}
	}
	if page, _ := s.found("?model=none"); len(page.Receipts) != 0 || page.Receipts == nil {
		t.Error("nothing is found as something else than an empty list")
	}
}

// Cursors go on where the page ended, though receipts come meanwhile and the log
// is opened again; the links say the same.
func TestSearchCursorsAreStable(t *testing.T) {
	s := serve(t)
	for i := range 7 {
		s.Submit(s.Issuer.Receipt(fmt.Sprint("run-", i)))
	}
	var got []string
	query := "?limit=2"
	next := regexp.MustCompile(`<(\?[^>]*)>; rel="next"`)
	for page := 0; ; page++ {
		found, a := s.found(query)
		got = append(got, runs(found.Receipts)...)
		m := next.FindStringSubmatch(strings.Join(a.Header.Values("Link"), ", "))
		if (m == nil) != (found.Next == "") {
			t.Fatalf("links %q, next %q", a.Header.Values("Link"), found.Next)
		}
		if m == nil {
			break
		}
		if q, err := url.ParseQuery(m[1][1:]); err != nil || q.Get(api.QueryCursor) != found.Next {
			t.Fatalf("the link is %s, next %q", m[1], found.Next)
		}
		query = m[1]
		s.Submit(s.Issuer.Receipt(fmt.Sprint("later-", page)))
		if page == 1 {
			s.Close()
			s.Open()
			s.listen()
		}
	}
	if want := "run-6 run-5 run-4 run-3 run-2 run-1 run-0"; strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
}

// A question that is misspelt, and a cursor that is not of this search, are
// refused with their code.
func TestSearchRefuses(t *testing.T) {
	s := serve(t)
	for i := range 3 {
		s.Submit(s.Issuer.Receipt(fmt.Sprint("run-", i)))
	}
	page, _ := s.found("?limit=1")
	cursor := page.Next
	other := "B" + cursor[1:]
	for query, code := range map[string]verdict.Code{
		"?x=1": verdict.Malformed, "?limit=0": verdict.Malformed, "?limit=1001": verdict.Malformed, "?limit=01": verdict.Malformed,
		"?model=": verdict.Malformed, "?model=a&model=b": verdict.Malformed, "?verdict=maybe": verdict.Malformed, "?commit=abc": verdict.Malformed,
		"?from=yesterday": verdict.Malformed, "?to=2026-05-12T10:00:00": verdict.Malformed, "?%zz": verdict.Malformed, "?model=%ff": verdict.Malformed,
		"?gateDecision=block": verdict.Malformed, "?configuration=ABC": verdict.Malformed, "?model=" + strings.Repeat("m", 5000): verdict.Malformed,
		"?cursor=":                       api.CodeCursorInvalid,
		"?cursor=abc":                    api.CodeCursorInvalid,
		"?cursor=" + other:               api.CodeCursorInvalid,
		"?cursor=" + cursor + "A":        api.CodeCursorInvalid,
		"?cursor=" + cursor + "&model=m": api.CodeCursorInvalid, // of another search
		"?cursor=" + strings.Repeat("A", len(cursor)):  api.CodeCursorInvalid,
		"?cursor=" + cursor[:len(cursor)-1] + "%3D":    api.CodeCursorInvalid,
		"?limit=1&cursor=" + strings.Repeat("A", 1000): api.CodeCursorInvalid,
	} {
		s.wantProblem(s.get(api.RouteSearch+query), http.StatusBadRequest, code)
	}
	s.wantProblem(s.get(api.RouteSearch, "Authorization", "Bearer nobody's"), http.StatusUnauthorized, api.CodeUnauthorized)
	s.wantProblem(s.do(http.MethodPost, api.RouteSearch, nil), http.StatusMethodNotAllowed, api.CodeMethodNotAllowed)
	if page, _ := s.found("?limit=3&cursor=" + cursor); len(page.Receipts) != 2 {
		t.Error("a cursor is not good with another limit")
	}
}

// Private receipts are found with a key only, and whether there are any changes
// nothing in the answer to who has none: neither hits nor cursors nor pages.
func TestSearchKeepsPrivateReceiptsPrivate(t *testing.T) {
	with, without := serve(t), serve(t)
	for i := range 4 {
		for _, s := range []*server{with, without} {
			s.Submit(s.Issuer.Receipt(fmt.Sprint("public-", i), by("acme", "m")))
		}
		for j := range 5 {
			with.Submit(with.Issuer.Receipt(fmt.Sprintf("private-%d-%d", i, j), by("acme", "m"), privateOf("umbrella")))
			without.Submit(without.Issuer.Receipt(fmt.Sprintf("other-%d-%d", i, j), by("other", "other")))
		}
	}
	for _, q := range []string{"?model=m&limit=1", "?org=umbrella", "?org=umbrella&model=m", "?gate=receipt.publish&gateDecision=deny", "?provider=acme"} {
		a, _ := with.found(q)
		b, _ := without.found(q)
		for i := range min(len(a.Receipts), len(b.Receipts)) {
			if a.Receipts[i].Index != b.Receipts[i].Index || a.Receipts[i].RunID != b.Receipts[i].RunID {
				t.Errorf("%s: %s against %s", q, a.Receipts[i].RunID, b.Receipts[i].RunID)
			}
		}
		if len(a.Receipts) != len(b.Receipts) || (a.Next == "") != (b.Next == "") {
			t.Errorf("%s: %d hits with private receipts in the log, %d without", q, len(a.Receipts), len(b.Receipts))
		}
	}
	all, a := with.found("?model=m", "Authorization", "Bearer "+with.auditor)
	if len(all.Receipts) != 24 || a.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("with a key: %d receipts, %s", len(all.Receipts), a.Header.Get("Cache-Control"))
	}
	if other, _ := with.found("?model=m", "Authorization", "Bearer "+with.key("acme", api.ScopeReceiptsRead)); len(other.Receipts) != 4 {
		t.Errorf("with a key of another organisation: %d receipts", len(other.Receipts))
	}
	own, _ := with.found("?model=m&limit=1000", "Authorization", "Bearer "+with.key("umbrella", api.ScopeReceiptsRead))
	if len(own.Receipts) != 24 {
		t.Errorf("with a key of the organisation: %d receipts", len(own.Receipts))
	}
	if none, _ := with.found("?model=m", "Authorization", "Bearer "+with.key("umbrella", api.ScopeReceiptsWrite)); len(none.Receipts) != 4 {
		t.Errorf("with a key that may not read: %d receipts", len(none.Receipts))
	}
	if mine, _ := with.found("?org=umbrella", "Authorization", "Bearer "+with.auditor); len(mine.Receipts) != 20 {
		t.Errorf("of one organisation: %d receipts", len(mine.Receipts))
	}
}

// A stream has every hit on a line of its own, and a last line that ends it.
func TestSearchStreams(t *testing.T) {
	s := serve(t)
	for i := range 5 {
		s.Submit(s.Issuer.Receipt(fmt.Sprint("run-", i)))
	}
	read := func(query string) (ids []string, end api.FoundEnd) {
		a := s.get(api.RouteSearch+query, "Accept", api.MediaNDJSON)
		lines := strings.Split(strings.TrimSuffix(string(a.Body), "\n"), "\n")
		for i, text := range lines {
			var hit search.Hit
			into := any(&hit)
			if i == len(lines)-1 {
				into = &end
			}
			if err := json.Unmarshal([]byte(text), into, json.RejectUnknownMembers(true)); err != nil {
				t.Fatalf("line %d: %v", i, err)
			}
			if i < len(lines)-1 {
				ids = append(ids, hit.RunID)
			}
		}
		return ids, end
	}
	if ids, end := read(""); len(ids) != 5 || end.Next != "" || end.Size != 6 || end.Error != nil {
		t.Fatal(ids, end)
	}
	ids, end := read("?limit=3")
	if len(ids) != 3 || end.Next == "" {
		t.Fatal(ids, end)
	}
	if ids, end = read("?cursor=" + end.Next); strings.Join(ids, " ") != "run-1 run-0" || end.Next != "" {
		t.Fatal(ids, end)
	}
	s.wantProblem(s.get(api.RouteSearch+"?x", "Accept", api.MediaNDJSON), http.StatusBadRequest, verdict.Malformed)
}

// Answers that are the same have the same tag, and need not be sent again.
func TestSearchTags(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1"))
	_, a := s.found("")
	if again := s.get(api.RouteSearch, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("got %s", again.Status)
	}
	s.Submit(s.Issuer.Receipt("run-2"))
	if again := s.get(api.RouteSearch, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusOK {
		t.Errorf("got %s", again.Status)
	}
}
