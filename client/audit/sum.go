package audit

import (
	"maps"
	"slices"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/retention"
)

// account sums up what is known after a run.
func (a *Auditor) account(incomplete string) *account.Account {
	s, v := a.state, &a.state.Verified
	acc := &account.Account{
		Origin: s.Origin, Began: a.began, Ended: a.opts.Now(), Incomplete: incomplete,
		Checkpoints: s.checkpoints(), Kept: s.Kept.Clone(), Entries: maps.Clone(v.Entries),
		Orgs: make(map[string]account.Tally), NotChecked: make(map[string]uint64),
		Rules: v.Rules.Records, Erasures: clone(v.Erasures), Issuers: []account.Issuer{},
		Dropped: a.found.dropped + v.Dropped,
	}
	if n := len(s.Seen); n > 0 {
		acc.From, acc.To = s.Seen[0], s.Seen[n-1]
	}
	if acc.Entries == nil {
		acc.Entries = make(map[string]uint64)
	}
	if acc.Rules == nil {
		acc.Rules = []retention.Record{}
	}
	for _, i := range v.Issuers {
		acc.Issuers = append(acc.Issuers, i.Issuer)
	}
	if r := s.Round; r != nil {
		acc.Sample = r.Sample
		maps.Copy(acc.NotChecked, r.Why)
		maps.Copy(acc.Orgs, r.Orgs)
		for _, t := range r.Orgs {
			acc.Bodies.Add(t)
		}
		if r.Next < r.Size && incomplete == "" {
			acc.Incomplete = "the retention check did not come to its end"
		}
	}
	acc.Findings = slices.Concat(v.Findings, a.found.list)
	slices.SortStableFunc(acc.Findings, byEntry)
	return acc
}

// byEntry puts findings about entries in their order, behind those about the
// log as a whole.
func byEntry(a, b account.Finding) int {
	switch {
	case a.Index == nil && b.Index == nil:
		return 0
	case a.Index == nil:
		return -1
	case b.Index == nil:
		return 1
	case *a.Index < *b.Index:
		return -1
	case *a.Index > *b.Index:
		return 1
	}
	return 0
}
