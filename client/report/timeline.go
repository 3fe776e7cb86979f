package report

import (
	"math"
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

// Timeline is what happened when, by the log's clock, in UTC.
type Timeline struct {
	// Unit is how long a period is: "day", "week" (from Monday) or "month",
	// whichever keeps the number of periods readable.
	Unit       string   `json:"unit"`
	Dimensions []string `json:"dimensions"` // of the composite scores, sorted
	Periods    []Period `json:"periods"`    // without gaps
	// LongestGap is the longest time without a receipt between two.
	LongestGap *Gap `json:"longestGap,omitzero"`
}

// Gap is a time in which nothing was seen.
type Gap struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Seconds int64  `json:"seconds"`
}

// Period is one day, week or month.
type Period struct {
	From        string           `json:"from"` // its first day
	Receipts    int              `json:"receipts"`
	GateDenied  int              `json:"gateDenied"`  // receipts with a gate that denied, receipt.publish aside
	JuryBlocked int              `json:"juryBlocked"` // receipts that the jury blocked
	EvalFailed  int              `json:"evalFailed"`  // receipts with a failed eval check
	Scores      map[string]Score `json:"scores"`      // by dimension
}

// Score sums up the composite scores of one dimension in one period.
type Score struct {
	Receipts int     `json:"receipts"`
	Mean     float64 `json:"mean"` // rounded to four decimals
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
}

const (
	daySeconds = 24 * 60 * 60
	// maxDays, maxWeeks and maxMonths are how many periods a plot still shows.
	maxDays   = 45
	maxWeeks  = 60
	maxMonths = 1200 // a century: more months than that are not listed
	// scoreUnit is the fixed point in which scores are added, so that the sum
	// does not depend on the order.
	scoreUnit = 1e9
)

// day counts what the log took in on one day.
type day struct {
	receipts, denied, blocked, failed int
	scores                            map[string]*scoreSum
}

type scoreSum struct {
	n        int
	sum      int64 // of scores times scoreUnit
	min, max float64
}

func (s *scoreSum) add(o scoreSum) {
	if s.n == 0 {
		s.min, s.max = o.min, o.max
	}
	s.n, s.sum, s.min, s.max = s.n+o.n, s.sum+o.sum, min(s.min, o.min), max(s.max, o.max)
}

func (k *Collector) observeDay(e *Examined) {
	number := e.entry.At.Unix() / daySeconds
	d := k.days[number]
	if d == nil {
		d = &day{scores: make(map[string]*scoreSum)}
		k.days[number] = d
	}
	build := &e.receipt.Credential().CredentialSubject.Build
	d.receipts++
	if slices.ContainsFunc(build.PolicyGates, func(g receipt.Gate) bool {
		return g.Decision == receipt.Deny && g.ID != receipt.GatePublish
	}) {
		d.denied++
	}
	if build.Jury != nil && build.Jury.Verdict == receipt.Block {
		d.blocked++
	}
	if build.Evals == nil {
		return
	}
	if slices.ContainsFunc(build.Evals.Checks, func(c receipt.Eval) bool { return !c.Passed }) {
		d.failed++
	}
	for name, score := range build.Evals.Composite {
		if d.scores[name] == nil {
			d.scores[name] = new(scoreSum)
		}
		d.scores[name].add(scoreSum{1, int64(math.Round(score * scoreUnit)), score, score})
	}
}

// timeline gathers the days into periods of the unit that fits.
func (k *Collector) timeline() Timeline {
	t := Timeline{Unit: "day", Dimensions: []string{}, Periods: []Period{}}
	if len(k.days) == 0 {
		return t
	}
	switch span := int(k.last.Sub(k.first).Hours() / 24); {
	case span > 7*maxWeeks:
		t.Unit = "month"
	case span > maxDays:
		t.Unit = "week"
	}
	sums := make(map[time.Time]*day)
	names := make(map[string]bool)
	for number, d := range k.days {
		start := periodOf(t.Unit, time.Unix(number*daySeconds, 0).UTC())
		if sums[start] == nil {
			sums[start] = &day{scores: make(map[string]*scoreSum)}
		}
		sums[start].merge(d, names)
	}
	for name := range names {
		t.Dimensions = append(t.Dimensions, name)
	}
	slices.Sort(t.Dimensions)
	for start := periodOf(t.Unit, k.first); !start.After(k.last) && len(t.Periods) < maxMonths; start = after(t.Unit, start) {
		t.Periods = append(t.Periods, sums[start].period(start))
	}
	return t
}

func (d *day) merge(o *day, names map[string]bool) {
	d.receipts += o.receipts
	d.denied += o.denied
	d.blocked += o.blocked
	d.failed += o.failed
	for name, s := range o.scores {
		names[name] = true
		if d.scores[name] == nil {
			d.scores[name] = new(scoreSum)
		}
		d.scores[name].add(*s)
	}
}

// period renders a sum; d may be nil.
func (d *day) period(start time.Time) Period {
	p := Period{From: start.Format(time.DateOnly), Scores: map[string]Score{}}
	if d == nil {
		return p
	}
	p.Receipts, p.GateDenied, p.JuryBlocked, p.EvalFailed = d.receipts, d.denied, d.blocked, d.failed
	for name, s := range d.scores {
		mean := float64(s.sum) / float64(s.n) / scoreUnit
		p.Scores[name] = Score{s.n, math.Round(mean*1e4) / 1e4, s.min, s.max}
	}
	return p
}

// periodOf returns the beginning of the period that t is in.
func periodOf(unit string, t time.Time) time.Time {
	t = t.UTC().Truncate(daySeconds * time.Second)
	switch unit {
	case "week":
		return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case "month":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

func after(unit string, t time.Time) time.Time {
	switch unit {
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// longestGap looks for the longest time between two receipts that follow one
// another. Logs of different clocks are put into one line of time.
func (k *Collector) longestGap(places []place) *Gap {
	times := make([]int64, len(places))
	for i, at := range places {
		times[i] = k.seen[at].at
	}
	slices.Sort(times)
	return gapIn(times)
}

// gapIn returns the longest step in ascending times, nil if there is none.
func gapIn(times []int64) *Gap {
	var longest *Gap
	for i := 1; i < len(times); i++ {
		if d := times[i] - times[i-1]; longest == nil || d > longest.Seconds {
			longest = &Gap{entry.FormatTime(time.Unix(times[i-1], 0)), entry.FormatTime(time.Unix(times[i], 0)), d}
		}
	}
	return longest
}
