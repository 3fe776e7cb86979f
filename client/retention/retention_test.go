package retention

import (
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
)

func TestWhatIsPromised(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rules  func(w *world) entry.Rules
		event  string
		retain string
	}{
		{"indefinite", func(w *world) entry.Rules { return w.rules(acme, entry.ClassIndefinite, "", "later") }, "", "indefinite"},
		{"log is six calendar months", func(w *world) entry.Rules { return w.rules(acme, entry.ClassLog, "", "later") }, "", "2026-07-31T12:00:00Z"},
		{"log under a longer floor", func(w *world) entry.Rules {
			r := w.rules(acme, entry.ClassLog, "", "later")
			r.Floor = period.Period{Months: 7}
			return r
		}, "", "2026-08-31T12:00:00Z"},
		{"own period", func(w *world) entry.Rules { return w.rules(acme, entry.ClassPeriod, "P2Y1D", "later") }, "", "2028-02-01T12:00:00Z"},
		{"documentation with the rules' date", func(w *world) entry.Rules {
			r := w.rules(acme, entry.ClassDocumentation, "", "later")
			r.Event = "2027-03-01"
			return r
		}, "2030-01-01", "2037-03-01T00:00:00Z"},
		{"documentation with the receipt's date", func(w *world) entry.Rules { return w.rules(acme, entry.ClassDocumentation, "", "later") }, "2027-02-28", "2037-02-28T00:00:00Z"},
		{"documentation of an event long ago keeps the floor", func(w *world) entry.Rules { return w.rules(acme, entry.ClassDocumentation, "", "later") }, "2009-02-28", "2026-07-31T12:00:00Z"},
		{"documentation without a date", func(w *world) entry.Rules { return w.rules(acme, entry.ClassDocumentation, "", "later") }, "", "indefinite"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.good(tt.rules(w))
			var event time.Time
			if tt.event != "" {
				event = must(entry.ParseDate(tt.event))
			}
			r := w.receipt(acme)
			r.Retain = w.state.Retain(acme, w.now, event)
			if r.Retain != tt.retain {
				t.Errorf("retain %s, want %s", r.Retain, tt.retain)
			}
			i := w.good(r)
			if b, ok := w.state.CheckPromise(i, r, event); !ok {
				t.Errorf("with the body at hand: %v", b)
			}
			if got := w.receipt(other).Retain; got != entry.Indefinite {
				t.Errorf("another organisation is promised %s", got)
			}
		})
	}
}

func TestPromiseMismatch(t *testing.T) {
	w := newWorld(t)
	r := w.receipt(acme)
	r.Retain = "2026-08-01T00:00:00Z"
	w.bad(r, RetainMismatch)
	w.good(w.rules(acme, entry.ClassLog, "", "later"))
	r.Retain = "2026-07-31T11:59:59Z"
	w.bad(r, RetainMismatch)
	r.Retain = "2026-07-31T12:00:01Z"
	w.bad(r, RetainMismatch)
	r.Retain = entry.Indefinite
	w.bad(r, RetainMismatch)
	w.good(w.receipt(acme))

	w.good(w.rules(acme, entry.ClassDocumentation, "", "later"))
	r.Retain = "2026-07-31T11:59:59Z" // below the floor whatever its date
	w.bad(r, RetainMismatch)
	r.Retain = "2036-07-31T00:00:00Z" // a date that only the body shows
	i := w.good(r)
	if b, ok := w.state.CheckPromise(i, r, must(entry.ParseDate("2026-07-31"))); !ok {
		t.Error(b)
	}
	if _, ok := w.state.CheckPromise(i, r, must(entry.ParseDate("2026-08-01"))); ok {
		t.Error("the body's date says otherwise and nothing is found")
	}
	if !w.state.InForce(acme, i).AsksReceipt() || w.state.InForce(other, i).AsksReceipt() {
		t.Error("AsksReceipt")
	}
}

func TestRulesRefused(t *testing.T) {
	w := newWorld(t)
	w.bad(w.rules(acme, entry.ClassPeriod, "P5M", "later"), RulesBelowFloor)
	w.bad(w.rules(acme, entry.ClassPeriod, "P180D", "later"), RulesBelowFloor)
	low := w.rules(acme, entry.ClassPeriod, "P1M", "later")
	low.Floor = period.Period{Months: 1}
	w.bad(low, RulesBelowFloor)
	hasty := w.rules(acme, entry.ClassLog, "", "all")
	hasty.Notice = period.Period{Days: 29}
	w.bad(hasty, RulesNoticeShort)
	hasty.Applies = entry.AppliesLater // then notice does not matter
	w.good(hasty)
	if len(w.state.Rulings()) != 1 {
		t.Errorf("rules in force: %+v", w.state.Rulings())
	}
}

