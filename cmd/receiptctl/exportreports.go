package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// record collects receipts for the report on record-keeping, beside the one on
// controls. A nil record collects nothing.
type record struct {
	account   *account.Account
	org       string
	links     []report.Link
	examiner  *report.Examiner
	collector *report.Collector
	names     *report.Names // of what is in the archive, and so known to who verifies it
}

// newRecord begins the report on record-keeping with an auditor's account.
func newRecord(a *account.Account, org string, links []report.Link, o report.Options, p *policy.Policy) (*record, error) {
	c := report.Article12Catalogue()
	x, err := examinerOf(c, o, p)
	if err != nil {
		return nil, err
	}
	return &record{a, org, links, x, report.NewCollector(c, o), report.NewNames()}, nil
}

// record begins the report on record-keeping, if there is an account.
func (f *exportFlags) record(cmd *cobra.Command) (*record, error) {
	if f.account == "" {
		return nil, nil
	}
	a, err := readAccount(f.account)
	if err != nil {
		return nil, err
	}
	p, _, err := f.readPolicy(cmd)
	if err != nil {
		return nil, err
	}
	links := []report.Link{}
	if f.url != "" {
		if links, err = fetchLinks(cmd, f.url, a); err != nil {
			return nil, err
		}
	}
	return newRecord(a, f.org, links, report.Options{List: f.options.List, Where: f.options.Where}, p)
}

// hold holds a receipt that was examined against the controls of record-keeping. It
// may be called concurrently.
func (r *record) hold(e *report.Examined) *report.Examined {
	if r == nil {
		return nil
	}
	return r.examiner.Hold(e)
}

// add counts what hold returned.
func (r *record) add(e *report.Examined) {
	if r == nil {
		return
	}
	r.collector.Add(e)
	if e.Counts() {
		r.names.Add(e)
	}
}

// report makes the report of the receipts that were added, as the collector has them.
func (r *record) report(receipts *report.Controls, p *policy.Policy) *report.Article12 {
	return report.NewArticle12(r.org, r.account, r.links, receipts, r.names, p)
}

// reportFile is a report as it stands in an archive.
type reportFile struct {
	name string
	data []byte
}

// reports renders all reports of an archive.
func (f *exportFlags) reports(cmd *cobra.Command, controls *report.Controls, r *record) ([]reportFile, error) {
	files, err := renderControls(controls)
	if err != nil || r == nil {
		return files, err
	}
	p, policyFile, err := f.readPolicy(cmd)
	if err != nil {
		return nil, err
	}
	receipts := r.collector.Report(p, policyFile)
	if err := r.names.Check(r.org); err != nil {
		return nil, unknownOrg(err, receipts, r.names)
	}
	more, err := renderArticle12(r.report(receipts, p))
	return append(files, more...), err
}

func renderControls(r *report.Controls) (files []reportFile, err error) {
	for _, as := range renderings {
		data, err := as.render(r)
		if err != nil {
			return nil, err
		}
		files = append(files, reportFile{procurement.ControlsPrefix + as.suffix[1:], data})
	}
	return files, nil
}

func renderArticle12(r *report.Article12) ([]reportFile, error) {
	page, err := r.HTML()
	if err != nil {
		return nil, err
	}
	data, err := r.JSON()
	if err == nil && len(data) > report.MaxReportBytes {
		err = exit.With(exit.Usage, fmt.Errorf("the report on record-keeping would have %d bytes, at most %d are read", len(data), report.MaxReportBytes), "audit with a state of its own, or give no account")
	}
	return []reportFile{{procurement.Article12Prefix + "html", page}, {article12JSON, data}}, err
}

// article12JSON is the report itself; the page is made from it.
const article12JSON = procurement.Article12Prefix + "json"

// addReports ends an archive with its reports.
func addReports(w *procurement.Writer, reports []reportFile) error {
	for _, r := range reports {
		if err := w.AddFile(r.name, r.data); err != nil {
			return err
		}
	}
	return w.Close()
}
