package retention

import (
	"encoding/json/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
	"github.com/armalo/receiptlog/client/verdict"
)

const (
	acme  = "00112233445566778899aabbccddeeff"
	other = "ffeeddccbbaa99887766554433221100"
)

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// world is a log with a machine behind it, both in memory.
type world struct {
	t      testing.TB
	state  *State
	log    []entry.Entry
	erased map[uint64]bool // named by an erasure; true where lawful
	now    time.Time
}

func newWorld(t testing.TB) *world {
	return &world{t: t, state: New(DefaultTerms), erased: make(map[uint64]bool), now: start}
}

// Promise implements Ledger.
func (w *world) Promise(i uint64) (Promise, bool, error) {
	r, ok := w.log[i].(entry.Receipt)
	return PromiseOf(r), ok, nil
}

// Erased implements Ledger.
func (w *world) Erased(i uint64) (bool, error) {
	_, ok := w.erased[i]
	return ok, nil
}

// append puts an entry into the log, published at once, and returns its index
// and the codes of what it breaks.
func (w *world) append(e entry.Entry) (uint64, []verdict.Code) {
	w.t.Helper()
	if _, err := entry.Parse(e.Marshal()); err != nil {
		w.t.Fatalf("the test's entry is malformed: %v", err)
	}
	index := uint64(len(w.log))
	w.log = append(w.log, e)
	breaches := w.state.Apply(index, e, Window{After: w.now.Add(-time.Minute), Before: w.now.Add(time.Minute)})
	switch e := e.(type) {
	case entry.Receipt:
		if b, ok := w.state.CheckPromise(index, e, time.Time{}); !ok {
			breaches = append(breaches, b)
		}
	case entry.Erasure:
		more, err := w.state.Judge(index, e, time.Time{}, w, func(i uint64, lawful bool) error {
			w.erased[i] = lawful
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		breaches = append(breaches, more...)
	}
	w.checkSnapshot()
	var codes []verdict.Code
	for _, b := range breaches {
		if b.Index != index || b.Detail == "" || b.Coded().Code != b.Code || b.Error() == "" {
			w.t.Errorf("breach %+v of entry %d", b, index)
		}
		codes = append(codes, b.Code)
	}
	return index, codes
}

// checkSnapshot holds that what is written to disk says all that there is.
func (w *world) checkSnapshot() {
	w.t.Helper()
	data, err := json.Marshal(w.state.Snapshot())
	if err != nil {
		w.t.Fatal(err)
	}
	var snapshot Snapshot
	if err := json.Unmarshal(data, &snapshot); err != nil {
		w.t.Fatal(err)
	}
	restored, err := Restore(w.state.terms, snapshot)
	if err != nil {
		w.t.Fatal(err)
	}
	if !reflect.DeepEqual(restored.rulings, w.state.rulings) || !reflect.DeepEqual(restored.holds, w.state.holds) || !restored.latest.Equal(w.state.latest) {
		w.t.Fatalf("restored %+v, want %+v", restored, w.state)
	}
}

// good appends an entry that must break nothing.
func (w *world) good(e entry.Entry) uint64 {
	w.t.Helper()
	index, codes := w.append(e)
	if len(codes) > 0 {
		w.t.Fatalf("%s breaks %v", e.Marshal(), codes)
	}
	return index
}

// bad appends an entry that must break exactly this.
func (w *world) bad(e entry.Entry, want ...verdict.Code) uint64 {
	w.t.Helper()
	index, codes := w.append(e)
	if !slices.Equal(codes, want) {
		w.t.Fatalf("%s breaks %v, want %v", e.Marshal(), codes, want)
	}
	return index
}

// pass lets time go by.
func (w *world) pass(p string) {
	w.t.Helper()
	w.now = must(period.Parse(p)).From(w.now)
}

// receipt is the entry that an honest log makes of a receipt now.
func (w *world) receipt(org string) entry.Receipt {
	return entry.Receipt{Issuer: "did:web:armalo.ai", Key: "z6Mk", Org: org, At: w.now, Retain: w.state.Retain(org, w.now, time.Time{})}
}

func (w *world) rules(org, class, p, applies string) entry.Rules {
	r := entry.Rules{Org: org, Class: class, Applies: applies, Notice: period.ThirtyDays, Floor: period.SixMonths, Asked: "records", At: w.now}
	if p != "" {
		own := must(period.Parse(p))
		r.Period = &own
	}
	return r
}

func (w *world) hold(org string, ranges ...entry.Range) entry.Hold {
	return entry.Hold{Action: entry.HoldPlaced, Org: org, Ranges: ranges, Basis: "litigation", Asked: "counsel", At: w.now}
}

func (w *world) lift(index uint64) entry.Hold {
	return entry.Hold{Action: entry.HoldLifted, Lifts: &index, Basis: "settled", Asked: "counsel", At: w.now}
}

// erasure is of single receipts, and goes by the rules in force.
func (w *world) erasure(org, basis string, indices ...uint64) entry.Erasure {
	e := entry.Erasure{Org: org, Basis: basis, Count: uint64(len(indices)), Asked: "sweep", At: w.now}
	if basis == entry.BasisRequest {
		e.Legal = "GDPR Article 17(1)(b)"
	}
	for _, i := range indices {
		if n := len(e.Ranges); n > 0 && e.Ranges[n-1].Last+1 == i {
			e.Ranges[n-1].Last = i
		} else {
			e.Ranges = append(e.Ranges, entry.Range{First: i, Last: i})
		}
	}
	if r := w.state.InForce(org, uint64(len(w.log))); r != nil {
		e.Rules = &r.Index
	}
	return e
}

// due says when receipt i stops being owed as of now; "never" if it does not.
func (w *world) due(i uint64) string {
	p, _, _ := w.Promise(i)
	if at, ends := w.state.Due(i, p, w.now); ends {
		return at.Format(time.DateOnly)
	}
	return "never"
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
