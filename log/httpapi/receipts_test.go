package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	"github.com/armalo/receiptlog/log/logtest"
)

func TestSubmit(t *testing.T) {
	s := serve(t)
	data := s.Issuer.Receipt("run-1")
	a := s.submit(data)
	if a.StatusCode != http.StatusCreated || a.Header.Get("Content-Type") != api.MediaJSON {
		t.Fatalf("got %s: %s", a.Status, clip(a.Body))
	}
	result := parse[api.SubmitResult](t, a)
	if result.Index != 1 || result.Duplicate || result.RunID != "run-1" || len(result.ReceiptHash) != 64 {
		t.Errorf("got %+v", result)
	}
	s.Verify(result.Bundle)
	if got := s.get(a.Header.Get("Location")); got.StatusCode != 200 {
		t.Errorf("Location %s: %s", a.Header.Get("Location"), got.Status)
	}
	again := s.submit(data)
	repeat := parse[api.SubmitResult](t, again)
	if again.StatusCode != http.StatusOK || repeat.Index != 1 || !repeat.Duplicate {
		t.Errorf("again: %s, %+v", again.Status, repeat)
	}
	s.Verify(repeat.Bundle)
}

func TestSubmitAsync(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.CheckpointInterval, o.RepublishInterval = time.Hour, time.Hour })
	data := s.Issuer.Receipt("run-1")
	for n, prefer := range []string{"respond-async", "wait=0, Respond-Async", "respond-async; wait=\"1\", wait=1"} {
		began := time.Now()
		a := s.submit(data, "Prefer", prefer)
		if a.StatusCode != http.StatusAccepted || a.Header.Get("Preference-Applied") != api.PreferAsync {
			t.Fatalf("%s: %s: %s", prefer, a.Status, clip(a.Body))
		}
		if got := parse[api.Sequenced](t, a); got.Index != 1 || got.Status != api.StatusSequenced || got.RunID != "run-1" || a.Header.Get("Location") == "" {
			t.Errorf("%s: %+v", prefer, got)
		}
		if waited := time.Since(began) >= time.Second; waited != (n == 2) {
			t.Errorf("%s: took %s", prefer, time.Since(began))
		}
	}
}

// A submitter who waits in vain is told that the receipt is safe.
func TestPublicationIsLate(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.CheckpointInterval, o.RepublishInterval = time.Hour, time.Hour })
	s.Handler.SetTimeouts(time.Second, time.Second, 50*time.Millisecond, time.Second)
	a := s.submit(s.Issuer.Receipt("run-1"))
	s.wantProblem(a, http.StatusServiceUnavailable, api.CodeTimeout)
	if a.Header.Get("Retry-After") == "" || !bytes.Contains(a.Body, []byte("durable")) {
		t.Errorf("got %v %s", a.Header, a.Body)
	}
	s.wantProblem(s.get(api.BundleRoute("run-1")), http.StatusServiceUnavailable, api.CodeTimeout)
}

func TestGetReceiptAndBundle(t *testing.T) {
	s := serve(t)
	runID := "Run.with_an~odd-name"
	b := s.Submit(s.Issuer.Receipt(runID))
	a := s.get(api.RunRoute(runID))
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != api.MediaCredential || !bytes.Equal(a.Body, b.Receipt) {
		t.Fatalf("receipt: %s: %s", a.Status, clip(a.Body))
	}
	if again := s.get(api.RunRoute(runID), "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("with its tag: %s", again.Status)
	}
	got := s.get(api.BundleRoute(runID))
	if got.Header.Get("Content-Type") != api.MediaJSON {
		t.Errorf("bundle: %s", got.Header.Get("Content-Type"))
	}
	s.Verify(got.Body)
	for _, a := range []answer{
		s.get(api.BundleRoute(runID)+"?format=tlog-proof", "Accept", api.MediaJSON),
		s.get(api.BundleRoute(runID), "Accept", api.MediaProof),
		s.get(api.BundleRoute(runID), "Accept", "application/json;q=0.5, text/x.tlog.proof"),
	} {
		p, err := proof.Parse(a.Body)
		if err != nil || a.Header.Get("Content-Type") != api.MediaProof || a.Header.Get("Vary") != "Accept" {
			t.Errorf("tlog-proof: %v, %v", a.Header, err)
			continue
		}
		joined, err := bundle.FromTlogProof(b.Receipt, p)
		if err != nil || joined.Index != b.Index || !bytes.Equal(joined.Entry, b.Entry) {
			t.Errorf("tlog-proof does not open the entry: %v", err)
		}
	}
}

