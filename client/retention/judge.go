package retention

import (
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
)

// Ledger tells about single entries, which a [State] does not remember.
type Ledger interface {
	// Promise returns the promise of the receipt at index. ok is false where
	// the entry there is of another kind, or none that parses.
	Promise(index uint64) (p Promise, ok bool, err error)
	// Erased reports whether an erasure entry before the one being judged named
	// the receipt at index, lawful or not.
	Erased(index uint64) (bool, error)
}

// Judge decides whether the erasure that stands, or is about to stand, at
// index is lawful as the entries before it are. It calls visit for every
// receipt that it erases and that none erased before, in order. The errors are
// those of the ledger and of visit.
//
// before is when the erasure had been published at the latest, for who knows:
// where it claims to be from later than that, it is judged as of then.
func (s *State) Judge(index uint64, e entry.Erasure, before time.Time, ledger Ledger, visit func(receipt uint64, lawful bool) error) ([]Breach, error) {
	j := judgement{state: s, index: index, at: e.At, e: e, found: make(map[verdict.Code]*tally)}
	if !before.IsZero() && before.Before(j.at) {
		j.at = before
	}
	j.checkRules()
	for _, r := range e.Ranges {
		if r.Last >= index {
			j.note(ErasureAhead, fmt.Sprintf("names entry %d, which is not before it", r.Last))
		}
		for i := r.First; i <= r.Last && i < index; i++ {
			if err := j.judge(i, ledger, visit); err != nil {
				return nil, fmt.Errorf("judge erasure %d of entry %d: %w", index, i, err)
			}
		}
	}
	if j.count != e.Count {
		j.note(ErasureMiscount, fmt.Sprintf("says that it erases %d receipts and erases %d", e.Count, j.count))
	}
	return j.breaches(), nil
}

// judgement is the work on one erasure.
type judgement struct {
	state *State
	index uint64
	at    time.Time
	e     entry.Erasure
	count uint64
	order []verdict.Code
	found map[verdict.Code]*tally
}

// tally is how often one thing is wrong, and the first case of it.
type tally struct {
	detail string
	times  int
}

func (j *judgement) note(code verdict.Code, detail string) {
	if t := j.found[code]; t != nil {
		t.times++
		return
	}
	j.found[code] = &tally{detail: detail, times: 1}
	j.order = append(j.order, code)
}

func (j *judgement) breaches() (all []Breach) {
	for _, code := range j.order {
		t := j.found[code]
		detail := t.detail
		if t.times > 1 {
			detail = fmt.Sprintf("%s, and %d more like it", detail, t.times-1)
		}
		all = append(all, Breach{Code: code, Index: j.index, Detail: detail})
	}
	return all
}

// checkRules holds the erasure to the rules that it says it goes by.
func (j *judgement) checkRules() {
	r := j.state.InForce(j.e.Org, j.index)
	switch {
	case r == nil && j.e.Rules == nil, r != nil && j.e.Rules != nil && *j.e.Rules == r.Index:
	case r == nil:
		j.note(ErasureRules, fmt.Sprintf("goes by rules entry %d, and there are no such rules in force", *j.e.Rules))
	default:
		j.note(ErasureRules, fmt.Sprintf("does not go by rules entry %d, which was in force", r.Index))
	}
}

func (j *judgement) judge(i uint64, ledger Ledger, visit func(uint64, bool) error) error {
	p, ok, err := ledger.Promise(i)
	if err != nil {
		return err
	}
	if !ok || p.Org != j.e.Org {
		return nil
	}
	erased, err := ledger.Erased(i)
	if err != nil || erased {
		return err
	}
	j.count++
	return visit(i, j.lawful(i, p))
}

// lawful decides about one receipt.
func (j *judgement) lawful(i uint64, p Promise) bool {
	// I6: nothing goes past a hold, whoever asks.
	if hold, held := j.state.Held(p.Org, i); held {
		j.note(ErasureUnderHold, fmt.Sprintf("erases receipt %d, which the hold of entry %d protects", i, hold))
		return false
	}
	if j.e.Basis == entry.BasisRequest {
		return true
	}
	due, ends, notice := j.state.due(i, p, j.at)
	switch {
	case ends && !due.After(j.at):
		return true
	case !notice.IsZero():
		j.note(ErasureInNotice, fmt.Sprintf("erases receipt %d on %s, before the notice runs out on %s", i, day(j.at), day(notice)))
	case ends:
		j.note(ErasureEarly, fmt.Sprintf("erases receipt %d on %s, which is owed until %s", i, day(j.at), day(due)))
	default:
		j.note(ErasureEarly, fmt.Sprintf("erases receipt %d on %s, which is owed without end", i, day(j.at)))
	}
	return false
}
