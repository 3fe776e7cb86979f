package httpapi_test

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

func (s *server) export(key string, r api.ExportRequest) answer {
	s.T.Helper()
	return s.do(http.MethodPost, api.RouteExport, logtest.Must(json.Marshal(r)), "Content-Type", api.MediaJSON, "Authorization", "Bearer "+key)
}

// archive reads an answer, and verifies each receipt in it.
func (s *server) archive(a answer) (*procurement.Archive, []string) {
	s.T.Helper()
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != api.MediaZip {
		s.T.Fatalf("%s %s", a.Status, clip(a.Body))
	}
	archive, err := procurement.Open(bytes.NewReader(a.Body), int64(len(a.Body)))
	if err != nil {
		s.T.Fatal(err)
	}
	var runs []string
	for _, path := range archive.Files() {
		for name, r := range archive.Receipts(path) {
			if r.Err != nil {
				s.T.Fatalf("%s: %v", name, r.Err)
			}
			if v := verify.Bundle(r.Bundle, verify.Options{Policy: s.Policy}); !v.Verified {
				s.T.Fatalf("%s: %+v", name, v.Reasons)
			}
			runs = append(runs, logtest.Must(receipt.Parse(r.Bundle.Receipt)).RunID())
		}
	}
	return archive, runs
}

// TestExport exports one organisation of two, with receipts that are public,
// private and erased, and in and out of the time asked for.
func TestExport(t *testing.T) {
	k := keep(t)
	of := func(org string) func(*receipt.Credential) {
		return func(c *receipt.Credential) { c.CredentialSubject.Build.Org = org }
	}
	k.Submit(k.Issuer.Receipt("run-early"))
	k.pass("P1D")
	from := k.now().Truncate(time.Second)
	for i := range 40 { // more than a worker's group
		k.Submit(k.Issuer.Receipt(fmt.Sprint("run-", i)))
		if i%4 == 0 {
			k.Submit(k.Issuer.Receipt(fmt.Sprint("other-", i), of("other"), logtest.Private))
		}
	}
	k.Submit(k.Issuer.Receipt("run-private", logtest.Private))
	k.Submit(k.Issuer.Receipt("run-erased"))
	k.pass("P1D")
	to := k.now().Truncate(time.Second)
	k.Submit(k.Issuer.Receipt("run-late"))
	boss := k.client(k.key("acme", api.ScopeRetentionWrite))
	logtest.Must(boss.SetRules(t.Context(), "acme", api.RulesRequest{Class: "log", Asked: "records"}))
	done := logtest.Must(boss.Erase(t.Context(), api.ErasureRequest{Org: "acme", RunID: "run-erased", Legal: "GDPR Article 17", Asked: "case 31"}))
	k.gone("run-erased")

	exporter, reader := k.key("acme", api.ScopeReceiptsExport), k.key("acme", api.ScopeReceiptsExport, api.ScopeReceiptsRead)
	a, runs := k.archive(k.export(exporter, api.ExportRequest{Org: "acme", From: from, To: to}))
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint("run-", i))
	}
	if !slices.Equal(runs, want) {
		t.Errorf("receipts %v", runs)
	}
	absent := a.Manifest().Absent
	if len(absent) != 2 || absent[0].Why != procurement.WhyPrivate || absent[1].Why != procurement.WhyErased {
		t.Fatalf("absent %+v", absent)
	}
	evidence := logtest.Must(a.Erasure(absent[1].Evidence))
	if e, err := verify.Erasure(evidence, k.Policy); err != nil || evidence.Index != done.Index || e.Ranges[0].First != *absent[1].Index {
		t.Errorf("the evidence of the erasure: %+v, %v", e, err)
	}
	governing := logtest.Must(a.Retention())
	if len(governing) != 1 || !strings.Contains(string(governing[0].Entry), `"class":"log"`) {
		t.Errorf("retention: %+v", governing)
	}
	statistics := string(logtest.Must(a.File(procurement.StatisticsName, 1<<20)))
	if !strings.Contains(statistics, `"receipts": 40`) {
		t.Errorf("%s", statistics)
	}
	if a.Manifest().Scope != "organisation acme, from "+from.UTC().Format(time.RFC3339)+", until "+to.UTC().Format(time.RFC3339) {
		t.Error(a.Manifest().Scope)
	}

	if _, runs := k.archive(k.export(reader, api.ExportRequest{Org: "acme"})); len(runs) != 43 || !slices.Contains(runs, "run-private") {
		t.Errorf("all of it, by one who reads private receipts: %v", runs)
	}
	if _, runs := k.archive(k.export(k.key("", api.ScopeReceiptsExport), api.ExportRequest{Org: "other"})); len(runs) != 0 {
		t.Errorf("private receipts of another organisation: %v", runs)
	}
	for _, tt := range []struct {
		request api.ExportRequest
		status  int
		code    verdict.Code
	}{
		{api.ExportRequest{Org: "other"}, http.StatusForbidden, api.CodeForbidden},
		{api.ExportRequest{Org: "nobody"}, http.StatusForbidden, api.CodeForbidden},
		{api.ExportRequest{}, http.StatusBadRequest, verdict.Malformed},
		{api.ExportRequest{Org: "acme", From: from.Add(time.Millisecond)}, http.StatusBadRequest, verdict.Malformed},
		{api.ExportRequest{Org: "acme", From: to, To: from}, http.StatusBadRequest, verdict.Malformed},
	} {
		k.wantProblem(k.export(exporter, tt.request), tt.status, tt.code)
	}
	k.wantProblem(k.export(k.key("", api.ScopeReceiptsExport), api.ExportRequest{Org: "nobody"}), http.StatusNotFound, verdict.NotLogged)
	page := logtest.Must(k.client(k.auditor).Trail(t.Context(), 0, 1000))
	if last := page.Acts[len(page.Acts)-1]; !slices.ContainsFunc(page.Acts, func(a api.Act) bool {
		return a.Act == "receipts.export" && a.Org == "acme" && a.Detail == "done: 40 receipts, 2 absent"
	}) {
		t.Errorf("the trail has no export of acme; its last act is %+v", last)
	}
}

// TestExportIsTheSame: the same question under the same checkpoint makes the same
// bytes, however the work is shared out.
func TestExportIsTheSame(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.RepublishInterval = time.Hour })
	for i := range 100 {
		s.Submit(s.Issuer.Receipt(fmt.Sprint("run-", i)))
	}
	key := s.key("acme", api.ScopeReceiptsExport)
	first := s.export(key, api.ExportRequest{Org: "acme"})
	for range 3 {
		if again := s.export(key, api.ExportRequest{Org: "acme"}); !bytes.Equal(first.Body, again.Body) {
			t.Fatal("the archives differ")
		}
	}
	if _, runs := s.archive(first); len(runs) != 100 {
		t.Errorf("%d receipts", len(runs))
	}
}
