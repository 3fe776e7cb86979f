package retention

import (
	"fmt"
	"time"

	"github.com/armalo/receiptlog/client/verdict"
)

// What an entry can break. The codes are stable.
const (
	RulesBelowFloor  verdict.Code = "rules_below_floor"  // rules allow less than the operator's or the auditor's minimum
	RulesNoticeShort verdict.Code = "rules_notice_short" // rules give earlier receipts too little notice
	RetainMismatch   verdict.Code = "retain_mismatch"    // a receipt was promised something else than the rules say
	HoldUnknown      verdict.Code = "hold_unknown"       // lifts a hold that does not stand
	ErasureEarly     verdict.Code = "erasure_early"      // erases what is still owed
	ErasureInNotice  verdict.Code = "erasure_in_notice"  // erases by rules whose notice has not run out
	ErasureUnderHold verdict.Code = "erasure_under_hold" // erases what a hold protects
	ErasureAhead     verdict.Code = "erasure_ahead"      // names entries that are not before it
	ErasureMiscount  verdict.Code = "erasure_miscount"   // erases another number of receipts than it says
	ErasureRules     verdict.Code = "erasure_rules"      // names other rules than were in force
	Backdated        verdict.Code = "entry_backdated"    // claims to be older than it can be
	Postdated        verdict.Code = "entry_postdated"    // claims to be newer than it can be
)

// Breach is one promise broken, or one statement that cannot be true.
type Breach struct {
	Code   verdict.Code
	Index  uint64 // the entry that breaks it
	Detail string
}

// Error makes a Breach fit for the log to refuse an entry with.
func (b Breach) Error() string { return b.Detail }

// Coded returns the breach as the error that the rest of client speaks.
func (b Breach) Coded() *verdict.Error { return &verdict.Error{Code: b.Code, Detail: b.Detail} }

func breach(code verdict.Code, index uint64, format string, args ...any) Breach {
	return Breach{Code: code, Index: index, Detail: fmt.Sprintf(format, args...)}
}

// day writes a time for people to read.
func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }
