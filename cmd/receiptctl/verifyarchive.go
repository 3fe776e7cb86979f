package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/procurement"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
)

// archiveVerdict is what verify says of an archive, in JSON too.
type archiveVerdict struct {
	Archive  string                `json:"archive"`
	Scope    string                `json:"scope"`
	Verified bool                  `json:"verified"`
	Receipts int                   `json:"receipts"`
	Good     int                   `json:"receiptsVerified"`
	Failed   []report.Rejected     `json:"failed"`
	Absent   []procurement.Absence `json:"absent"`
	// Differences are where report.json is not what the receipts show.
	Differences []string `json:"differences"`
	// NotChecked are files that could not be made again, and why.
	NotChecked []string `json:"notChecked"`
	// Testimony is what stands there on somebody's word, which only they or another
	// can repeat.
	Testimony []string `json:"testimony"`

	reported bool     // there is a report on controls
	again    []string // the reports that were made again
	exit     int
}

// isArchive reports whether a file begins as a zip does.
func isArchive(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("PK\x03\x04"))
}

// verifyArchive verifies every receipt of an archive and makes its reports
// again.
func verifyArchive(cmd *cobra.Command, f verifyFlags, name string) error {
	if f.proof != "" || f.diff != "" || f.repo != "" || f.document != "" {
		return exit.Misused(cmd, "an archive brings all that its receipts need; only --policy goes with it")
	}
	p, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	if p == nil {
		return exit.Misused(cmd, "say whom to trust, with --policy FILE: it is not in the archive")
	}
	policyFile, err := readInput(nil, f.policy, policy.MaxBytes)
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return cannotRead(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return cannotRead(err)
	}
	a, err := procurement.Open(file, info.Size())
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("%s: %w", name, err), "it was damaged, or altered, or is no procurement archive")
	}
	v, _, err := judgeArchive(cmd, a, p, policyFile, nil)
	if err != nil {
		return err
	}
	if f.json {
		err = printJSON(cmd.OutOrStdout(), v)
	} else if !f.quiet || !v.Verified {
		v.show(cmd.OutOrStdout(), name)
	}
	if err != nil {
		return err
	}
	return exit.Silently(v.exit)
}

// wantedReport is the report that somebody wants made of an archive.
type wantedReport struct {
	catalogue *report.Catalogue
	options   report.Options
	record    *record // nil: no report on record-keeping
}

// What is verified is handed over to be counted in small lots, of so many receipts or
// so many bytes of them: what waits there is memory.
const (
	handedOver      = 32
	handedOverBytes = 1 << 20
)

// archiveTask is what is asked of an archive: its own reports to be made again, or
// the wanted one to be made.
type archiveTask struct {
	catalogue *report.Catalogue
	options   report.Options
	record    *record           // nil: no report on record-keeping
	claimed   *report.Controls  // nil: none to compare with
	claimed12 *report.Article12 // likewise
	examiner  *report.Examiner
}

// ownTask is to make the archive's own reports again. What it asks for that cannot
// be done is its fault.
func ownTask(a *procurement.Archive, v *archiveVerdict, p *policy.Policy) (t archiveTask, err error) {
	t.claimed, t.catalogue, t.options = claimedReport(a, v)
	t.claimed12, t.record = claimedArticle12(a, v, p)
	if t.examiner, err = examinerOf(t.catalogue, t.options, p); err != nil {
		v.Differences = append(v.Differences, "report.json: "+err.Error())
		t.claimed, t.catalogue, t.options = nil, new(report.Catalogue), report.Options{}
		t.examiner, err = examinerOf(t.catalogue, t.options, p)
	}
	return t, err
}

// judgeArchive verifies an archive, and returns the report on it: as the archive
// itself has it, or as it is wanted.
func judgeArchive(cmd *cobra.Command, a *procurement.Archive, p *policy.Policy, policyFile []byte, want *wantedReport) (*archiveVerdict, *report.Controls, error) {
	m := a.Manifest()
	v := &archiveVerdict{Archive: m.Archive, Scope: m.Scope, Failed: []report.Rejected{}, Absent: m.Absent, Differences: []string{}, NotChecked: []string{}, Testimony: []string{}, reported: a.Has("report.json")}
	var t archiveTask
	var err error
	if want == nil {
		t, err = ownTask(a, v, p)
	} else {
		t = archiveTask{catalogue: want.catalogue, options: want.options, record: want.record}
		t.examiner, err = examinerOf(t.catalogue, t.options, p)
	}
	if err != nil {
		return nil, nil, err
	}
	k := report.NewCollector(t.catalogue, t.options)
	if err := v.examine(cmd, a, p, &t, k); err != nil {
		return nil, nil, err
	}
	if v.Receipts != m.Receipts {
		v.Differences = append(v.Differences, fmt.Sprintf("the manifest speaks of %d receipts, the archive has %d", m.Receipts, v.Receipts))
	}
	made := k.Report(p, policyFile)
	if t.claimed != nil {
		err = v.compare(a, t.claimed, made)
	}
	if err == nil && t.claimed12 != nil {
		err = v.compareArticle12(a, t.claimed12, t.record, p, policyFile)
	}
	if err != nil {
		return nil, nil, err
	}
	if want == nil {
		v.leftOver(a)
	}
	v.conclude(made)
	return v, made, nil
}

