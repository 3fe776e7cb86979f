package procurement

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
)

// StatisticsName is the file with the [Statistics] of an archive.
const StatisticsName = "statistics.json"

// maxNames bounds each list of names in statistics; the rest are counted under
// "other names". Models, vendors and gates are some tens.
const maxNames = 1000

const otherNames = "other names"

// Statistics sum up the receipts of an archive for people who want a number
// before they open it. They follow from the receipts alone: whoever verifies
// makes them again.
type Statistics struct {
	Receipts int `json:"receipts"`
	// First and Last are when the first and the last were logged.
	First string `json:"first,omitzero"`
	Last  string `json:"last,omitzero"`

	ByMonth    map[string]int `json:"byMonth"`    // logged, as in 2026-05
	ByIssuer   map[string]int `json:"byIssuer"`   // DID
	ByVerdict  map[string]int `json:"byVerdict"`  // of the jury; "none" where there was none
	ByProvider map[string]int `json:"byProvider"` // receipts that used one of its models
	ByModel    map[string]int `json:"byModel"`    // provider/model/version
	ByProject  map[string]int `json:"byProject"`

	GatesDenied  map[string]int `json:"gatesDenied"`  // by gate
	EvalsFailed  map[string]int `json:"evalsFailed"`  // by check
	Unpublished  int            `json:"unpublished"`  // not for everybody
	WithoutPlan  int            `json:"withoutPlan"`  // no summary of what it is for
	WithoutEvals int            `json:"withoutEvals"` // no eval check

	once map[named]bool // what of the receipt at hand was counted
}

// named is a name that was counted, and among what.
type named struct {
	kind byte
	name string
}

// NewStatistics returns statistics of nothing yet.
func NewStatistics() *Statistics {
	return &Statistics{ByMonth: map[string]int{}, ByIssuer: map[string]int{}, ByVerdict: map[string]int{}, ByProvider: map[string]int{},
		once: make(map[named]bool), ByModel: map[string]int{}, ByProject: map[string]int{}, GatesDenied: map[string]int{}, EvalsFailed: map[string]int{}}
}

// Add counts a receipt that was logged at that time.
func (s *Statistics) Add(r *receipt.Receipt, at time.Time) {
	logged := at.UTC().Format(time.RFC3339)
	if s.Receipts == 0 || logged < s.First {
		s.First = logged
	}
	s.Last = max(s.Last, logged)
	s.Receipts++
	b := &r.Credential().CredentialSubject.Build
	count(s.ByMonth, logged[:len("2026-05")])
	count(s.ByIssuer, r.Issuer())
	if b.Jury == nil || b.Jury.Verdict == "" {
		count(s.ByVerdict, "none")
	} else {
		count(s.ByVerdict, b.Jury.Verdict)
	}
	if b.Project != "" {
		count(s.ByProject, b.Project)
	}
	clear(s.once)
	once := func(m map[string]int, kind byte, name string) {
		if n := (named{kind, name}); !s.once[n] {
			s.once[n] = true
			count(m, name)
		}
	}
	for _, m := range b.Models {
		once(s.ByProvider, 'p', m.Provider)
		once(s.ByModel, 'm', m.Provider+"/"+m.Model+"/"+m.Version)
	}
	for _, g := range b.PolicyGates {
		if g.Decision == receipt.Deny {
			once(s.GatesDenied, 'g', g.ID)
		}
	}
	if b.Evals == nil || len(b.Evals.Checks) == 0 {
		s.WithoutEvals++
	} else {
		for _, c := range b.Evals.Checks {
			if !c.Passed {
				once(s.EvalsFailed, 'e', c.ID)
			}
		}
	}
	if !r.Publishable() {
		s.Unpublished++
	}
	if b.PlanSummary == "" {
		s.WithoutPlan++
	}
}

// count counts under a name, or under one for all others once there are too
// many.
func count(m map[string]int, name string) {
	if _, ok := m[name]; !ok && len(m) >= maxNames {
		name = otherNames
	}
	m[name]++
}

// Whole reports whether every name is counted by itself. Where some are not,
// which ones depends on the order of the receipts.
func (s *Statistics) Whole() bool {
	for _, m := range []map[string]int{s.ByMonth, s.ByIssuer, s.ByVerdict, s.ByProvider, s.ByModel, s.ByProject, s.GatesDenied, s.EvalsFailed} {
		if m[otherNames] > 0 {
			return false
		}
	}
	return true
}

// Marshal returns the file.
func (s *Statistics) Marshal() ([]byte, error) {
	data, err := json.Marshal(s, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(data, '\n'), err
}
