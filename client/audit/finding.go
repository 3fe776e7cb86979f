package audit

import (
	"fmt"
	"slices"

	"github.com/armalo/receiptlog/client/account"
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

// identityOf tells a finding from others; the same one is kept once.
func identityOf(f account.Finding) findingKey {
	k := findingKey{code: f.Code, index: noIndex, detail: f.Witness}
	if f.Index != nil {
		k.index = *f.Index
	} else if f.Severity == account.Breach {
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
func about(index uint64, code verdict.Code, format string, args ...any) account.Finding {
	return account.Finding{Code: code, Severity: account.Breach, Index: &index, Detail: fmt.Sprintf(format, args...)}
}

// maxFindings bounds what is kept of a log that breaks everything.
const maxFindings = 10_000

// findings is a list without repetitions.
type findings struct {
	list    []account.Finding
	dropped uint64 // beyond maxFindings
	seen    map[findingKey]bool
}

func (f *findings) add(finding account.Finding) {
	if f.seen == nil {
		f.seen = make(map[findingKey]bool)
		for _, old := range f.list {
			f.seen[identityOf(old)] = true
		}
	}
	k := identityOf(finding)
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
func (f *findings) drop(which func(account.Finding) bool) {
	f.list = slices.DeleteFunc(clone(f.list), which)
	f.seen = nil
}

// ofNow tells findings about how the log is doing right now from those that
// stay true whatever it does next.
func ofNow(f account.Finding) bool {
	switch f.Code {
	case CheckpointStale, CosignatureMissing, CheckpointInvalid, QuorumNotMet:
		return true
	}
	return false
}

// ofBody tells findings that come of asking for bodies.
func ofBody(f account.Finding) bool {
	switch f.Code {
	case BodyMissing, BodyMismatch, BodyInvalid, BodyWithheld, ErasureWithoutEntry, ErasureNotCarriedOut, ReceiptUnexpected, retention.RetainMismatch:
		return true
	}
	return false
}