func TestQueriesAreStrict(t *testing.T) {
	s := serve(t)
	b := s.Submit(s.Issuer.Receipt("run-1"))
	route := api.BundleRoute("run-1")
	for query, status := range map[string]int{
		"":                 200,
		"?index=1":         200,
		"?format=json":     200,
		"?index=2":         404,
		"?index=01":        400,
		"?index=+1":        400,
		"?index=":          400,
		"?index=1&index=1": 400,
		"?format=xml":      400,
		"?indx=1":          400,
		"?%zz":             400,
		"?a;b":             400,
	} {
		if a := s.get(route + query); a.StatusCode != status {
			t.Errorf("%q: %s, want %d", query, a.Status, status)
		}
	}
	if b.Index != 1 {
		t.Errorf("entry %d", b.Index)
	}
	s.wantProblem(s.get(api.RunRoute("run-1")+"?format=json"), 400, verdict.Malformed)
}

// Two receipts of a run are both shown.
func TestConflictIsShown(t *testing.T) {
	s := serve(t)
	one := s.Submit(s.Issuer.Receipt("run-1"))
	two := s.Submit(s.Issuer.Receipt("run-1", logtest.Summary("another story")))
	for _, route := range []string{api.RunRoute("run-1"), api.BundleRoute("run-1")} {
		a := s.get(route)
		if a.StatusCode != http.StatusMultipleChoices {
			t.Fatalf("%s: %s", route, a.Status)
		}
		listing := parse[api.RunListing](t, a)
		if listing.RunID != "run-1" || len(listing.Receipts) != 2 || listing.Receipts[0].Index != one.Index || listing.Receipts[1].Index != two.Index {
			t.Fatalf("%s: %+v", route, listing)
		}
		if !bytes.Equal(listing.Receipts[1].Receipt, two.Receipt) {
			t.Errorf("%s: the listing shows another receipt", route)
		}
		s.Verify(s.get(listing.Receipts[1].BundleURL).Body)
	}
	if a := s.get(api.RunRoute("run-1") + "?index=" + strconv.FormatUint(two.Index, 10)); !bytes.Equal(a.Body, two.Receipt) {
		t.Errorf("picked: %s", a.Status)
	}
}

