package main

import (
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/report"
)

// claimedArticle12 reads the archive's report on record-keeping, if it has one that
// can be made again, and begins to make it.
func claimedArticle12(a *procurement.Archive, v *archiveVerdict, p *policy.Policy) (*report.Article12, *record) {
	if !a.Has(article12JSON) {
		return nil, nil
	}
	data, err := a.File(article12JSON, report.MaxReportBytes)
	if err != nil {
		v.NotChecked = append(v.NotChecked, err.Error())
		return nil, nil
	}
	claimed, err := report.ParseArticle12(data)
	if err != nil {
		v.Differences = append(v.Differences, article12JSON+": "+err.Error())
		return nil, nil
	}
	if claimed.Receipts.CatalogueSHA256 != report.Article12Catalogue().SHA256() {
		v.NotChecked = append(v.NotChecked, article12JSON+" was made with other controls than this version of receiptctl has")
		return nil, nil
	}
	r, err := newRecord(claimed.Account, claimed.Org, claimed.Links, claimed.Receipts.Options, p)
	if err != nil {
		v.Differences = append(v.Differences, article12JSON+": "+err.Error())
		return nil, nil
	}
	return claimed, r
}

// compareArticle12 holds the archive's report on record-keeping to the receipts and to
// the checkpoints in it. What the auditor counted is for another audit to repeat.
func (v *archiveVerdict) compareArticle12(a *procurement.Archive, claimed *report.Article12, r *record, p *policy.Policy, policyFile []byte) error {
	receipts := r.collector.Report(p, policyFile)
	receipts.Scope, receipts.Rejected = scopeOf(claimed.Receipts.Scope, receipts.Scope), claimed.Receipts.Rejected
	v.allowPolicy(article12JSON, &claimed.Receipts.Basis, &receipts.Basis)
	made := r.report(receipts, p)
	differences, err := report.Compare(claimed, made)
	if err != nil {
		return err
	}
	for _, d := range differences {
		v.Differences = append(v.Differences, article12JSON+": "+d)
	}
	again, err := renderArticle12(made)
	v.compareFiles(a, again, article12JSON)
	v.Testimony = append(v.Testimony, "what the auditor counted, in "+article12JSON+"; repeat it with receiptctl audit")
	return err
}
