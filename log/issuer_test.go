package log_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

var errOutage = errors.New("connection refused")

// slowly is a world with a clock of its own, in which issuers are asked as often
// as they are by default.
func slowly(t *testing.T) (*logtest.World, *hands) {
	clock := &hands{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	w := logtest.New(t, func(o *log.Options) { o.Clock, o.IssuerRefresh = clock.Now, 0 })
	return w, clock
}

// metered returns what reads a gauge of the logs that the test opens from here
// on.
func metered(t *testing.T) func(name string) float64 {
	t.Helper()
	reader := sdk.NewManualReader()
	otel.SetMeterProvider(sdk.NewMeterProvider(sdk.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(noop.NewMeterProvider()) })
	return func(name string) float64 {
		t.Helper()
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name != name {
					continue
				}
				switch data := m.Data.(type) {
				case metricdata.Gauge[int64]:
					return float64(data.DataPoints[0].Value)
				case metricdata.Gauge[float64]:
					return data.DataPoints[0].Value
				}
			}
		}
		t.Fatalf("there is no gauge %s", name)
		return 0
	}
}

// submit reports how a receipt was received.
func submit(w *logtest.World, runID string) (*bundle.Bundle, verdict.Code) {
	p, err := w.Log.Begin(w.T.Context(), w.Issuer.Receipt(runID))
	if err != nil {
		return nil, verdict.CodeOf(err)
	}
	b, err := p.Bundle(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	w.Verify(b.Marshal())
	return b, ""
}

// TestIssuersAreRefreshed holds that a key that was revoked is noticed on
// schedule, with no receipt coming: the log archives the changed document, takes
// nothing more by that key, and proves what it took before.
func TestIssuersAreRefreshed(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) { o.IssuerRefresh = 100 * time.Millisecond })
	before := w.Submit(w.Issuer.Receipt("run-1"))
	revoked := *w.Issuer
	w.Issuer.Rotate()
	w.Resolver.Publish(w.Issuer.Document())
	eventually(t, "the changed document is archived", func() bool { return w.Size() == 3 })
	if _, err := w.Log.Begin(t.Context(), revoked.Receipt("run-2")); verdict.CodeOf(err) != verdict.KeyUnknown {
		t.Errorf("a receipt by a revoked key: %v", err)
	}
	again, err := w.Log.Bundle(t.Context(), before.Index)
	if err != nil {
		t.Fatal(err)
	}
	w.Verify(again.Marshal())
	if after := w.Submit(w.Issuer.Receipt("run-3")); after.Issuer.Index != 2 {
		t.Errorf("a receipt by the new key relies on the document of entry %d, want 2", after.Issuer.Index)
	}
}

