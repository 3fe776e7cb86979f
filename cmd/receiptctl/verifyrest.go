package main

import (
	"bytes"
	"fmt"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// rest is what an archive has beside receipts and reports: statistics, which are
// made again, and proofs of what governs retention and of erasures.
type rest struct{ statistics *procurement.Statistics }

func newRest(a *procurement.Archive) *rest {
	if !a.Has(procurement.StatisticsName) {
		return &rest{}
	}
	return &rest{procurement.NewStatistics()}
}

// add counts a receipt that verified.
func (r *rest) add(e *report.Examined) {
	if r.statistics != nil && e.Rejection() == nil {
		r.statistics.Add(e.Receipt())
	}
}

// judge notes what is not as the archive says.
func (r *rest) judge(v *archiveVerdict, a *procurement.Archive, p *policy.Policy) {
	differ := func(err error) { v.Differences = append(v.Differences, err.Error()) }
	if err := r.compare(v, a); err != nil {
		differ(err)
	}
	governing, err := a.Retention()
	if err != nil {
		differ(err)
	}
	for _, g := range governing {
		if err := verifyLogged(g, p); err != nil {
			differ(fmt.Errorf("%s: entry %d: %w", procurement.RetentionName, g.Index, err))
		}
	}
	judgeErasures(v, a, p)
}

// compare holds the statistics to the receipts.
func (r *rest) compare(v *archiveVerdict, a *procurement.Archive) error {
	if r.statistics == nil {
		return nil
	}
	claimed, err := a.File(procurement.StatisticsName, procurement.MaxFileBytes)
	if err != nil {
		return err
	}
	if !r.statistics.Whole() {
		v.NotChecked = append(v.NotChecked, procurement.StatisticsName+" has more names than are counted one by one")
		return nil
	}
	made, err := r.statistics.Marshal()
	if err == nil && !bytes.Equal(made, claimed) {
		err = fmt.Errorf("%s is not what the receipts add up to", procurement.StatisticsName)
	}
	return err
}

// verifyLogged verifies that an entry is in the log.
func verifyLogged(g procurement.Logged, p *policy.Policy) error {
	if _, err := entry.Parse(g.Entry); err != nil {
		return err
	}
	verified, err := p.Verify(g.Checkpoint)
	if err != nil {
		return err
	}
	cp := verified.Checkpoint
	return proof.VerifyInclusion(proof.LeafHash(g.Entry), g.Index, cp.Size, g.Hashes, cp.Root)
}

// judgeErasures holds absences that are put down to an erasure to the proof of
// it.
func judgeErasures(v *archiveVerdict, a *procurement.Archive, p *policy.Policy) {
	proven := make(map[string]*entry.Erasure)
	for _, absent := range v.Absent {
		if absent.Why != procurement.WhyErased || absent.Index == nil {
			continue
		}
		what := fmt.Sprintf("the erasure of entry %d", *absent.Index)
		if absent.Evidence == "" {
			v.NotChecked = append(v.NotChecked, what+" came after the checkpoint of this archive: ask the log for its proof")
			continue
		}
		e := proven[absent.Evidence]
		if e == nil {
			evidence, err := a.Erasure(absent.Evidence)
			if err == nil {
				e, err = verify.Erasure(evidence, p)
			}
			if err != nil {
				v.Differences = append(v.Differences, fmt.Sprintf("%s: %v (%s)", what, err, verdict.CodeOf(err)))
				continue
			}
			proven[absent.Evidence] = e
		}
		last := absent.Index
		if absent.Last != nil {
			last = absent.Last
		}
		if !entry.Contains(e.Ranges, *absent.Index) || !entry.Contains(e.Ranges, *last) {
			v.Differences = append(v.Differences, what+" is not in the erasure that is to prove it")
		}
	}
}

func absentReceipts(absent []procurement.Absence) int {
	return (&procurement.Manifest{Absent: absent}).AbsentReceipts()
}