// examine verifies every receipt of an archive, on all processors, and counts it for
// the reports, in order; then what else the archive has.
func (v *archiveVerdict) examine(cmd *cobra.Command, a *procurement.Archive, p *policy.Policy, t *archiveTask, k *report.Collector) error {
	defer boundMemory()()
	rest := newRest(a)
	bar := newProgress(cmd.ErrOrStderr(), "verified", a.Manifest().Receipts)
	feed := func(_ context.Context, yield func(string) error) error {
		for _, path := range a.Files() {
			if err := yield(path); err != nil {
				return err
			}
		}
		return nil
	}
	type examined struct{ controls, record *report.Examined }
	err := bundles.Parallel(cmd.Context(), feed, runtime.GOMAXPROCS(0), func(path string, yield func([]examined)) {
		var some []examined
		size := 0
		for name, r := range a.Receipts(path) {
			var e *report.Examined
			if r.Err != nil {
				e = report.Unreadable(name, r.Err)
			} else {
				e = t.examiner.ExamineBundle(name, r.Bundle, r.Read)
				size += len(r.Bundle.Receipt)
			}
			if some = append(some, examined{e, t.record.hold(e)}); len(some) == handedOver || size > handedOverBytes {
				yield(some)
				some, size = nil, 0
			}
		}
		yield(some)
	}, func(all []examined) error {
		for _, e := range all {
			v.count(e.controls)
			k.Add(e.controls)
			t.record.add(e.record)
			rest.add(e.controls)
			bar.step()
		}
		return nil
	})
	bar.clear()
	if err == nil {
		rest.judge(v, a, p)
	}
	return err
}

// leftOver says which reports were not made again: those that stand there without
// the one in JSON that says how they were made, and in forms that we do not know.
func (v *archiveVerdict) leftOver(a *procurement.Archive) {
	for _, f := range a.Manifest().Files {
		if procurement.IsReport(f.Path) && !slices.Contains(v.again, f.Path) {
			v.NotChecked = append(v.NotChecked, f.Path+" could not be made again: do not rely on it")
		}
	}
}

// count counts one receipt.
func (v *archiveVerdict) count(e *report.Examined) {
	v.Receipts++
	if why := e.Rejection(); why != nil {
		v.Failed = append(v.Failed, *why)
	} else {
		v.Good++
	}
}

// claimedReport reads the archive's report. Without one that can be made again
// the receipts are held against our own catalogue.
func claimedReport(a *procurement.Archive, v *archiveVerdict) (*report.Controls, *report.Catalogue, report.Options) {
	const name = "report.json"
	own := report.Options{Samples: 5, List: 1000}
	if !a.Has(name) {
		return nil, new(report.Catalogue), report.Options{} // as a log exports it: there is nothing to make again
	}
	data, err := a.File(name, report.MaxReportBytes)
	if err != nil {
		v.NotChecked = append(v.NotChecked, err.Error())
		return nil, report.Builtin(), own
	}
	claimed, err := report.ParseControls(data)
	if err != nil {
		v.Differences = append(v.Differences, name+": "+err.Error())
		return nil, report.Builtin(), own
	}
	if claimed.CatalogueSHA256 != report.Builtin().SHA256() {
		v.NotChecked = append(v.NotChecked, name+" was made with other controls than this version of receiptctl has; read its rules before you rely on it")
	}
	return claimed, claimed.Catalogue, claimed.Options
}

// compare holds the archive's reports to the ones made of its receipts. Bundles
// that the export left out are in the manifest, and in the claimed report alone.
func (v *archiveVerdict) compare(a *procurement.Archive, claimed, made *report.Controls) error {
	made.Scope, made.Rejected = scopeOf(claimed.Scope, made.Scope), claimed.Rejected
	v.allowPolicy("report.json", &claimed.Basis, &made.Basis)
	differences, err := report.Compare(claimed, made)
	if err != nil {
		return err
	}
	v.Differences = append(v.Differences, differences...)
	again, err := renderControls(made)
	v.compareFiles(a, again, "report.json")
	return err
}