// TestUnknownKeyIsLookedFor holds that a key that is newer than the log's copy of
// the document is looked for at once, and that strangers cannot have the log ask
// more than once a second.
func TestUnknownKeyIsLookedFor(t *testing.T) {
	w, clock := slowly(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	for n := range 3 {
		w.Issuer.Rotate()
		w.Resolver.Publish(w.Issuer.Document())
		clock.Pass(2 * time.Second)
		if _, code := submit(w, fmt.Sprint("run-", n+1)); code != "" {
			t.Errorf("rotation %d: %s", n, code)
		}
	}
	asked := w.Resolver.Asked()
	stranger := logtest.NewIssuer(w.Issuer.DID)
	clock.Pass(2 * time.Second)
	for n := range 20 {
		if _, err := w.Log.Begin(t.Context(), stranger.Receipt(fmt.Sprint("forged-", n))); err == nil {
			t.Fatal("a stranger's receipt was taken in")
		}
	}
	if n := w.Resolver.Asked() - asked; n != 1 {
		t.Errorf("20 forged receipts made the log ask %d times, want once", n)
	}
}

// TestIssuerOutage holds that an issuer whose web site is down goes on submitting
// with the keys last seen, for a day and across a restart, and that the log says
// so all the while.
func TestIssuerOutage(t *testing.T) {
	gauge := metered(t)
	w, clock := slowly(t)
	failing := func(want, age float64) {
		t.Helper()
		if got := gauge("receiptlog.issuers.failing"); got != want {
			t.Errorf("%v issuers are said to fail, want %v", got, want)
		}
		if got := gauge("receiptlog.issuers.evidence.age"); got != age {
			t.Errorf("the oldest document was seen %v s ago, want %v", got, age)
		}
	}
	w.Submit(w.Issuer.Receipt("run-0"))
	seen := clock.Now()
	failing(0, 0)
	w.Resolver.Break(errOutage)
	clock.Pass(3 * time.Hour)
	down := clock.Now()
	for n := range 20 {
		if _, code := submit(w, fmt.Sprint("outage-", n)); code != "" {
			t.Fatalf("in an outage of three hours: %s", code)
		}
	}
	if asked := w.Resolver.Asked(); asked > 3 {
		t.Errorf("a site that is down was asked %d times", asked)
	}
	want := log.IssuerFailure{DID: w.Issuer.DID, Since: down, Seen: seen, Until: seen.Add(24 * time.Hour)}
	if got := w.Log.IssuerFailures(); len(got) != 1 || got[0] != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
	failing(1, 3*60*60)

	w.Close()
	w.Open()
	clock.Pass(20 * time.Hour)
	if _, code := submit(w, "restarted"); code != "" {
		t.Errorf("in the same outage after a restart: %s", code)
	}
	clock.Pass(2 * time.Hour)
	if _, code := submit(w, "too-late"); code != verdict.IssuerUnavailable {
		t.Errorf("after 25 hours: %q, want %s", code, verdict.IssuerUnavailable)
	}
	w.Resolver.Break(nil)
	clock.Pass(time.Minute)
	if _, code := submit(w, "up-again"); code != "" {
		t.Errorf("once the site is up again: %s", code)
	}
	if got := w.Log.IssuerFailures(); len(got) != 0 {
		t.Errorf("still reported: %+v", got)
	}
	failing(0, 0)
}

// TestSightingsOutliveRestarts holds that a document that was archived long ago
// and seen lately counts as seen lately, also after a restart in an outage.
func TestSightingsOutliveRestarts(t *testing.T) {
	w, clock := slowly(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	for day := range 4 {
		clock.Pass(23 * time.Hour)
		w.Submit(w.Issuer.Receipt(fmt.Sprint("day-", day)))
	}
	w.Close()
	w.Resolver.Break(errOutage)
	w.Open()
	clock.Pass(23 * time.Hour)
	if _, code := submit(w, "outage"); code != "" {
		t.Errorf("a document seen a day ago: %s", code)
	}
}

// TestWithdrawnIssuer holds that a document that its issuer took away is not an
// outage.
func TestWithdrawnIssuer(t *testing.T) {
	w, clock := slowly(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	w.Resolver.Withdraw(w.Issuer.DID)
	clock.Pass(time.Hour)
	if _, code := submit(w, "run-1"); code != verdict.IssuerUnavailable {
		t.Errorf("a withdrawn issuer's receipt: %q", code)
	}
	if got := w.Log.IssuerFailures(); len(got) != 1 || got[0].Until.After(clock.Now()) {
		t.Errorf("reported %+v", got)
	}
	w.Resolver.Publish(w.Issuer.Document())
	if _, code := submit(w, "run-2"); code != "" {
		t.Errorf("once it is there again: %s", code)
	}
}

// TestMalformedDocumentIsAnOutage holds that nonsense in place of a document
// neither stops an issuer nor counts as its word.
func TestMalformedDocumentIsAnOutage(t *testing.T) {
	w, clock := slowly(t)
	w.Submit(w.Issuer.Receipt("run-0"))
	_, malformed := did.ParseDocument([]byte("{"))
	w.Resolver.Break(malformed)
	clock.Pass(time.Hour)
	if _, code := submit(w, "run-1"); code != "" {
		t.Errorf("refused: %s", code)
	}
	if got := w.Log.IssuerFailures(); len(got) != 1 {
		t.Errorf("reported %+v", got)
	}
}