func TestShorterRulesLeaveEarlierReceiptsAlone(t *testing.T) {
	w := newWorld(t)
	i := w.good(w.receipt(acme))
	w.good(w.rules(acme, entry.ClassLog, "", "later"))
	j := w.good(w.receipt(acme))
	w.pass("P10Y")
	if w.due(i) != "never" || w.due(j) != "2026-07-31" {
		t.Errorf("due %s and %s", w.due(i), w.due(j))
	}
	w.bad(w.erasure(acme, entry.BasisExpired, i, j), ErasureEarly)
	if w.erased[i] || !w.erased[j] {
		t.Errorf("erased %v", w.erased)
	}
}

func TestNotice(t *testing.T) {
	w := newWorld(t)
	i := w.good(w.receipt(acme)) // 31 January, indefinite
	w.pass("P1Y")
	w.good(w.rules(acme, entry.ClassLog, "", "all"))
	if w.due(i) != "never" {
		t.Errorf("due %s at once", w.due(i))
	}
	w.pass("P29D")
	w.bad(w.erasure(acme, entry.BasisExpired, i), ErasureInNotice)
	delete(w.erased, i)
	w.pass("P2D")
	if w.due(i) != "2027-03-02" {
		t.Errorf("due %s, want the day the notice ran out", w.due(i))
	}
	w.good(w.erasure(acme, entry.BasisExpired, i))
}

func TestNoticeThatWasReplaced(t *testing.T) {
	w := newWorld(t)
	i := w.good(w.receipt(acme))
	w.pass("P1Y")
	w.good(w.rules(acme, entry.ClassLog, "", "all"))
	w.pass("P10D")
	w.good(w.rules(acme, entry.ClassPeriod, "P3Y", "all"))
	w.pass("P25D") // the first notice would have run out
	w.bad(w.erasure(acme, entry.BasisExpired, i), ErasureInNotice)
	delete(w.erased, i)
	w.pass("P30D")
	if w.due(i) != "2029-01-31" {
		t.Errorf("due %s", w.due(i))
	}
	w.bad(w.erasure(acme, entry.BasisExpired, i), ErasureEarly)
}

func TestLongerRulesApplyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.good(w.rules(acme, entry.ClassLog, "", "later"))
	i := w.good(w.receipt(acme))
	w.pass("P5M")
	w.good(w.rules(acme, entry.ClassPeriod, "P1Y", "all"))
	w.pass("P2M")
	if w.due(i) != "2027-01-31" {
		t.Errorf("due %s", w.due(i))
	}
	w.bad(w.erasure(acme, entry.BasisExpired, i), ErasureEarly)
	w.good(w.rules(acme, entry.ClassIndefinite, "", "all"))
	if w.due(i) != "never" {
		t.Errorf("due %s", w.due(i))
	}
}

// TestNoticeBeginsWithPublication holds that the log does not count notice
// before anybody could see the rules.
func TestNoticeBeginsWithPublication(t *testing.T) {
	w := newWorld(t)
	i := w.good(w.receipt(acme))
	p, _, _ := w.Promise(i)
	r := w.rules(acme, entry.ClassLog, "", "all")
	r.At = start.AddDate(1, 0, 0)
	if b := w.state.Apply(1, r, Window{Pending: true}); len(b) > 0 {
		t.Fatal(b)
	}
	if _, ends := w.state.Due(i, p, start.AddDate(9, 0, 0)); ends {
		t.Error("notice ran out and never began")
	}
	published := r.At.AddDate(0, 0, 5)
	w.state.Published(1, published)
	w.state.Published(1, published.AddDate(1, 0, 0)) // too late to matter
	due, ends := w.state.Due(i, p, start.AddDate(9, 0, 0))
	if !ends || !due.Equal(published.AddDate(0, 0, 30)) {
		t.Errorf("due %v", due)
	}
	// An auditor who saw a later checkpoint without the rules counts from there.
	a := New(DefaultTerms)
	seen := r.At.Add(30 * time.Minute)
	a.Apply(1, r, Window{After: seen})
	if due, _ := a.Due(i, p, start.AddDate(9, 0, 0)); !due.Equal(seen.AddDate(0, 0, 30)) {
		t.Errorf("auditor: due %v", due)
	}
}