// compareFiles holds the renderings of a report to how they are made of it; the
// report itself was compared.
func (v *archiveVerdict) compareFiles(a *procurement.Archive, again []reportFile, but string) {
	for _, r := range again {
		v.again = append(v.again, r.name)
		if r.name == but || !a.Has(r.name) {
			continue
		}
		data, err := a.File(r.name, procurement.MaxFileBytes)
		if err != nil {
			v.Differences = append(v.Differences, err.Error())
		} else if !bytes.Equal(data, r.data) {
			v.NotChecked = append(v.NotChecked, r.name+" is not as this version of receiptctl writes it; make it again with receiptctl export")
		}
	}
}

// allowPolicy lets a report name another policy file than the one at hand: whoever
// verifies has a policy from a source of their own, and what counts is that the
// report comes out the same under it.
func (v *archiveVerdict) allowPolicy(name string, claimed, made *report.Basis) {
	if claimed.PolicySHA256 != made.PolicySHA256 {
		v.Testimony = append(v.Testimony, fmt.Sprintf("that %s was made with the policy file with the SHA-256 %s, which is not yours; it was made again with yours", name, claimed.PolicySHA256))
		made.PolicySHA256 = claimed.PolicySHA256
	}
}

// scopeOf takes what an archive cannot show about the bundles that were given
// to the export from the report's own word: how many there were, and how many
// did not count. It takes nothing about those that did.
func scopeOf(claimed, made report.Scope) report.Scope {
	claimed.Receipts, claimed.First, claimed.Last = made.Receipts, made.First, made.Last
	return claimed
}

func (v *archiveVerdict) conclude(made *report.Controls) {
	slices.SortFunc(v.Failed, func(a, b report.Rejected) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	failed := slices.ContainsFunc(v.Failed, func(r report.Rejected) bool { return !r.Unknown })
	forked := slices.ContainsFunc(made.Conflicts, func(c report.Conflict) bool { return c.Kind == report.ConflictFork })
	switch {
	case failed || forked || len(v.Differences) > 0:
		v.exit = exit.Bad
	case len(v.Failed) > 0 || len(v.NotChecked) > 0 || v.Receipts == 0:
		v.exit = exit.CannotTell
	}
	v.Verified = v.exit == exit.Good
}

// maxShown bounds each list that people are shown.
const maxShown = 20

func (v *archiveVerdict) show(w io.Writer, name string) {
	p := newPainter(w)
	mark := func(good bool) string {
		if good {
			return p.mark(verdict.Passed)
		}
		return p.mark(verdict.Failed)
	}
	fmt.Fprintf(w, "%s\n  %s\n", p.paint(bold, name), plain(v.Scope))
	fmt.Fprintf(w, "  %s receipts     %d of %d verified\n", mark(v.Good == v.Receipts), v.Good, v.Receipts)
	for _, r := range v.Failed[:min(len(v.Failed), maxShown)] {
		fmt.Fprintf(w, "      %s: %s: %s\n", plain(r.Name), r.Code, plain(r.Detail))
	}
	if v.reported || len(v.Differences) > 0 {
		fmt.Fprintf(w, "  %s report       %s\n", mark(len(v.Differences) == 0), counted(len(v.Differences), "difference")+" from what the receipts show")
	} else if len(v.NotChecked) == 0 {
		fmt.Fprintf(w, "  %s report       there is none; receiptctl export adds one\n", p.mark(verdict.NotChecked))
	}
	for _, d := range v.Differences[:min(len(v.Differences), maxShown)] {
		fmt.Fprintf(w, "      %s\n", plain(d))
	}
	for _, what := range v.Testimony {
		fmt.Fprintf(w, "  %s not checked: %s\n", p.mark(verdict.NotChecked), plain(what))
	}
	for _, why := range v.NotChecked {
		fmt.Fprintf(w, "  %s not checked: %s\n", p.mark(verdict.NotChecked), plain(why))
	}
	if len(v.Absent) > 0 {
		fmt.Fprintf(w, "  %s absent       %s, by the manifest\n", p.mark(verdict.NotChecked), counted(absentReceipts(v.Absent), "receipt"))
		for _, a := range v.Absent[:min(len(v.Absent), maxShown)] {
			where := a.Name
			if a.Index != nil {
				where = strings.TrimSpace(fmt.Sprintf("%s entry %d", a.Name, *a.Index))
			}
			if a.Last != nil {
				where = fmt.Sprintf("entries %d to %d, %s of the scope", *a.Index, *a.Last, counted(a.Receipts(), "receipt"))
			}
			proof := ""
			if a.Evidence != "" {
				proof = "; its proof is here"
			}
			fmt.Fprintf(w, "      %s: %s%s\n", plain(where), plain(strings.TrimSpace(a.Why+" "+a.Detail)), proof)
		}
	}
	switch v.exit {
	case exit.Good:
		fmt.Fprintln(w, p.paint(green, "verified"))
	case exit.Bad:
		fmt.Fprintln(w, p.paint(red, "NOT VERIFIED"))
	default:
		fmt.Fprintln(w, p.paint(bold, "cannot tell")+": see what was not checked")
	}
}
