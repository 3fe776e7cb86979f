package search

import (
	"slices"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
)

// Matches reports whether a receipt that was logged at that time is one that the
// query looks for.
func (q *Query) Matches(r *receipt.Receipt, at time.Time) bool {
	c := r.Credential()
	b := &c.CredentialSubject.Build
	return is(q.Issuer, c.Issuer) &&
		q.matchesModels(b.Models) &&
		(q.Verdict == "" || b.Jury != nil && b.Jury.Verdict == q.Verdict) &&
		q.matchesGates(b.PolicyGates) &&
		q.matchesEvals(b.Evals) &&
		is(q.Repository, b.Repository) &&
		is(q.Commit, b.Diff.Head) &&
		is(q.Project, b.Project) &&
		is(q.Org, b.Org) &&
		(q.Configuration == "" || b.Configuration != nil && b.Configuration.SHA256 == q.Configuration) &&
		(q.From.IsZero() || !at.Before(q.From)) &&
		(q.To.IsZero() || at.Before(q.To))
}

// is reports whether a field has the value asked for, if any is.
func is(asked, value string) bool { return asked == "" || asked == value }

func (q *Query) matchesModels(models []receipt.Model) bool {
	if q.Provider == "" && q.Model == "" && q.ModelVersion == "" {
		return true
	}
	return slices.ContainsFunc(models, func(m receipt.Model) bool {
		return is(q.Provider, m.Provider) && is(q.Model, m.Model) && is(q.ModelVersion, m.Version)
	})
}

func (q *Query) matchesGates(gates []receipt.Gate) bool {
	if q.Gate == "" && q.GateDecision == "" {
		return true
	}
	return slices.ContainsFunc(gates, func(g receipt.Gate) bool {
		return is(q.Gate, g.ID) && is(q.GateDecision, g.Decision)
	})
}

func (q *Query) matchesEvals(evals *receipt.Evals) bool {
	if q.EvalFailed == "" {
		return true
	}
	return evals != nil && slices.ContainsFunc(evals.Checks, func(e receipt.Eval) bool {
		return !e.Passed && (q.EvalFailed == AnyEval || q.EvalFailed == e.ID)
	})
}