// TestErasedReceiptOfARunIsShown holds that a run with an erased receipt and
// another one does not look like a run with one.
func TestErasedReceiptOfARunIsShown(t *testing.T) {
	s := serve(t, func(o *log.Options) { o.Retention.Interval = 5 * time.Millisecond })
	one := s.Submit(s.Issuer.Receipt("run-1"))
	two := s.Submit(s.Issuer.Receipt("run-1", logtest.Summary("another story")))
	handle := logtest.Must(s.Log.Handle("acme"))
	erasure, _, err := s.Log.Keeper().Erase(t.Context(), handle, []uint64{one.Index}, "GDPR Article 17", "case 31")
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range []string{api.RunRoute("run-1"), api.BundleRoute("run-1")} {
		var listing api.RunListing
		for range 1000 {
			if listing = parse[api.RunListing](t, s.get(route)); len(listing.Erased) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if len(listing.Receipts) != 1 || listing.Receipts[0].Index != two.Index || len(listing.Erased) != 1 || listing.Erased[0] != (api.RunErased{Index: one.Index, Erasure: erasure}) {
			t.Errorf("%s: %+v", route, listing)
		}
	}
	if a := s.get(api.RunRoute("run-1") + "?index=" + strconv.FormatUint(two.Index, 10)); a.StatusCode != http.StatusOK {
		t.Errorf("the one that is there: %s", a.Status)
	}
	s.wantProblem(s.get(api.RunRoute("run-1")+"?index="+strconv.FormatUint(one.Index, 10)), http.StatusGone, verdict.Erased)
}

// What is private cannot be told from what is not there.
func TestPrivateIsAsAbsent(t *testing.T) {
	s := serve(t)
	data := s.Issuer.Receipt("hidden", logtest.Private)
	if a := s.submit(data); a.StatusCode != http.StatusCreated {
		t.Fatalf("the submitter gets the bundle all the same: %s", a.Status)
	}
	for _, route := range []func(string) string{api.RunRoute, api.BundleRoute} {
		for _, query := range []string{"", "?index=1"} {
			hidden, absent := s.get(route("hidden")+query), s.get(route("absent")+query)
			s.wantProblem(hidden, http.StatusNotFound, verdict.NotLogged)
			hidden.Header.Del("X-Request-Id")
			absent.Header.Del("X-Request-Id")
			hidden.Header.Del("Date")
			absent.Header.Del("Date")
			if !bytes.Equal(hidden.Body, absent.Body) || headerText(hidden) != headerText(absent) {
				t.Errorf("hidden: %s %s\nabsent: %s %s", headerText(hidden), hidden.Body, headerText(absent), absent.Body)
			}
		}
	}
	// A public one of the same run is shown alone.
	open := s.Submit(s.Issuer.Receipt("hidden"))
	if a := s.get(api.RunRoute("hidden")); a.StatusCode != 200 || !bytes.Equal(a.Body, open.Receipt) {
		t.Errorf("got %s", a.Status)
	}
}

func headerText(a answer) string {
	var b strings.Builder
	a.Header.Write(&b)
	return b.String()
}

func TestVerifyExternal(t *testing.T) {
	s := serve(t)
	logged := s.Submit(s.Issuer.Receipt("run-1"))
	stranger := logtest.NewKeyIssuer().Receipt("elsewhere")
	unsigned := bytes.Replace(logged.Receipt, []byte("acme"), []byte("emca"), 1)
	other := s.Submit(s.Issuer.Receipt("run-2"))
	ask := func(req api.VerifyRequest) *verdict.Verdict {
		body, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		a := s.do(http.MethodPost, api.RouteVerifyExternal, body, "Content-Type", api.MediaJSON)
		if a.StatusCode != 200 {
			t.Fatalf("got %s: %s", a.Status, clip(a.Body))
		}
		v := parse[verdict.Verdict](t, a)
		return &v
	}
	for _, tt := range []struct {
		name     string
		req      api.VerifyRequest
		verified bool
		code     verdict.Code
		check    string
		status   verdict.Status
	}{
		{"logged here, no bundle", api.VerifyRequest{Receipt: logged.Receipt}, true, "", "inclusion", verdict.Passed},
		{"with its bundle", api.VerifyRequest{Receipt: logged.Receipt, Bundle: logged.Marshal()}, true, "", "inclusion", verdict.Passed},
		{"with its diff", api.VerifyRequest{Receipt: logged.Receipt, Diff: api.DiffOf([]byte("hello world"))}, true, "", "diff", verdict.Passed},
		{"with another diff", api.VerifyRequest{Receipt: logged.Receipt, Diff: api.DiffOf([]byte("hello wordl"))}, false, verdict.DiffHashMismatch, "diff", verdict.Failed},
		{"logged nowhere", api.VerifyRequest{Receipt: stranger}, true, "", "inclusion", verdict.NotChecked},
		{"changed", api.VerifyRequest{Receipt: unsigned}, false, verdict.SignatureInvalid, "signature", verdict.Failed},
		{"changed, with the bundle", api.VerifyRequest{Receipt: unsigned, Bundle: logged.Marshal()}, false, verdict.CommitmentMismatch, "bundle", verdict.Failed},
		{"with another's bundle", api.VerifyRequest{Receipt: logged.Receipt, Bundle: other.Marshal()}, false, verdict.CommitmentMismatch, "bundle", verdict.Failed},
		{"with no bundle's bundle", api.VerifyRequest{Receipt: logged.Receipt, Bundle: jsontext.Value("[]")}, false, verdict.Malformed, "bundle", verdict.Failed},
		{"no receipt", api.VerifyRequest{Receipt: jsontext.Value("7")}, false, verdict.SchemaInvalid, "receipt", verdict.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := ask(tt.req)
			if v.Verified != tt.verified {
				t.Errorf("verified %v: %+v", v.Verified, v.Reasons)
			}
			if tt.code != "" && (len(v.Reasons) == 0 || v.Reasons[len(v.Reasons)-1].Code != tt.code) {
				t.Errorf("reasons %+v, want %s", v.Reasons, tt.code)
			}
			for _, c := range v.Checks {
				if c.Name == tt.check && c.Status == tt.status {
					return
				}
			}
			t.Errorf("no check %q is %s: %+v", tt.check, tt.status, v.Checks)
		})
	}
	for _, body := range []string{"", "{}", "[]", `{"receipt":{},"bundel":{}}`, `{"receipt":{},"diff":7}`, `{"receipt":{},"receipt":{}}`, "{\"receipt\":\"\xff\"}"} {
		s.wantProblem(s.do(http.MethodPost, api.RouteVerifyExternal, []byte(body), "Content-Type", api.MediaJSON), 400, verdict.Malformed)
	}
	if s.Size() != 3 {
		t.Errorf("verification appended something: %d entries", s.Size())
	}
}

