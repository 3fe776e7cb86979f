package search

import (
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/search"
)

// Audience is who may find a receipt: everybody, or one organisation.
type Audience struct {
	org string // empty: everybody
}

// Everybody is the audience of public receipts.
var Everybody = Audience{}

// Private is the audience of an organisation's private receipts.
func Private(org string) Audience { return Audience{org} }

// audienceOf says who may find a receipt.
func audienceOf(r *receipt.Receipt) Audience {
	if r.Publishable() {
		return Everybody
	}
	return Private(r.Org())
}

// Fields of terms. They are hashed and stored; changing one asks for another
// postings format.
const (
	fieldAny           = "any" // every receipt
	fieldIssuer        = "issuer"
	fieldProvider      = "provider"
	fieldModel         = "model"
	fieldModelVersion  = "model version"
	fieldVerdict       = "verdict"
	fieldGate          = "gate " // then the decision
	fieldDecision      = "decision"
	fieldEvalFailed    = "eval failed"
	fieldRepository    = "repository"
	fieldCommit        = "commit"
	fieldProject       = "project"
	fieldOrg           = "org"
	fieldConfiguration = "configuration"
)

// term appends the text of a term: audience, field and value, of which only the
// last can hold a zero byte.
func (a Audience) term(dst []byte, field, value string) []byte {
	dst = append(append(dst, a.org...), 0)
	dst = append(append(dst, field...), 0)
	return append(dst, value...)
}

// EachTerm calls add with every term of a receipt; some may come twice. The text
// is valid within the call.
func EachTerm(r *receipt.Receipt, add func(text []byte)) {
	c := r.Credential()
	b := &c.CredentialSubject.Build
	audience := audienceOf(r)
	var room [256]byte
	put := func(field, value string) { add(audience.term(room[:0], field, value)) }
	some := func(field, value string) {
		if value != "" {
			put(field, value)
		}
	}
	put(fieldAny, "")
	if audience == Everybody {
		put(fieldOrg, b.Org) // an audience of one organisation has no other
	}
	put(fieldIssuer, c.Issuer)
	some(fieldRepository, b.Repository)
	some(fieldCommit, b.Diff.Head)
	some(fieldProject, b.Project)
	if b.Jury != nil {
		put(fieldVerdict, b.Jury.Verdict)
	}
	if b.Configuration != nil {
		put(fieldConfiguration, b.Configuration.SHA256)
	}
	for _, m := range b.Models {
		put(fieldProvider, m.Provider)
		put(fieldModel, m.Model)
		some(fieldModelVersion, m.Version)
	}
	for _, g := range b.PolicyGates {
		put(fieldDecision, g.Decision)
		put(fieldGate+g.Decision, g.ID)
	}
	if b.Evals != nil {
		eachFailed(b.Evals, put)
	}
}

func eachFailed(evals *receipt.Evals, put func(field, value string)) {
	for _, e := range evals.Checks {
		if !e.Passed {
			put(fieldEvalFailed, e.ID)
			put(fieldEvalFailed, search.AnyEval)
		}
	}
}
