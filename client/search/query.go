// Package search is what it means to look for receipts: the [Query], which
// receipts match it, and the [Hit] that stands for one in an answer.
//
// The log answers with it, and whoever asked can hold the answer against the
// same code: a hit carries the index of its receipt, so that its bundle can be
// fetched and verified, and [HitOf] and [Query.Matches] then say whether the hit
// was true to the receipt and an answer to the question at all. That nothing was
// left out of an answer they cannot say.
package search

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

// AnyEval, as Query.EvalFailed, means that some eval check failed.
const AnyEval = "*"

// maxValue bounds a value asked for, in bytes: the longest field that can be
// searched is a repository, of 1024 characters.
const maxValue = 4 * 1024

// Query says which receipts are looked for. Every part that is set has to match;
// the zero value means all receipts. A value is compared as it is: no patterns,
// no folding of case.
type Query struct {
	Issuer string // the DID that issued the receipt
	// Provider, Model and ModelVersion are of one model that took part, as
	// builder or as juror.
	Provider, Model, ModelVersion string
	Verdict                       string // of the jury
	// Gate and GateDecision are of one gate's decision.
	Gate, GateDecision string
	EvalFailed         string // the id of an eval check that failed, or AnyEval
	Repository         string
	Commit             string // the diff's head
	Project, Org       string
	Configuration      string // the hash that the receipt states for it
	// From and To bound when the log took the receipt in: from From on, and
	// before To. They are in whole seconds; zero means without bound.
	From, To time.Time
}

// Names of the parts of a query, as they stand in a query string.
const (
	NameFrom = "from"
	NameTo   = "to"
	NameOrg  = "org"
)

// part is one part of a query that is a text.
type part struct {
	name  string
	of    func(q *Query) *string
	check func(s string) bool // beyond the bounds of all; nil: anything
	must  string              // what it must be
}

var parts = []part{
	{"issuer", func(q *Query) *string { return &q.Issuer }, nil, ""},
	{"provider", func(q *Query) *string { return &q.Provider }, nil, ""},
	{"model", func(q *Query) *string { return &q.Model }, nil, ""},
	{"modelVersion", func(q *Query) *string { return &q.ModelVersion }, nil, ""},
	{"verdict", func(q *Query) *string { return &q.Verdict }, oneOf(receipt.Approve, receipt.Revise, receipt.Block), "must be approve, revise or block"},
	{"gate", func(q *Query) *string { return &q.Gate }, nil, ""},
	{"gateDecision", func(q *Query) *string { return &q.GateDecision }, oneOf(receipt.Allow, receipt.Deny), "must be allow or deny"},
	{"evalFailed", func(q *Query) *string { return &q.EvalFailed }, nil, ""},
	{"repository", func(q *Query) *string { return &q.Repository }, nil, ""},
	{"commit", func(q *Query) *string { return &q.Commit }, isHex(40, 64), "must be the whole name of a commit, 40 or 64 lower-case hex digits"},
	{"project", func(q *Query) *string { return &q.Project }, nil, ""},
	{NameOrg, func(q *Query) *string { return &q.Org }, nil, ""},
	{"configuration", func(q *Query) *string { return &q.Configuration }, isHex(64), "must be a SHA-256, 64 lower-case hex digits"},
}

func oneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
}

func isHex(lengths ...int) func(string) bool {
	return func(s string) bool {
		return slices.Contains(lengths, len(s)) && strings.Trim(s, "0123456789abcdef") == ""
	}
}

// Names returns the names of all parts of a query, in the order in which people
// are shown them.
func Names() []string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return append(names, NameFrom, NameTo)
}

// Set sets the part of that name. ok is false where there is none of that name.
// Errors: malformed, with the path query.NAME.
func (q *Query) Set(name, value string) (ok bool, err error) {
	switch name {
	case NameFrom:
		q.From, err = parseTime(name, value)
		return true, err
	case NameTo:
		q.To, err = parseTime(name, value)
		return true, err
	}
	for _, p := range parts {
		if p.name != name {
			continue
		}
		switch {
		case value == "" || len(value) > maxValue || !utf8.ValidString(value):
			return true, verdict.Errorf(verdict.Malformed, "query."+name, "must have from 1 to %d bytes of UTF-8", maxValue)
		case p.check != nil && !p.check(value):
			return true, verdict.Errorf(verdict.Malformed, "query."+name, "%s", p.must)
		}
		*p.of(q) = value
		return true, nil
	}
	return false, nil
}

// Parse reads the parts of a query from a query string, and returns what else is
// in it. A part that is given twice is malformed.
func Parse(values url.Values) (q Query, rest url.Values, err error) {
	rest = url.Values{}
	for _, name := range slices.Sorted(maps.Keys(values)) { // the first error is always the same
		list := values[name]
		known, err := q.Set(name, list[0])
		switch {
		case err != nil:
			return Query{}, nil, err
		case !known:
			rest[name] = list
		case len(list) != 1:
			return Query{}, nil, verdict.Errorf(verdict.Malformed, "query."+name, "is given twice")
		}
	}
	return q, rest, nil
}

// Values returns the query as [Parse] reads it.
func (q Query) Values() url.Values {
	v := url.Values{}
	for _, p := range parts {
		if s := *p.of(&q); s != "" {
			v.Set(p.name, s)
		}
	}
	for name, at := range map[string]time.Time{NameFrom: q.From, NameTo: q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return v
}

// parseTime reads a date and time with a zone, or a date, which is its first
// moment in UTC.
func parseTime(name, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	if err != nil || t.Nanosecond() != 0 || t.Unix() < 0 || t.Year() > 9999 {
		return time.Time{}, verdict.Errorf(verdict.Malformed, "query."+name, "must be a date, as 2026-05-12, or a date and time in whole seconds with a time zone, as 2026-05-12T10:00:00Z")
	}
	return t.UTC(), nil
}
