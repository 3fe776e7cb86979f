// Package coverage compares the commits of a git repository with verified
// receipts. A log cannot show what was never submitted; git can.
//
// A commit is covered by a receipt that approves the very diff that git makes
// of it, byte for byte (package commit). Which commit the receipt names does
// not matter then: a rebased or squashed change is still the change approved.
// A receipt for several commits at once covers all of them. A merge that git
// would have made by itself brings in nothing of its own and needs no receipt.
package coverage

import (
	"encoding/hex"
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verify"
)

// Status says how a commit stands to the receipts.
type Status string

const (
	Covered    Status = "covered"    // a receipt approves its very diff
	Within     Status = "within"     // a receipt approves a larger diff that it is part of
	Merge      Status = "merge"      // a merge that adds nothing of its own
	Mismatched Status = "mismatched" // a receipt names it, and approves another diff
	Rejected   Status = "rejected"   // its receipts did not verify, or not as required
	Missing    Status = "missing"    // no receipt
	Unknown    Status = "unknown"    // its diff could not be made
)

// Good reports whether a commit of this status needs nothing more.
func (s Status) Good() bool { return s == Covered || s == Within || s == Merge }

// Commit is one commit and what was found for it.
type Commit struct {
	ID      string `json:"commit"`
	Subject string `json:"subject"`
	Status  Status `json:"status"`
	SHA256  string `json:"diffSHA256,omitzero"`
	Detail  string `json:"detail"`
	// The receipt found, where there is one.
	RunID  string  `json:"runId,omitzero"`
	Issuer string  `json:"issuer,omitzero"`
	Index  *uint64 `json:"index,omitzero"`

	base string
}

// Claim is what one bundle says about a diff.
type Claim struct {
	Base, Head, SHA256 string
	RunID, Issuer      string
	Index              uint64
	// Refused says why the bundle does not count; empty means that it does.
	Refused string
}

// Demand says which bundles count.
type Demand struct {
	Verifier *verify.Verifier // says whom to trust
	Issuers  []string         // who may have issued the receipt; empty is anyone the log took
	Require  *report.Rule     // what the receipt must say; nil is nothing
}

// Read verifies a bundle and returns what it says. A bundle that says nothing
// about a diff that can be read is no claim.
func (d *Demand) Read(data []byte) (Claim, bool) {
	b, err := bundle.Parse(data)
	if err != nil {
		return Claim{}, false
	}
	r, err := receipt.Parse(b.Receipt)
	if err != nil {
		return Claim{}, false
	}
	diff := r.Credential().CredentialSubject.Build.Diff
	c := Claim{Base: diff.Base, Head: diff.Head, SHA256: diff.SHA256, RunID: r.RunID(), Issuer: r.Issuer(), Index: b.Index}
	c.Refused = d.refuse(b, r)
	return c, true
}

func (d *Demand) refuse(b *bundle.Bundle, r *receipt.Receipt) string {
	v, parts := d.Verifier.Bundle(b, r)
	switch {
	case len(v.Reasons) > 0:
		return fmt.Sprintf("does not verify: %s: %s", v.Reasons[0].Code, v.Reasons[0].Detail)
	case !v.Verified:
		return "could not be verified"
	}
	if len(d.Issuers) > 0 && !contains(d.Issuers, r.Issuer()) {
		return "was issued by " + r.Issuer()
	}
	if d.Require == nil {
		return ""
	}
	facts, err := report.FactsOf(b, parts, v)
	if err != nil {
		return err.Error()
	}
	if !d.Require.Holds(facts) {
		return "is not as required: " + d.Require.String()
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
