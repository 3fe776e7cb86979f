package search

import (
	"encoding/hex"
	"slices"

	"github.com/armalo/receiptlog/client/receipt"
)

// Hit is a receipt that was found, in short.
type Hit struct {
	// Index is its leaf, with which it can be fetched and proven.
	Index    uint64 `json:"index"`
	LoggedAt string `json:"loggedAt"` // RFC 3339, by the log's clock
	// Public is true where anyone may read the receipt.
	Public bool `json:"public"`
	// ReceiptHash is the lower-case hex SHA-256 of the canonical receipt.
	ReceiptHash string `json:"receiptHash"`
	// BundleURL is where its bundle is, below the log's prefix.
	BundleURL string `json:"bundleUrl"`

	RunID      string `json:"runId"`
	Issuer     string `json:"issuer"`
	Org        string `json:"org"`
	Project    string `json:"project,omitzero"`
	Repository string `json:"repository,omitzero"`
	Commit     string `json:"commit,omitzero"`
	DiffSHA256 string `json:"diffSha256"`
	Title      string `json:"title,omitzero"`
	Verdict    string `json:"verdict,omitzero"`
	// Configuration is the hash that the receipt states for it.
	Configuration string  `json:"configuration,omitzero"`
	Models        []Model `json:"models,omitzero"`
	// GatesDenied and EvalsFailed are ids, in the order of the receipt.
	GatesDenied []string `json:"gatesDenied,omitzero"`
	EvalsFailed []string `json:"evalsFailed,omitzero"`
}

// Model is a model that took part.
type Model struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Version  string `json:"version,omitzero"`
	Role     string `json:"role"`
}

// HitOf returns what a hit says of a receipt itself. Index, LoggedAt and
// BundleURL are left out.
func HitOf(r *receipt.Receipt) Hit {
	c := r.Credential()
	b := &c.CredentialSubject.Build
	sum := r.Hash()
	h := Hit{
		Public: r.Publishable(), ReceiptHash: hex.EncodeToString(sum[:]),
		RunID: b.RunID, Issuer: c.Issuer, Org: b.Org, Project: b.Project,
		Repository: b.Repository, Commit: b.Diff.Head, DiffSHA256: b.Diff.SHA256,
	}
	if b.Spec != nil {
		h.Title = b.Spec.Title
	}
	if b.Jury != nil {
		h.Verdict = b.Jury.Verdict
	}
	if b.Configuration != nil {
		h.Configuration = b.Configuration.SHA256
	}
	for _, m := range b.Models {
		h.Models = append(h.Models, Model{m.Provider, m.Model, m.Version, m.Role})
	}
	for _, g := range b.PolicyGates {
		if g.Decision == receipt.Deny && !slices.Contains(h.GatesDenied, g.ID) {
			h.GatesDenied = append(h.GatesDenied, g.ID)
		}
	}
	if b.Evals != nil {
		for _, e := range b.Evals.Checks {
			if !e.Passed && !slices.Contains(h.EvalsFailed, e.ID) {
				h.EvalsFailed = append(h.EvalsFailed, e.ID)
			}
		}
	}
	return h
}
