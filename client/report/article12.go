package report

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"slices"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/jcs"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
)

// Article12Version is the value of the member "report" of an [Article12].
const Article12Version = "receiptlog/report/article12/v1"

// The controls that the report is made with, of the built-in catalogue.
const (
	recordsControl = "eu-ai-act-12"
	eventsControl  = "soc2-cc7.2"
)

const article12Statement = "This report supports record-keeping under Article 12 of the EU AI Act: it shows what was recorded, that the record was not altered, " +
	"and what became of it. It gives no opinion on whether any system or organisation fulfils the Act."

var (
	article12Dates = []string{
		"Articles 11, 12, 18, 19 and 26 apply from 2 December 2027 for Annex III systems and from 2 August 2028 for Annex I systems (Regulation (EU) 2026/1744).",
		"Article 50 applies since 2 August 2026.",
		"Articles 19(1) and 26(6) ask for logs to be kept for at least six months, Article 18 for documentation to be kept for ten years.",
	}
	article12Limits = []string{
		"Events in the operation of an AI system that led to no receipt.",
		"Receipts that nobody submitted: git knows of them, see receiptctl coverage.",
		"Whether what a receipt says is true: it shows what the issuer signed, and when at the latest.",
		"What became of bodies in the time before the first checkpoint that the auditor verified, beyond what the log says now.",
	}
)

// Article12 is the report that a regulator reads on record-keeping. Its JSON
// form carries its evidence: checkpoints, proofs that link them, and the index
// of every receipt named.
type Article12 struct {
	Report    string   `json:"report"` // Article12Version
	Statement string   `json:"statement"`
	Dates     []string `json:"dates"`
	Limits    []string `json:"limits"`

	// Org is the organisation asked about, empty for all, and Handles are what
	// the log calls it.
	Org     string   `json:"org,omitzero"`
	Handles []string `json:"handles"`

	Recording Recording `json:"recording"`
	Integrity Integrity `json:"integrity"`
	Retention Retention `json:"retention"`
	// Events counts what Article 12(2) wants recorded, by kind.
	Events   []ItemCount       `json:"events"`
	Issuers  []account.Issuer  `json:"issuers"`
	Findings []account.Finding `json:"findings"`

	// The evidence: what the auditor says, how the checkpoints are linked, and
	// the receipts.
	Account  *account.Account `json:"account"`
	Links    []Link           `json:"links"`
	Receipts *Controls        `json:"receipts"`
}

// Recording says how continuously was recorded.
type Recording struct {
	// Logged is how many receipts of the organisation the log holds, by the
	// auditor; Shown is how many of them were given with the report.
	Logged uint64 `json:"logged"`
	Shown  int    `json:"shown"`
	First  string `json:"first,omitzero"`
	Last   string `json:"last,omitzero"`
	// ReceiptGap is the longest time between two receipts shown, HeartbeatGap
	// that between two checkpoints kept, by the clocks of the witnesses.
	ReceiptGap   *Gap `json:"receiptGap,omitzero"`
	HeartbeatGap *Gap `json:"heartbeatGap,omitzero"`
}

// Retention says what became of the receipts' bodies.
type Retention struct {
	account.Tally
	Rules    []retention.Record `json:"rules"`
	Erasures []account.Erased   `json:"erasures"`
	Sample   *account.Sample    `json:"sample,omitzero"`
	// NotCheckedWhy is the auditor's own count of reasons, over the whole log.
	NotCheckedWhy map[string]uint64 `json:"notCheckedWhy"`
}

// Article12Catalogue returns the controls that the receipts of such a report
// are held against.
func Article12Catalogue() *Catalogue {
	whole := Builtin()
	c := &Catalogue{Catalogue: CatalogueVersion, Title: "Record-keeping"}
	for _, control := range whole.Controls {
		if control.ID == recordsControl || control.ID == eventsControl {
			c.Controls = append(c.Controls, control)
			c.Frameworks = append(c.Frameworks, whole.framework(control.Framework))
		}
	}
	return c
}