// TestReadinessNamesIssuers holds that an issuer whose document cannot be had is
// named, and that the log is ready all the same.
func TestReadinessNamesIssuers(t *testing.T) {
	s := serve(t)
	s.Submit(s.Issuer.Receipt("run-1"))
	s.Resolver.Break(errors.New("connection refused"))
	var state struct {
		OK      bool `json:"ok"`
		Issuers []struct {
			Issuer string    `json:"issuer"`
			Since  time.Time `json:"since"`
			Seen   time.Time `json:"seen"`
			Until  time.Time `json:"until"`
		} `json:"issuers"`
	}
	for range 400 {
		if err := json.Unmarshal(s.get("/readyz").Body, &state); err != nil {
			t.Fatal(err)
		}
		if len(state.Issuers) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !state.OK || len(state.Issuers) != 1 || state.Issuers[0].Issuer != s.Issuer.DID {
		t.Fatalf("readyz says %+v", state)
	}
	if i := state.Issuers[0]; i.Seen.After(i.Since) || !i.Until.After(i.Since) {
		t.Errorf("readyz says %+v", i)
	}
	s.Resolver.Break(nil) // for the checks at the end
}

func TestHealthAndReadiness(t *testing.T) {
	s := serve(t)
	if a := s.get("/healthz"); a.StatusCode != 200 {
		t.Errorf("healthz: %s", a.Status)
	}
	if a := s.get("/readyz"); a.StatusCode != 200 {
		t.Errorf("readyz: %s: %s", a.Status, a.Body)
	}
	s.Handler.Drain()
	if a := s.get("/readyz"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz while draining: %s", a.Status)
	}
	if a := s.get("/healthz"); a.StatusCode != 200 {
		t.Errorf("healthz while draining: %s", a.Status)
	}
}

// The log that waits longer than it may for a checkpoint says so.
func TestNotReadyWithAStaleCheckpoint(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) {
		o.CheckpointInterval, o.RepublishInterval = time.Hour, time.Hour
		o.Clock = func() time.Time { return time.Now().Add(-2 * time.Minute) }
	})
	h, err := httpapi.New(w.Log, httpapi.Options{MaxAge: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecorder()
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "/readyz", nil)
	h.ServeHTTP(rec, req)
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "more than the 1m0s allowed") {
		t.Errorf("got %d %s", rec.Code, rec.Body)
	}
}

func TestResultIsTheWireType(t *testing.T) {
	b := &bundle.Bundle{Receipt: []byte("{}"), Entry: []byte("{}"), Checkpoint: []byte("log.example\n")}
	for _, tt := range []struct {
		result *api.SubmitResult
		bundle *bundle.Bundle
	}{
		{result: &api.SubmitResult{Index: 7, ReceiptHash: "ab"}},
		{&api.SubmitResult{Index: 1 << 52, Duplicate: true, RunID: "\"\\\u2028<é", ReceiptHash: "00"}, b},
	} {
		wire := *tt.result
		if tt.bundle != nil {
			wire.Bundle = tt.bundle.Marshal()
		}
		want, err := json.Marshal(wire)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(append(httpapi.AppendResult([]byte("{"), tt.result, tt.bundle), '}')); got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
