package retention

import (
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
)

// oracle reckons what is owed another way than State: day by day, with one
// promise in force and at most one shortening under notice.
type oracle struct {
	at      time.Time
	until   time.Time // zero: without end
	pending *entry.Rules
	effect  time.Time
}

func (o *oracle) end(r entry.Rules) time.Time {
	switch r.Class {
	case entry.ClassLog:
		return period.SixMonths.From(o.at)
	case entry.ClassPeriod:
		return r.Period.From(o.at)
	}
	return time.Time{}
}

// tick moves to a day on which r, if not nil, is logged and published.
func (o *oracle) tick(day time.Time, r *entry.Rules) {
	if o.pending != nil && !day.Before(o.effect) {
		o.until = later(o.end(*o.pending), o.effect)
		o.pending = nil
	}
	if r == nil || r.Applies != entry.AppliesAll {
		return
	}
	o.pending = nil
	end := o.end(*r)
	if end.IsZero() || !o.until.IsZero() && !end.Before(o.until) {
		o.until = end
		return
	}
	o.pending, o.effect = r, r.Notice.From(day)
}

// FuzzDue plays three years from a script: each byte is a number of days to
// wait, and then what to do.
func FuzzDue(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{200, 0, 10, 1, 25, 2, 100, 3})
	f.Add([]byte{255, 4, 29, 4, 1, 5, 30, 6, 30, 7})
	f.Add([]byte{30, 1, 30, 2, 30, 1, 30, 2, 0, 1, 0, 6, 31, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t)
		if len(script) > 0 && script[0]%2 == 1 {
			w.state.Apply(0, w.rules(acme, entry.ClassPeriod, "P8M", "later"), Window{})
		}
		r := w.receipt(acme)
		p := PromiseOf(r)
		o := oracle{at: r.At, until: p.Until}
		index := uint64(2)
		for len(script) >= 2 && w.now.Before(start.AddDate(3, 0, 0)) {
			for range script[0] {
				w.now = w.now.AddDate(0, 0, 1)
				o.tick(w.now, nil)
				compareDue(t, w, &o, p)
			}
			rules := w.rules(acme, []string{entry.ClassLog, entry.ClassPeriod, entry.ClassIndefinite}[script[1]%3], "", []string{"all", "later"}[script[1]/3%2])
			if rules.Class == entry.ClassPeriod {
				rules.Period = &period.Period{Months: 6 + int(script[1]/6)%30}
			}
			if b := w.state.Apply(index, rules, Window{}); len(b) > 0 {
				t.Fatal(b)
			}
			index++
			o.tick(w.now, &rules)
			compareDue(t, w, &o, p)
			script = script[2:]
		}
	})
}

func compareDue(t *testing.T, w *world, o *oracle, p Promise) {
	t.Helper()
	due, ends := w.state.Due(1, p, w.now)
	if !ends {
		due = time.Time{}
	}
	if !due.Equal(o.until) {
		t.Fatalf("on %v due %v, want %v", w.now, due, o.until)
	}
}