// NewArticle12 makes the report from an auditor's account, the proofs that link
// its checkpoints (as far as there are any), and the receipts of the
// organisation, examined with [Article12Catalogue]. names are of the same
// bundles. It verifies the checkpoints and the links with the policy; the counts
// are the auditor's.
func NewArticle12(org string, a *account.Account, links []Link, receipts *Controls, names *Names, p *policy.Policy) *Article12 {
	r := &Article12{
		Report: Article12Version, Statement: article12Statement, Dates: article12Dates, Limits: article12Limits,
		Org: org, Handles: names.Handles(org), Account: a, Links: links, Receipts: receipts, Issuers: a.Issuers, Findings: []account.Finding{},
	}
	r.Integrity = inspect(a, links, p)
	r.account(a)
	r.Recording = Recording{Logged: r.Retention.Receipts, Shown: receipts.Scope.Receipts, First: receipts.Scope.First, Last: receipts.Scope.Last,
		ReceiptGap: receipts.Timeline.LongestGap, HeartbeatGap: r.Integrity.gap()}
	if events := receipts.result(eventsControl); events != nil {
		r.Events = events.Notable
	}
	return r
}

// concerns reports whether something of this handle is about the organisation.
func (r *Article12) concerns(handle string) bool {
	return r.Org == "" || handle == "" || slices.Contains(r.Handles, handle)
}

// account takes from the auditor's account what is about the organisation.
func (r *Article12) account(a *account.Account) {
	r.Retention = Retention{Rules: []retention.Record{}, Erasures: []account.Erased{}, Sample: a.Sample, NotCheckedWhy: a.NotChecked}
	for handle, b := range a.Orgs {
		if r.concerns(handle) {
			r.Retention.Add(b)
		}
	}
	for _, rule := range a.Rules {
		var of struct {
			Org string `json:"org"`
		}
		// A hold over a range of entries names no organisation and concerns all.
		if json.Unmarshal(rule.Entry, &of) == nil && r.concerns(of.Org) {
			r.Retention.Rules = append(r.Retention.Rules, rule)
		}
	}
	for _, e := range a.Erasures {
		if r.concerns(e.Org) {
			r.Retention.Erasures = append(r.Retention.Erasures, e)
		}
	}
	for _, f := range a.Findings {
		if r.concerns(f.Org) {
			r.Findings = append(r.Findings, f)
		}
	}
}

// Sound reports whether nothing speaks against the record: the checkpoints
// hold, nothing is missing or was erased unlawfully, and the auditor found no
// breach.
func (r *Article12) Sound() bool {
	return r.Integrity.Broken == 0 && r.Retention.Missing == 0 && r.Retention.Unlawful == 0 &&
		r.Receipts.Scope.Failed == 0 && !slices.ContainsFunc(r.Findings, func(f account.Finding) bool { return f.Severity == account.Breach })
}

// Complete reports whether all could be looked at: links for every pair of
// checkpoints, every bundle that was given and at least one, and an audit that
// came to its end.
func (r *Article12) Complete() bool {
	return r.Account.Incomplete == "" && r.Integrity.Unlinked == 0 && len(r.Integrity.Checkpoints) > 0 &&
		r.Receipts.Scope.Undecided == 0 && r.Receipts.Scope.Receipts > 0
}

// JSON returns the report, indented.
func (r *Article12) JSON() ([]byte, error) {
	data, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// ParseArticle12 reads such a report strictly. Its errors carry malformed,
// too_large or schema_invalid. That it parses says nothing about its truth.
func ParseArticle12(data []byte) (*Article12, error) {
	canonical, err := jcs.Canonicalize(data, account.MaxBytes+MaxReportBytes)
	if err != nil {
		return nil, err
	}
	r := new(Article12)
	if err := json.Unmarshal(canonical, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "report", "%v", err)
	}
	if r.Report != Article12Version || r.Account == nil || r.Receipts == nil || r.Receipts.Catalogue == nil {
		return nil, verdict.Errorf(verdict.SchemaInvalid, "report", "must be %q, with account and receipts", Article12Version)
	}
	return r, r.Receipts.Catalogue.check()
}
