package retention

import (
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/retention/period"
)

// Terms are the least that whoever runs the machine accepts of rules. The log
// has its own configuration for them, the auditor what it expects of the log.
type Terms struct {
	Floor  period.Period // no rules may keep receipts for less
	Notice period.Period // no shortening may touch earlier receipts sooner
}

// DefaultTerms are six months (AI Act, Articles 19(1) and 26(6)) and 30 days.
var DefaultTerms = Terms{Floor: period.SixMonths, Notice: period.ThirtyDays}

// Ruling is a rules entry in its place.
type Ruling struct {
	Index uint64
	entry.Rules
	// Since is when its notice began, and the zero time while it is not known
	// to have begun.
	Since time.Time
}

// Standing is a hold in its place.
type Standing struct {
	Index  uint64
	Hold   entry.Hold
	Lifted uint64      // the entry that lifted it, where Lift is not nil
	Lift   *entry.Hold // nil while it stands
}

// State is what the entries so far say. The zero State is not ready for use;
// see [New].
type State struct {
	terms   Terms
	rulings map[string][]Ruling // by organisation, in order
	holds   []Standing          // in order
	latest  time.Time           // the greatest credible time of an entry
}

// New returns the state of an empty log.
func New(terms Terms) *State {
	return &State{terms: terms, rulings: make(map[string][]Ruling)}
}

// Apply takes in a rules or hold entry, or one of another kind for the sake of
// its time, and returns what it breaks. Rules and holds that break something
// do not come into force. Erasures are judged with [State.Judge], receipts
// looked at with [State.CheckPromise]; both are harmless to the state.
//
// Entries must come in the order of the log; those that are neither rules nor
// holds may be left out by whoever trusts their times.
func (s *State) Apply(index uint64, e entry.Entry, w Window) []Breach {
	breaches := s.checkTime(index, timeOf(e), w)
	switch e := e.(type) {
	case entry.Rules:
		breaches = append(breaches, s.checkRules(index, e)...)
		if len(breaches) == 0 {
			s.rulings[e.Org] = append(s.rulings[e.Org], Ruling{Index: index, Rules: e, Since: w.begin(e.At)})
		}
	case entry.Hold:
		if b, ok := s.applyHold(index, e); !ok {
			breaches = append(breaches, b)
		}
	}
	return breaches
}

// Published says that the rules entry at index was published at that time, so
// that its notice begins. Only the first call for an entry counts.
func (s *State) Published(index uint64, at time.Time) {
	for _, rulings := range s.rulings {
		for i := range rulings {
			if rulings[i].Index == index && rulings[i].Since.IsZero() {
				rulings[i].Since = later(at, rulings[i].At)
			}
		}
	}
}

// InForce returns the organisation's latest rules before index, or nil where
// it has none and receipts are kept indefinitely.
func (s *State) InForce(org string, index uint64) *Ruling {
	rulings := s.rulings[org]
	for i := len(rulings) - 1; i >= 0; i-- {
		if rulings[i].Index < index {
			return &rulings[i]
		}
	}
	return nil
}

// Rulings returns all rules that are or were in force, in the order of the
// log.
func (s *State) Rulings() []Ruling {
	var all []Ruling
	for _, rulings := range s.rulings {
		all = append(all, rulings...)
	}
	slices.SortFunc(all, func(a, b Ruling) int { return compare(a.Index, b.Index) })
	return all
}

// Holds returns all holds, lifted ones included, in the order of the log.
func (s *State) Holds() []Standing { return s.holds }

// Held returns the entry that placed a hold under which a receipt of the
// organisation at that index stands.
func (s *State) Held(org string, index uint64) (hold uint64, held bool) {
	for _, h := range s.holds {
		if h.Lift == nil && (h.Hold.Org == org || entry.Contains(h.Hold.Ranges, index)) {
			return h.Index, true
		}
	}
	return 0, false
}

// applyHold comes into force whatever the entry's time says: a hold that is
// wrong about its time still protects.
func (s *State) applyHold(index uint64, e entry.Hold) (Breach, bool) {
	if e.Action == entry.HoldPlaced {
		s.holds = append(s.holds, Standing{Index: index, Hold: e})
		return Breach{}, true
	}
	for i := range s.holds {
		if h := &s.holds[i]; h.Index == *e.Lifts && h.Lift == nil {
			h.Lifted, h.Lift = index, &e
			return Breach{}, true
		}
	}
	return breach(HoldUnknown, index, "lifts the hold of entry %d, and no such hold stands", *e.Lifts), false
}

// checkRules holds rules to their own floor and to the terms of who asks.
func (s *State) checkRules(index uint64, r entry.Rules) (breaches []Breach) {
	if !r.Floor.AtLeast(s.terms.Floor) {
		breaches = append(breaches, breach(RulesBelowFloor, index, "were accepted under a floor of %s, below the minimum of %s", r.Floor, s.terms.Floor))
	}
	if r.Class == entry.ClassPeriod && !r.Period.AtLeast(r.Floor) {
		breaches = append(breaches, breach(RulesBelowFloor, index, "keep receipts for %s, which can be less than the floor of %s", r.Period, r.Floor))
	}
	if r.Applies == entry.AppliesAll && !r.Notice.AtLeast(s.terms.Notice) {
		breaches = append(breaches, breach(RulesNoticeShort, index, "give a notice of %s, less than the %s that are due", r.Notice, s.terms.Notice))
	}
	return breaches
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
