package api

import (
	"encoding/json/jsontext"
)

// SubmitResult answers a submitted receipt that is under a published
// checkpoint: 201 where it is new, 200 where the log already held it.
type SubmitResult struct {
	// Index is the receipt's leaf, the same however often it is submitted.
	Index uint64 `json:"index"`
	// Duplicate is true where the receipt had been logged before.
	Duplicate bool `json:"duplicate"`
	// RunID is credentialSubject.build.runId of the receipt.
	RunID string `json:"runId,omitempty"`
	// ReceiptHash is the lower-case hex SHA-256 of the canonical receipt.
	ReceiptHash string `json:"receiptHash"`
	// Bundle is the JSON bundle, to be read with package bundle. It is absent
	// on an NDJSON line with status 202.
	Bundle jsontext.Value `json:"bundle,omitzero"`
}

// StatusSequenced is the only value of [Sequenced].Status.
const StatusSequenced = "sequenced"

// Sequenced answers 202 to a submission with Prefer: respond-async: the
// receipt is durable and has its index; its bundle can be read later at the
// Location given.
type Sequenced struct {
	Index       uint64 `json:"index"`
	RunID       string `json:"runId"`
	Status      string `json:"status"`
	ReceiptHash string `json:"receiptHash"`
}

// Line answers one line of an NDJSON submission. Exactly one of SubmitResult
// (whose fields stand on the line itself) and Error is set.
type Line struct {
	// Line counts the lines of the request from 1. Blank lines are counted
	// and get no answer.
	Line int `json:"line"`
	// Status is what the receipt would have been answered with on its own.
	Status int `json:"status"`

	*SubmitResult

	Error *Problem `json:"error,omitzero"`
}

// RunListing answers 300 Multiple Choices where a run has several receipts:
// evidence of a conflict, all of which is kept and shown. Of those that were
// erased it says so.
type RunListing struct {
	RunID    string       `json:"runId"`
	Receipts []RunReceipt `json:"receipts"`
	Erased   []RunErased  `json:"erased,omitzero"`
}

// RunErased is a receipt of a run that was erased, by the entry Erasure. Whoever
// picks its index gets the proof of that.
type RunErased struct {
	Index   uint64 `json:"index"`
	Erasure uint64 `json:"erasure"`
}

// RunReceipt is one of the receipts of a run.
type RunReceipt struct {
	Index     uint64         `json:"index"`
	Receipt   jsontext.Value `json:"receipt"`
	BundleURL string         `json:"bundleUrl"`
}

// VerifyRequest asks for the verdict on any receipt, logged or not. The answer
// is a verdict.Verdict.
type VerifyRequest struct {
	Receipt jsontext.Value `json:"receipt"`
	Bundle  jsontext.Value `json:"bundle,omitzero"`
	Diff    *Diff          `json:"diff,omitzero"`
}
