package retention

import (
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
)

// Promise is what a receipt entry says about its body.
type Promise struct {
	Org   string    // the organisation's handle
	At    time.Time // when the receipt was logged
	Until time.Time // until when the body is owed; the zero time means without end
}

// PromiseOf reads the promise of a receipt entry.
func PromiseOf(e entry.Receipt) Promise {
	p := Promise{Org: e.Org, At: e.At}
	if e.Retain != entry.Indefinite {
		p.Until, _ = time.Parse(time.RFC3339, e.Retain) // checked by entry.Parse
	}
	return p
}

// Retain returns what a receipt that is logged now, behind all entries so far,
// is promised. event is the date that the receipt itself gives for the class
// documentation; the zero time means that it gives none.
func (s *State) Retain(org string, at, event time.Time) string {
	return s.retainUnder(s.InForce(org, ^uint64(0)), at, event)
}

func (s *State) retainUnder(r *Ruling, at, event time.Time) string {
	if r == nil {
		return entry.Indefinite
	}
	until, ends := r.until(at.Truncate(time.Second), event)
	if !ends {
		return entry.Indefinite
	}
	return entry.FormatTime(until)
}

// AsksReceipt reports whether the event date of receipts decides what they are
// promised by these rules. A nil Ruling asks nothing.
func (r *Ruling) AsksReceipt() bool {
	return r != nil && r.Class == entry.ClassDocumentation && r.Event == ""
}

// until returns when a receipt that was logged at that time stops being owed,
// and whether it ever does.
func (r *Ruling) until(at, event time.Time) (t time.Time, ends bool) {
	switch r.Class {
	case entry.ClassLog:
		return later(period.SixMonths.From(at), r.Floor.From(at)), true
	case entry.ClassPeriod:
		return r.Period.From(at), true
	case entry.ClassDocumentation:
		if r.Event != "" {
			event, _ = entry.ParseDate(r.Event) // checked by entry.Parse
		}
		if event.IsZero() {
			return t, false
		}
		return later(period.TenYears.From(event), r.Floor.From(at)), true
	}
	return t, false
}

// CheckPromise holds a receipt entry at index to the rules before it. Where
// these leave it to the receipt's own date, give that as event once the body is
// at hand; without it only what no date could make is a breach.
func (s *State) CheckPromise(index uint64, e entry.Receipt, event time.Time) (Breach, bool) {
	r := s.InForce(e.Org, index)
	want := s.retainUnder(r, e.At, event)
	if e.Retain == want {
		return Breach{}, true
	}
	if r.AsksReceipt() && event.IsZero() {
		if p := PromiseOf(e); p.Until.IsZero() || !p.Until.Before(r.Floor.From(e.At)) {
			return Breach{}, true
		}
	}
	under := "no rules"
	if r != nil {
		under = "the rules of class " + r.Class
	}
	return breach(RetainMismatch, index, "promises to keep its body until %s; under %s that should be %s", e.Retain, under, want), false
}

// Due returns when the receipt at index, with that promise, stops being owed,
// as things stand at the time now, and whether it ever does.
func (s *State) Due(index uint64, p Promise, now time.Time) (due time.Time, ends bool) {
	due, ends, _ = s.due(index, p, now)
	return due, ends
}

// due also says when a shortening that is under notice would take effect.
func (s *State) due(index uint64, p Promise, now time.Time) (due time.Time, ends bool, notice time.Time) {
	due, ends = p.Until, !p.Until.IsZero()
	all := s.shortenings(p.Org, index)
	for i, r := range all {
		until, untilEnds := r.until(p.At, time.Time{})
		if r.AsksReceipt() {
			continue // what the body says is not for later rules to apply
		}
		if !untilEnds || ends && !until.Before(due) {
			due, ends = until, untilEnds // longer: at once
			continue
		}
		if r.Since.IsZero() {
			continue // not published, no notice yet
		}
		end := r.Notice.From(r.Since)
		if i+1 < len(all) && !all[i+1].Since.IsZero() && all[i+1].Since.Before(end) {
			continue // replaced before it took effect
		}
		if now.Before(end) {
			notice = end
			continue
		}
		due, ends = later(until, end), true
	}
	return due, ends, notice
}

// shortenings returns the rules behind index that apply to all earlier
// receipts, in order.
func (s *State) shortenings(org string, index uint64) []Ruling {
	var all []Ruling
	for _, r := range s.rulings[org] {
		if r.Index > index && r.Applies == entry.AppliesAll {
			all = append(all, r)
		}
	}
	return all
}
