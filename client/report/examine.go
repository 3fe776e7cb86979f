package report

import (
	"crypto/sha256"
	"encoding/json/v2"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// Facts is what rules are asked of: everything about one receipt that holds
// once its bundle is verified, as plain JSON values. Its members are
//
//	receipt  the receipt as it was signed
//	build    receipt.credentialSubject.build
//	entry    what the log says: at, issuer, key, org, retain
//	place    index and size (of the tree), and retainMonths, the whole
//	         calendar months from at to retain, absent if that is indefinite
//	checks   the outcome of each check of package verify by its name:
//	         'passed', 'failed' or 'not_checked'
type Facts map[string]any

// Examiner holds bundles against a policy and a catalogue. It may be used
// concurrently.
type Examiner struct {
	verifier *verify.Verifier
	controls []compiled
	where    *Rule // nil takes every receipt
}

// compiled is a control with its rules parsed.
type compiled struct {
	applies           *Rule // nil: to all
	evidence, notable []*Rule
}

// NewExaminer returns an Examiner. The catalogue has been through
// [ParseCatalogue] or [Catalogue.With]; where may be nil.
func NewExaminer(c *Catalogue, where *Rule, o verify.Options) (*Examiner, error) {
	x := &Examiner{verifier: verify.NewVerifier(o), where: where, controls: make([]compiled, len(c.Controls))}
	for i := range c.Controls {
		var err error
		if x.controls[i], err = compile(&c.Controls[i]); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func compile(c *Control) (out compiled, err error) {
	if c.Applies != "" {
		if out.applies, err = ParseRule(c.Applies); err != nil {
			return out, err
		}
	}
	if out.evidence, err = compileItems(c.Evidence); err != nil {
		return out, err
	}
	out.notable, err = compileItems(c.Notable)
	return out, err
}

func compileItems(items []Item) ([]*Rule, error) {
	rules := make([]*Rule, len(items))
	for i, item := range items {
		r, err := ParseRule(item.Rule)
		if err != nil {
			return nil, err
		}
		rules[i] = r
	}
	return rules, nil
}

// Examined is one bundle after examination. Only a verified one counts in a
// report; of any other the report says why not.
type Examined struct {
	name     string
	verified bool
	inScope  bool
	rejected Rejected

	verdict    *verdict.Verdict // of one that verified
	receipt    *receipt.Receipt
	entry      *entry.Receipt
	place      place
	leaf       [32]byte
	checkpoint checkpoint.Checkpoint
	signed     []byte // the checkpoint as it was signed
	controls   []outcome
	known      Facts  // once rules were asked of it
	at         string // when the log took the receipt in, as people read it
}

// place is where in which log a receipt stands.
type place struct {
	origin string
	index  uint64
}

// outcome is one receipt under one control: bit n of missing is set if item n
// of the evidence does not hold, bit n of notable if notable item n does.
type outcome struct {
	applies          bool
	missing, notable uint32
}

// Counts reports whether the bundle verified and is in scope.
func (e *Examined) Counts() bool { return e.verified && e.inScope }

// Receipt returns the receipt and when it was logged, of a bundle that verified.
func (e *Examined) Receipt() (r *receipt.Receipt, logged time.Time) { return e.receipt, e.entry.At }

// Place returns the log and the index of a bundle that verified.
func (e *Examined) Place() (origin string, index uint64) { return e.place.origin, e.place.index }

// Checkpoint returns the size of the tree that the bundle proves the receipt in,
// and the SHA-256 of the signed note. Of two bundles of one receipt the report
// goes by the one with the greater of these: notes for one tree may differ in
// their cosignatures, and the choice must not depend on the order.
func (e *Examined) Checkpoint() (size uint64, sum [sha256.Size]byte) {
	return e.checkpoint.Size, sha256.Sum256(e.signed)
}

// Rejection returns why a bundle does not count, nil if it verified.
func (e *Examined) Rejection() *Rejected {
	if e.verified {
		return nil
	}
	return &e.rejected
}

// Examine verifies a bundle and holds it against every control. The name tells
// the bundle from others in the report, as a file name does.
func (x *Examiner) Examine(name string, data []byte) *Examined {
	b, err := bundle.Parse(data)
	if err != nil {
		return Unreadable(name, err)
	}
	return x.ExamineBundle(name, b, nil)
}

// Unreadable stands for what should be a bundle and cannot be read as one.
func Unreadable(name string, err error) *Examined {
	return &Examined{name: name, rejected: Rejected{Name: name, Code: verdict.CodeOf(err), Detail: err.Error()}}
}

// ExamineBundle is [Examiner.Examine] for a bundle that was read already. read is
// its receipt, if that was read too.
func (x *Examiner) ExamineBundle(name string, b *bundle.Bundle, read *receipt.Receipt) *Examined {
	e := &Examined{name: name, rejected: Rejected{Name: name}}
	v, parts := x.verifier.Bundle(b, read)
	if !v.Verified {
		e.reject(b, v)
		return e
	}
	e.take(b, parts)
	e.verdict = v
	if len(x.controls) == 0 && x.where == nil {
		e.verified, e.inScope = true, true // nothing is asked of it but that it verifies
		return e
	}
	x.hold(e)
	return e
}

// Hold holds what another Examiner has verified against the controls of this one, so
// that nothing is verified twice for two reports.
func (x *Examiner) Hold(verified *Examined) *Examined {
	e := *verified
	if e.verified {
		e.controls = nil
		x.hold(&e)
	}
	return &e
}

// hold holds a receipt against every control.
func (x *Examiner) hold(e *Examined) {
	facts, err := e.facts(e.verdict)
	if err != nil {
		e.verified = false
		e.rejected.Code, e.rejected.Detail = verdict.Malformed, err.Error()
		return
	}
	e.verified = true
	if e.inScope = x.where == nil || x.where.Holds(facts); e.inScope {
		e.controls = make([]outcome, len(x.controls))
		for i := range x.controls {
			e.controls[i] = x.controls[i].judge(facts)
		}
	}
}

// reject records why a bundle does not count. What it claims about itself is
// kept as a claim.
func (e *Examined) reject(b *bundle.Bundle, v *verdict.Verdict) {
	e.rejected.Unknown = v.Unknown()
	e.rejected.Code, e.rejected.Detail = codeUndecided, "what the bundle holds does not decide"
	if len(v.Reasons) > 0 {
		e.rejected.Code, e.rejected.Detail = v.Reasons[0].Code, v.Reasons[0].Detail
	} else {
		for _, c := range v.Checks {
			if c.Status == verdict.NotChecked {
				e.rejected.Detail = c.Name + " was not checked: " + c.Detail
				break
			}
		}
	}
	e.rejected.ClaimedIndex = &b.Index
	if r, err := receipt.Parse(b.Receipt); err == nil {
		e.rejected.ClaimedRun = r.RunID()
	}
}

// take takes over the parts of a bundle that verified.
func (e *Examined) take(b *bundle.Bundle, parts verify.Parts) {
	e.receipt, e.entry, e.leaf, e.checkpoint = parts.Receipt, parts.Entry, parts.Leaf, parts.Checkpoint
	e.signed = b.Checkpoint
	e.place = place{origin: e.checkpoint.Origin, index: b.Index}
	e.at = entry.FormatTime(e.entry.At)
}

// facts returns what rules are asked of. It makes them once, however many Examiners
// ask.
func (e *Examined) facts(v *verdict.Verdict) (Facts, error) {
	if e.known != nil {
		return e.known, nil
	}
	var whole map[string]any
	if err := json.Unmarshal(e.receipt.Canonical(), &whole); err != nil {
		return nil, err
	}
	subject, _ := whole["credentialSubject"].(map[string]any)
	build, _ := subject["build"].(map[string]any)
	checks := make(map[string]any, len(v.Checks))
	for _, c := range v.Checks {
		checks[c.Name] = string(c.Status)
	}
	where := map[string]any{"index": float64(e.place.index), "size": float64(e.checkpoint.Size)}
	if until, err := time.Parse(time.RFC3339, e.entry.Retain); err == nil {
		where["retainMonths"] = float64(wholeMonths(e.entry.At, until))
	}
	e.known = Facts{
		"receipt": whole,
		"build":   build,
		"entry": map[string]any{"at": e.at, "issuer": e.entry.Issuer, "key": e.entry.Key,
			"org": e.entry.Org, "retain": e.entry.Retain},
		"place":  where,
		"checks": checks,
	}
	return e.known, nil
}

// wholeMonths counts the whole calendar months between two times. Six months
// after 31 August is the end of February, which time.AddDate does not say.
func wholeMonths(from, until time.Time) int {
	from, until = from.UTC(), until.UTC()
	months := (until.Year()-from.Year())*12 + int(until.Month()) - int(from.Month())
	lastDay := time.Date(until.Year(), until.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	due := time.Date(until.Year(), until.Month(), min(from.Day(), lastDay), from.Hour(), from.Minute(), from.Second(), 0, time.UTC)
	if until.Before(due) {
		months--
	}
	return max(months, 0)
}

func (c *compiled) judge(f Facts) (o outcome) {
	o.applies = c.applies == nil || c.applies.Holds(f)
	if !o.applies {
		return o
	}
	for i, rule := range c.evidence {
		if !rule.Holds(f) {
			o.missing |= 1 << i
		}
	}
	for i, rule := range c.notable {
		if rule.Holds(f) {
			o.notable |= 1 << i
		}
	}
	return o
}

// FactsOf returns what rules are asked of, for a bundle that verified.
func FactsOf(b *bundle.Bundle, parts verify.Parts, v *verdict.Verdict) (Facts, error) {
	e := new(Examined)
	e.take(b, parts)
	return e.facts(v)
}
