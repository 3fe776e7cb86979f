package retention

import (
	"time"

	"github.com/armalo/receiptlog/client/entry"
)

// Tolerance is how far an entry's time may be off before it counts as false.
// Receipts wait for sequencing and clocks differ by seconds or minutes;
// retention is reckoned in days.
const Tolerance = time.Hour

// Window is what is known of when an entry was published, from the times at
// which witnesses cosigned checkpoints. Zero times mean that nothing is known.
type Window struct {
	After  time.Time // a checkpoint without the entry was cosigned then
	Before time.Time // a checkpoint with the entry was cosigned then
	// Pending is for the log itself: the entry is not published yet, so that no
	// notice has begun. See [State.Published].
	Pending bool
}

// begin is when the notice of rules with that time began, as far as it can be
// shown: no earlier than they say, and no earlier than they can have been seen.
func (w Window) begin(at time.Time) time.Time {
	if w.Pending {
		return time.Time{}
	}
	return later(at, w.After)
}

// checkTime holds an entry's time against those of earlier entries and against
// its window.
func (s *State) checkTime(index uint64, at time.Time, w Window) (breaches []Breach) {
	postdated := !w.Before.IsZero() && at.After(w.Before.Add(Tolerance))
	switch floor := later(s.latest, w.After); {
	case postdated:
		breaches = append(breaches, breach(Postdated, index, "claims to be of %s, but was cosigned at %s already", day(at), day(w.Before)))
	case at.Before(floor.Add(-Tolerance)) && floor.Equal(w.After):
		breaches = append(breaches, breach(Backdated, index, "claims to be of %s, but was not in the log that was cosigned at %s", day(at), day(w.After)))
	case at.Before(floor.Add(-Tolerance)):
		breaches = append(breaches, breach(Backdated, index, "claims to be of %s, but stands behind an entry of %s", day(at), day(s.latest)))
	}
	if !postdated {
		s.latest = later(s.latest, at)
	}
	return breaches
}

// timeOf returns the time that an entry carries.
func timeOf(e entry.Entry) time.Time {
	switch e := e.(type) {
	case entry.Receipt:
		return e.At
	case entry.Issuer:
		return e.At
	case entry.Rules:
		return e.At
	case entry.Hold:
		return e.At
	case entry.Erasure:
		return e.At
	}
	return time.Time{}
}
