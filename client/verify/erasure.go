package verify

import (
	"fmt"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/verdict"
)

// checkErasure says whether the log has erased its own copy, if there is
// evidence of it. That an erasure is on record takes nothing away from a bundle
// that somebody kept; evidence that does not hold is a failed check.
func checkErasure(v *verdict.Verdict, b *bundle.Bundle, receipt *entry.Receipt, o Options) {
	if o.Erasure == nil {
		v.Skip(CheckErasure, "a bundle cannot say whether the log has erased its own copy since; ask the log or an auditor")
		return
	}
	if o.Policy == nil || receipt == nil {
		v.Skip(CheckErasure, "there is evidence of an erasure, but nothing to hold it against")
		return
	}
	e, err := Erasure(o.Erasure, o.Policy)
	if err == nil && (e.Org != receipt.Org || !entry.Contains(e.Ranges, b.Index) || o.Erasure.Index <= b.Index) {
		err = verdict.Errorf(verdict.EntryMismatch, "erasure.entry", "does not erase entry %d", b.Index)
	}
	if err != nil {
		v.Fail(CheckErasure, fmt.Errorf("evidence of an erasure: %w", err))
		return
	}
	v.Pass(CheckErasure, fmt.Sprintf("the log has erased its own copy: entry %d of %s says so, %s, asked for by %s",
		o.Erasure.Index, entry.FormatTime(e.At), grounds(e), e.Asked))
}

func grounds(e *entry.Erasure) string {
	if e.Basis == entry.BasisRequest {
		return "on the basis of " + e.Legal
	}
	return "because its retention period ran out"
}

// Erasure verifies evidence of an erasure against a policy, and returns the
// entry that it proves. Whether the erasure was lawful is for an auditor to
// say, who knows the entries before it: see package audit.
func Erasure(evidence *bundle.Erasure, p *policy.Policy) (*entry.Erasure, error) {
	parsed, err := entry.Parse(evidence.Entry)
	if err != nil {
		return nil, err
	}
	e, ok := parsed.(entry.Erasure)
	if !ok {
		return nil, verdict.Errorf(verdict.EntryMismatch, "erasure.entry", "is of kind %q", parsed.Kind())
	}
	verified, err := p.Verify(evidence.Checkpoint)
	if err != nil {
		return nil, err
	}
	cp := verified.Checkpoint
	if err := proof.VerifyInclusion(proof.LeafHash(evidence.Entry), evidence.Index, cp.Size, evidence.Hashes, cp.Root); err != nil {
		return nil, err
	}
	return &e, nil
}