// TestI6NothingGoesPastAHold is about the machine; the log has its own.
func TestI6NothingGoesPastAHold(t *testing.T) {
	w := newWorld(t)
	w.good(w.rules(acme, entry.ClassLog, "", "later"))
	i := w.good(w.receipt(acme))
	j := w.good(w.receipt(acme))
	k := w.good(w.receipt(other))
	whole := w.good(w.hold(acme))
	later := w.good(w.receipt(acme))
	w.pass("P1Y")
	for _, index := range []uint64{i, j, later} {
		w.bad(w.erasure(acme, entry.BasisExpired, index), ErasureUnderHold)
		delete(w.erased, index)
		w.bad(w.erasure(acme, entry.BasisRequest, index), ErasureUnderHold)
		delete(w.erased, index)
	}
	w.good(w.erasure(other, entry.BasisRequest, k))
	part := w.good(w.hold("", entry.Range{First: j, Last: j + 100}))
	w.good(w.lift(whole))
	w.bad(w.lift(whole), HoldUnknown)
	w.bad(w.lift(999), HoldUnknown)
	w.good(w.erasure(acme, entry.BasisExpired, i))
	w.bad(w.erasure(acme, entry.BasisExpired, j), ErasureUnderHold)
	delete(w.erased, j)
	w.good(w.lift(part))
	w.good(w.erasure(acme, entry.BasisExpired, j, later))
	holds := w.state.Holds()
	if len(holds) != 2 || holds[0].Lift == nil || holds[1].Lifted <= holds[1].Index {
		t.Errorf("holds %+v", holds)
	}
}

func TestRequestGoesBelowTheFloor(t *testing.T) {
	w := newWorld(t)
	i := w.good(w.receipt(acme))
	w.good(w.erasure(acme, entry.BasisRequest, i))
	if !w.erased[i] {
		t.Error("not lawful")
	}
}

func TestErasureIsWhatItSays(t *testing.T) {
	w := newWorld(t)
	r := w.good(w.rules(acme, entry.ClassLog, "", "later"))
	i := w.good(w.receipt(acme))
	k := w.good(w.receipt(other))
	j := w.good(w.receipt(acme))
	w.pass("P1Y")

	e := w.erasure(acme, entry.BasisExpired, i)
	e.Rules = nil
	w.bad(e, ErasureRules)
	delete(w.erased, i)
	e.Rules = &i
	w.bad(e, ErasureRules)
	delete(w.erased, i)
	none := w.erasure(other, entry.BasisRequest, k)
	none.Rules = &r
	w.bad(none, ErasureRules)

	// A range means the organisation's own receipts in it, once.
	e = w.erasure(acme, entry.BasisExpired, r, i, k, j)
	w.bad(e, ErasureMiscount)
	delete(w.erased, i)
	delete(w.erased, j)
	e.Count = 2
	w.good(e)
	w.bad(e, ErasureMiscount)

	ahead := w.erasure(acme, entry.BasisRequest, uint64(len(w.log)))
	w.bad(ahead, ErasureAhead, ErasureMiscount)
}

func TestTimesThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.good(w.receipt(acme))
	w.pass("P40D")
	r := w.rules(acme, entry.ClassLog, "", "all")
	r.At = start // as if the notice had run out already
	w.bad(r, Backdated)
	if w.state.InForce(acme, 99) != nil {
		t.Error("backdated rules are in force")
	}
	e := w.receipt(acme)
	e.At = w.now.AddDate(1, 0, 0)
	e.Retain = entry.Indefinite
	w.bad(e, Postdated)
	w.good(w.receipt(acme)) // one false time does not make all later ones false
	e.At = w.now.Add(-Tolerance)
	w.good(e)

	// Without witnesses only the order of entries speaks.
	s := New(DefaultTerms)
	s.Apply(0, w.receipt(acme), Window{})
	back := w.receipt(acme)
	back.At = w.now.Add(-Tolerance - time.Second)
	if b := s.Apply(1, back, Window{}); len(b) != 1 || b[0].Code != Backdated {
		t.Errorf("breaches %v", b)
	}

	// An erasure that is dated ahead is judged as of when it was seen.
	w.good(w.rules(acme, entry.ClassLog, "", "later"))
	i := w.good(w.receipt(acme))
	ahead := w.erasure(acme, entry.BasisExpired, i)
	ahead.At = w.now.AddDate(1, 0, 0)
	b, err := w.state.Judge(uint64(len(w.log)), ahead, w.now, w, func(uint64, bool) error { return nil })
	if err != nil || len(b) != 1 || b[0].Code != ErasureEarly {
		t.Errorf("breaches %v, %v", b, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	for name, e := range map[string]entry.Entry{"a lift of nothing": w.lift(3), "another kind": w.receipt(acme)} {
		if _, err := Restore(DefaultTerms, Snapshot{Records: []Record{{Entry: e.Marshal()}}}); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	if _, err := Restore(DefaultTerms, Snapshot{Records: []Record{{Entry: []byte("{}")}}}); err == nil {
		t.Error("no entry: restored")
	}
}
