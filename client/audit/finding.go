package audit

import (
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/retention"
	"github.com/armalo/receiptlog/client/verdict"
)

// What an auditor finds, beside the breaches of package retention. The codes
// are stable.
const (
	CheckpointInvalid = verdict.CheckpointInvalid // no checkpoint of a log that the policy lists
	QuorumNotMet      = verdict.QuorumNotMet      // too few witnesses cosigned

	CheckpointShrunk   verdict.Code = "checkpoint_shrunk"   // older than one that was shown before
	CheckpointStale    verdict.Code = "checkpoint_stale"    // cosigned too long ago
	CosignatureMissing verdict.Code = "cosignature_missing" // a listed witness is silent
	Fork               verdict.Code = "fork"                // two histories, both signed
	EntriesMismatch    verdict.Code = "entries_mismatch"    // entries that are served are not those in the tree

	EntryMalformed        verdict.Code = "entry_malformed"         // of a kind that does not parse
	IssuerDocumentInvalid verdict.Code = "issuer_document_invalid" // an issuer entry whose document is none
	IssuerNotLogged       verdict.Code = "issuer_not_logged"       // no document of the issuer before its receipt
	KeyNotIssuers         verdict.Code = "key_not_issuers"         // signed with a key that was not the issuer's then
	KeyUnexpected         verdict.Code = "key_unexpected"          // a key that a watched issuer does not call its own
	ReceiptUnexpected     verdict.Code = "receipt_unexpected"      // a receipt that a watched issuer does not know

	BodyMissing          verdict.Code = "body_missing"            // owed, and the log does not have it
	BodyMismatch         verdict.Code = "body_mismatch"           // not what the entry commits to
	BodyInvalid          verdict.Code = "body_invalid"            // committed to, but no receipt by that issuer
	BodyWithheld         verdict.Code = "body_withheld"           // shown to some and not to others
	ErasureWithoutEntry  verdict.Code = "erasure_without_entry"   // said to be erased, and no entry says so
	ErasureNotCarriedOut verdict.Code = "erasure_not_carried_out" // erased on record, and still served
)

// Severity tells what breaks a promise from what is worth a look.
type Severity string

const (
	// Breach is something that cannot be with an honest log.
	Breach Severity = "breach"
	// Warning is something that can: a witness that is down, a log that is.
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     verdict.Code `json:"code"`
	Severity Severity     `json:"severity"`
	Index    *uint64      `json:"index,omitzero"` // the entry, where it is about one
	Org      string       `json:"org,omitzero"`   // its organisation's handle, where it has one
	Issuer   string       `json:"issuer,omitzero"`
	Witness  string       `json:"witness,omitzero"`
	Detail   string       `json:"detail"`
	// Evidence is what a third party can check it with: signed checkpoints.
	Evidence []string `json:"evidence,omitzero"`
}

// String says the finding in one line.
func (f Finding) String() string {
	if f.Index == nil {
		return fmt.Sprintf("%s: %s", f.Code, f.Detail)
	}
	return fmt.Sprintf("%s: entry %d %s", f.Code, *f.Index, f.Detail)
}

// key tells a finding from others; the same one is kept once.
func (f Finding) key() findingKey {
	k := findingKey{code: f.Code, index: noIndex, detail: f.Witness}
	if f.Index != nil {
		k.index = *f.Index
	} else if f.Severity == Breach {
		k.detail = f.Detail
	}
	return k
}

type findingKey struct {
	code   verdict.Code
	index  uint64
	detail string
}

const noIndex = ^uint64(0)

// about makes a finding of severity Breach about an entry.
func about(index uint64, code verdict.Code, format string, args ...any) Finding {
	return Finding{Code: code, Severity: Breach, Index: &index, Detail: fmt.Sprintf(format, args...)}
}

// maxFindings bounds what is kept of a log that breaks everything.
const maxFindings = 10_000

// findings is a list without repetitions.
type findings struct {
	list    []Finding
	dropped uint64 // beyond maxFindings
	seen    map[findingKey]bool
}

func (f *findings) add(finding Finding) {
	if f.seen == nil {
		f.seen = make(map[findingKey]bool)
		for _, old := range f.list {
			f.seen[old.key()] = true
		}
	}
	k := finding.key()
	if f.seen[k] {
		return
	}
	if len(f.list) >= maxFindings {
		f.dropped++
		return
	}
	f.seen[k] = true
	f.list = append(f.list, finding)
}

// drop removes findings that are about to be looked for again.
func (f *findings) drop(which func(Finding) bool) {
	f.list = slices.DeleteFunc(clone(f.list), which)
	f.seen = nil
}

// ofNow tells findings about how the log is doing right now from those that
// stay true whatever it does next.
func ofNow(f Finding) bool {
	switch f.Code {
	case CheckpointStale, CosignatureMissing, CheckpointInvalid, QuorumNotMet:
		return true
	}
	return false
}

// ofBody tells findings that come of asking for bodies.
func ofBody(f Finding) bool {
	switch f.Code {
	case BodyMissing, BodyMismatch, BodyInvalid, BodyWithheld, ErasureWithoutEntry, ErasureNotCarriedOut, ReceiptUnexpected, retention.RetainMismatch:
		return true
	}
	return false
}
