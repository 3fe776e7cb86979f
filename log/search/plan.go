package search

import (
	"errors"
	"math"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/storage/postings"
)

// Plan returns the leaves of all receipts that match the query and that one of
// the audiences may find, and a few others: whoever asked looks at the receipt
// itself. The caller closes the set.
func (f *Follower) Plan(q *search.Query, audiences []Audience, budget *postings.Budget) (postings.Set, error) {
	var sets []postings.Set
	for _, a := range audiences {
		terms, ok := a.terms(q)
		if !ok {
			continue
		}
		set, err := f.planOne(q, a, terms, budget)
		if err != nil {
			return nil, errors.Join(err, postings.Union(sets...).Close())
		}
		sets = append(sets, set)
	}
	return postings.Union(sets...), nil
}

// planOne is Plan for one audience.
func (f *Follower) planOne(q *search.Query, a Audience, terms [][]field, budget *postings.Budget) (postings.Set, error) {
	var all []postings.Set
	for _, alternatives := range terms {
		var any []postings.Set
		for _, t := range alternatives {
			list, err := f.lists.List(a.term(nil, t.name, t.value), budget)
			if err != nil {
				return nil, errors.Join(err, postings.Union(any...).Close(), postings.Union(all...).Close())
			}
			any = append(any, list)
		}
		all = append(all, postings.Union(any...))
	}
	if !q.From.IsZero() || !q.To.IsZero() {
		from, to := int64(math.MinInt64), int64(math.MaxInt64)
		if !q.From.IsZero() {
			from = q.From.Unix()
		}
		if !q.To.IsZero() {
			to = q.To.Unix() - 1
		}
		all = append(all, f.lists.During(from, to))
	}
	return postings.Intersection(budget, all...), nil
}

// field is a term without its audience.
type field struct{ name, value string }

// terms returns the terms that a matching receipt of the audience has, all of
// them, and of each list of alternatives one. ok is false where it has none that
// could match.
func (a Audience) terms(q *search.Query) (all [][]field, ok bool) {
	for _, t := range []field{
		{fieldCommit, q.Commit}, {fieldEvalFailed, q.EvalFailed}, {fieldModelVersion, q.ModelVersion},
		{fieldModel, q.Model}, {fieldProvider, q.Provider}, {fieldConfiguration, q.Configuration},
		{fieldRepository, q.Repository}, {fieldProject, q.Project}, {fieldVerdict, q.Verdict}, {fieldIssuer, q.Issuer},
	} {
		if t.value != "" {
			all = append(all, []field{t})
		}
	}
	switch {
	case q.Gate != "" && q.GateDecision != "":
		all = append(all, []field{{fieldGate + q.GateDecision, q.Gate}})
	case q.Gate != "":
		all = append(all, []field{{fieldGate + receipt.Allow, q.Gate}, {fieldGate + receipt.Deny, q.Gate}})
	case q.GateDecision != "":
		all = append(all, []field{{fieldDecision, q.GateDecision}})
	}
	switch {
	case q.Org == "":
	case a == Everybody:
		all = append(all, []field{{fieldOrg, q.Org}})
	case a.org != q.Org:
		return nil, false
	}
	if len(all) == 0 {
		all = [][]field{{{fieldAny, ""}}}
	}
	return all, true
}
