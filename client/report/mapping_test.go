package report

import (
	"slices"
	"testing"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

type edit = func(*receipt.Build)

func gate(id string, change func(*receipt.Gate)) edit {
	return func(b *receipt.Build) {
		for i := range b.PolicyGates {
			if b.PolicyGates[i].ID == id {
				change(&b.PolicyGates[i])
			}
		}
	}
}

func noGate(id string) edit {
	return func(b *receipt.Build) {
		b.PolicyGates = slices.DeleteFunc(b.PolicyGates, func(g receipt.Gate) bool { return g.ID == id })
	}
}

func deny(g *receipt.Gate) { g.Decision = receipt.Deny }

var (
	noModels  edit = func(b *receipt.Build) { b.Models = nil }
	noJury    edit = func(b *receipt.Build) { b.Jury = nil }
	noEvals   edit = func(b *receipt.Build) { b.Evals = nil }
	noChecks  edit = func(b *receipt.Build) { b.Evals.Checks = nil }
	noGates   edit = func(b *receipt.Build) { b.PolicyGates = nil }
	noTrail   edit = func(b *receipt.Build) { b.AuditTrail = nil }
	noSpec    edit = func(b *receipt.Build) { b.Spec = nil }
	noPlan    edit = func(b *receipt.Build) { b.Plan = nil }
	noConfig  edit = func(b *receipt.Build) { b.Configuration = nil }
	oneVote   edit = func(b *receipt.Build) { b.Jury.Votes = b.Jury.Votes[:1] }
	blocked   edit = func(b *receipt.Build) { b.Jury.Verdict = receipt.Block }
	failed    edit = func(b *receipt.Build) { b.Evals.Checks[0].Passed = false }
	noPact    edit = func(b *receipt.Build) { b.Pact = nil }
	denyWrite      = gate(receipt.GateWriteBranch, deny)
)

// always marks evidence that every verified bundle carries (a bundle without
// it is rejected as a whole, which TestRejectedNeverCounts shows), and what
// TestRunNeedsADID and TestRetentionPromise show.
var always edit

// rows is the control mapping, row by row: for each control and each piece of
// its evidence a receipt that lacks it, and for each notable event one that
// has it.
var rows = map[string]struct{ lacking, notable map[string]edit }{
	"soc2-cc6.1": {lacking: map[string]edit{"identity": always, "run": always,
		"files": func(b *receipt.Build) { b.Diff.Files = nil }}},
	"soc2-cc6.6": {
		lacking: map[string]edit{"gates": noGate(receipt.GateDispatch), "publication": noGate(receipt.GatePublish), "logged": denyWrite, "stopped": denyWrite},
		notable: map[string]edit{"denied": denyWrite}},
	"soc2-cc7.2": {
		lacking: map[string]edit{"gates": noGates, "jury": noJury, "evals": noChecks, "trail": noTrail},
		notable: map[string]edit{"gate-denied": denyWrite, "jury-block": blocked, "eval-failed": failed}},
	"soc2-cc8.1": {
		lacking: map[string]edit{"spec": noSpec, "plan": func(b *receipt.Build) { b.Plan.Rationale = "" }, "jury": oneVote, "approved": blocked,
			"evals": noChecks, "gates": denyWrite, "diff": func(b *receipt.Build) { b.Diff.Head = "" }, "immutable": always},
		notable: map[string]edit{"eval-failed": failed, "no-pull-request": func(b *receipt.Build) { b.Diff.PullRequest = "" }}},
	"iso27001-a.5.7": {lacking: map[string]edit{"models": func(b *receipt.Build) { b.Models[1].Version = "" },
		"jurors": func(b *receipt.Build) { b.Jury.Votes[1].Model = "stranger" }}},
	"iso27001-a.5.23": {lacking: map[string]edit{"vendors": noModels, "dispatch": noGate(receipt.GateDispatch)}},
	"iso27001-a.6.6": {
		lacking: map[string]edit{"gate": noGate(receipt.GatePIIDetection), "silent": gate(receipt.GatePIIDetection, func(g *receipt.Gate) { g.Reason = "found Ada's address" })},
		notable: map[string]edit{"fired": gate(receipt.GatePIIDetection, func(g *receipt.Gate) { g.Fired = new(true) })}},
	"iso27001-a.8.4": {lacking: map[string]edit{"identity": always, "repository": func(b *receipt.Build) { b.Repository = "" },
		"read": noGate(receipt.GateReadRepo), "write": noGate(receipt.GateWriteBranch), "lasting": always}},
	"iso27001-a.8.9": {lacking: map[string]edit{"recorded": noConfig, "hash": noConfig, "obeyed": noGate(receipt.GateDispatch),
		"measured": func(b *receipt.Build) { b.Evals.Checks = b.Evals.Checks[:1] }}},
	"iso27001-a.8.16": {lacking: map[string]edit{"trail": noTrail, "logged": always, "located": always}},
	"iso27001-a.8.25": {
		lacking: map[string]edit{"spec": noSpec, "plan": noPlan, "gates": noGates, "evals": noEvals, "votes": oneVote, "signed": always},
		notable: map[string]edit{"not-approved": blocked}},
	"iso27001-a.8.28": {
		lacking: map[string]edit{"checks": noChecks, "gates": noGates},
		notable: map[string]edit{"check-failed": failed, "gate-denied": denyWrite}},
	"eu-ai-act-11": {lacking: map[string]edit{"models": noModels, "cards": func(b *receipt.Build) { b.Models[0].Card = "" }, "purpose": noSpec,
		"risk": func(b *receipt.Build) { b.Risk = nil }, "assessment": noJury}},
	"eu-ai-act-12":    {lacking: map[string]edit{"signed": always, "dated": always, "immutable": always, "retained": always}},
	"eu-ai-act-50":    {lacking: map[string]edit{"disclosed": noModels, "verifiable": always, "public": gate(receipt.GatePublish, deny)}},
	"nist-govern-1.1": {lacking: map[string]edit{"pact": noPact, "bound": noPact}},
	"nist-map-2.3":    {lacking: map[string]edit{"purpose": func(b *receipt.Build) { b.PlanSummary = "" }}},
	"nist-measure-2": {
		lacking: map[string]edit{"composite": noEvals, "dimensions": func(b *receipt.Build) {
			b.Evals.Composite = clone(b.Evals.Composite)
			delete(b.Evals.Composite, "clarity")
		}},
		notable: map[string]edit{"eval-failed": failed}},
	"nist-manage-4": {lacking: map[string]edit{"lasting": always, "kept": always, "project": func(b *receipt.Build) { b.Project = "" }}},
}

// TestControlMapping walks every row of the mapping: a complete receipt carries
// all of the evidence, and a receipt that lacks a piece is an exception that
// names the piece.
func TestControlMapping(t *testing.T) {
	for _, c := range Builtin().Controls {
		t.Run(c.Framework+" "+c.Label, func(t *testing.T) {
			row, ok := rows[c.ID]
			if !ok {
				t.Fatal("no row shows this control")
			}
			w := newWorld(t)
			runs := map[string][]string{}
			w.log(w.sign("complete", nil), dawn, entry.Indefinite)
			for _, item := range c.Evidence {
				change, ok := row.lacking[item.ID]
				if !ok {
					t.Errorf("no receipt lacks %q", item.ID)
				}
				w.logEdited("lacks-"+item.ID, change, runs, item.ID)
			}
			for _, item := range c.Notable {
				if change, ok := row.notable[item.ID]; ok {
					w.logEdited("has-"+item.ID, change, nil, "")
				}
			}
			checkRow(t, w.report(usual, w.seal()...), &c, runs)
		})
	}
}

// logEdited logs a receipt that a row of the mapping makes, if it makes one.
func (w *world) logEdited(run string, change edit, runs map[string][]string, item string) {
	if change == nil {
		return
	}
	if runs != nil {
		runs[run] = append(runs[run], item)
	}
	w.log(w.sign(run, func(c *receipt.Credential) { change(&c.CredentialSubject.Build) }), dawn, entry.Indefinite)
}

func checkRow(t *testing.T, r *Controls, c *Control, runs map[string][]string) {
	t.Helper()
	got := r.result(c.ID)
	if got == nil || got.Population != r.Scope.Receipts || r.Scope.Failed > 0 {
		t.Fatalf("population %+v, rejected %+v", got, r.Rejected)
	}
	if !slices.ContainsFunc(got.Samples, func(s Ref) bool { return s.RunID == "complete" }) && got.WithEvidence <= len(got.Samples) {
		t.Errorf("the complete receipt is not among the samples %+v; exceptions %+v", got.Samples, got.ExceptionList)
	}
	for run, items := range runs {
		i := slices.IndexFunc(got.ExceptionList, func(e Ref) bool { return e.RunID == run })
		if i < 0 {
			t.Errorf("%s is no exception", run)
			continue
		}
		for _, item := range items {
			if !slices.Contains(got.ExceptionList[i].Missing, item) {
				t.Errorf("%s is said to miss %v", run, got.ExceptionList[i].Missing)
			}
		}
	}
	for _, item := range got.Notable {
		want := rows[c.ID].notable[item.ID]
		if (want != nil) != (item.Receipts > 0) {
			t.Errorf("notable %s in %d receipts", item.ID, item.Receipts)
		}
	}
}
