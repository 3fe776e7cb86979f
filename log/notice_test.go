package log_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// hands is a clock that a test sets.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) Pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// TestNoticeSurvivesThinning holds that the notice of rules begins with the first
// checkpoint over them, also once that checkpoint is not kept any more, and
// across restarts: neither later, which would keep bodies too long, nor earlier.
func TestNoticeSurvivesThinning(t *testing.T) {
	clock := &hands{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	w := logtest.New(t, func(o *log.Options) { o.Clock = clock.Now })
	w.Submit(w.Issuer.Receipt("run-0")) // the first of the day, which stays
	clock.Pass(2 * time.Hour)
	_, rules, err := w.Log.Keeper().SetRules(t.Context(), "acme", entry.Rules{Class: entry.ClassLog, Applies: entry.AppliesAll, Notice: period.ThirtyDays, Asked: "records"})
	if err != nil {
		t.Fatal(err)
	}
	since := func() time.Time {
		for range 500 {
			if r, _ := w.Log.Keeper().InForce(rules.Org); r != nil && !r.Since.IsZero() {
				return r.Since
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatal("notice never begins")
		return time.Time{}
	}
	want := since()
	if !want.Equal(clock.Now()) {
		t.Fatalf("notice begins at %v, want %v", want, clock.Now())
	}
	for day := range 3 {
		clock.Pass(24 * time.Hour)
		w.Submit(w.Issuer.Receipt(fmt.Sprint("later-", day)))
	}
	clock.Pass(200 * 24 * time.Hour)
	w.Close()
	w.Open()
	// Thinning runs at the start; until it is done the test shows nothing.
	for range 500 {
		if first := firstOver(t, w, rules.Org); first.Sub(want) > time.Hour {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if first := firstOver(t, w, rules.Org); first.Sub(want) <= time.Hour {
		t.Fatalf("the checkpoint of %v is still kept", first)
	}
	w.Close()
	w.Open()
	if got := since(); !got.Equal(want) {
		t.Errorf("after thinning and a restart notice begins at %v, want %v", got, want)
	}
}

// firstOver is the time of the first kept checkpoint over the organisation's
// rules.
func firstOver(t *testing.T, w *logtest.World, org string) (first time.Time) {
	r, _ := w.Log.Keeper().InForce(org)
	if r == nil {
		t.Fatal("there are no rules")
	}
	if err := w.Log.History(r.Index+1, time.Time{}, func(k log.Kept) bool { first = k.At; return false }); err != nil {
		t.Fatal(err)
	}
	return first
}
