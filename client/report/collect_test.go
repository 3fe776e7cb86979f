package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
)

func TestRejectedNeverCounts(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("good", nil), dawn, entry.Indefinite)
	w.log(w.sign("bad", nil), dawn, entry.Indefinite)
	sealed := w.seal()
	tampered := bytes.Replace(sealed[1], []byte("Make the cart add up."), []byte("Make the cart add on."), 1)
	r := w.report(usual, sealed[0], tampered, []byte("{}"))
	if r.Scope.Receipts != 1 || r.Scope.Failed != 2 || r.Scope.Bundles != 3 || len(r.Rejected) != 2 {
		t.Fatalf("scope %+v, rejected %+v", r.Scope, r.Rejected)
	}
	if got := r.Rejected[0]; got.ClaimedRun != "bad" || got.Code != verdict.CommitmentMismatch || *got.ClaimedIndex != 2 || got.Name != "00001.json" {
		t.Errorf("rejected %+v", got)
	}
	if got := r.Rejected[1]; got.Code != verdict.Malformed || got.ClaimedIndex != nil {
		t.Errorf("rejected %+v", got)
	}
	for _, c := range r.Controls {
		if c.Population != 1 || c.Standing != Supported {
			t.Errorf("%s: %+v", c.ID, c)
		}
	}
}

func TestUndecidedIsNotFailed(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("good", nil), dawn, entry.Indefinite)
	w.seal()
	b := w.pending[0]
	b.Issuer = nil // a bundle without evidence of the issuer's key decides nothing
	r := w.report(usual, b.Marshal())
	if r.Scope.Undecided != 1 || r.Scope.Failed != 0 || !r.Rejected[0].Unknown || r.Rejected[0].Code != codeUndecided {
		t.Errorf("scope %+v, rejected %+v", r.Scope, r.Rejected)
	}
	if r.Controls[0].Standing != Nothing {
		t.Errorf("standing %s", r.Controls[0].Standing)
	}
}

// TestRetentionPromise shows Article 12 and MANAGE-4 from what the log promised.
func TestRetentionPromise(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 8, 31, 12, 0, 0, 0, time.UTC)
	for run, retain := range map[string]string{"for-ever": entry.Indefinite, "six-months": "2027-02-28T12:00:00Z", "a-second-short": "2027-02-28T11:59:59Z"} {
		w.log(w.sign(run, nil), at, retain)
	}
	r := w.report(usual, w.seal()...)
	article12 := r.result("eu-ai-act-12")
	if len(article12.ExceptionList) != 1 || article12.ExceptionList[0].RunID != "a-second-short" || !slices.Equal(article12.ExceptionList[0].Missing, []string{"retained"}) {
		t.Errorf("Article 12 exceptions %+v", article12.ExceptionList)
	}
	if article12.Notable[0].Receipts != 2 || len(article12.NotableList) != 2 {
		t.Errorf("shortened: %+v", article12.Notable)
	}
	if manage := r.result("nist-manage-4"); manage.Exceptions != 2 || manage.Standing != Exceptions {
		t.Errorf("MANAGE-4: %+v", manage)
	}
}

func TestUnwitnessedIsNotable(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("run-1", nil), dawn, entry.Indefinite)
	sealed := w.seal()
	w.policy = must(policy.ForLog(w.policy.Logs()[0].VKey))
	r := w.report(usual, sealed...)
	if got := r.result("iso27001-a.8.16"); got.Notable[0].Receipts != 1 || got.Exceptions != 0 {
		t.Errorf("A.8.16 without witnesses: %+v", got)
	}
	if r.Basis.Quorum != "none" {
		t.Errorf("quorum %q", r.Basis.Quorum)
	}
}

func TestRunNeedsADID(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("run-1", func(c *receipt.Credential) { c.CredentialSubject.ID = "urn:build:1" }), dawn, entry.Indefinite)
	r := w.report(usual, w.seal()...)
	if got := r.result("soc2-cc6.1"); got.Standing != NotShown || !slices.Equal(got.ExceptionList[0].Missing, []string{"run"}) {
		t.Errorf("CC6.1: %+v", got)
	}
}

// many logs n receipts, an hour apart, some of them with exceptions.
func (w *world) many(n int) [][]byte {
	for i := range n {
		w.log(w.sign(fmt.Sprintf("run-%03d", i), func(c *receipt.Credential) {
			b := &c.CredentialSubject.Build
			if i%3 == 0 {
				b.Pact = nil
			}
			if i%5 == 0 {
				b.Evals.Checks[1].Passed = false
			}
			b.Project = fmt.Sprint("project-", i%2)
			b.Evals.Composite = map[string]float64{"clarity": float64(i%7) / 7}
			if i >= n/2 {
				b.Configuration.JuryModels = []string{"juror-1", "juror-3"}
			}
		}), dawn.Add(time.Duration(i)*time.Hour), entry.Indefinite)
	}
	return w.seal()
}

func TestOrderDoesNotMatter(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(60)
	o := Options{Samples: 4, List: 7, Seed: "an auditor's"}
	want := must(w.report(o, bundles...).JSON())
	for range 3 {
		rand.Shuffle(len(bundles), func(i, j int) { bundles[i], bundles[j] = bundles[j], bundles[i] })
		if got := must(w.report(o, bundles...).JSON()); !bytes.Equal(got, want) {
			t.Fatal("another order made another report")
		}
	}
	again := w.report(o, append(bundles, bundles[:5]...)...)
	if again.Scope.Duplicates != 5 || again.Scope.Receipts != 60 {
		t.Errorf("scope %+v", again.Scope)
	}
	again.Scope.Duplicates, again.Scope.Bundles = 0, 60
	if got := must(again.JSON()); !bytes.Equal(got, want) {
		t.Error("duplicates changed the report")
	}
}

func TestListsAreBoundedAndTotalsExact(t *testing.T) {
	w := newWorld(t)
	r := w.report(Options{Samples: 4, List: 7}, w.many(60)...)
	got := r.result("nist-govern-1.1")
	if got.Exceptions != 20 || got.WithEvidence != 40 || len(got.ExceptionList) != 7 || len(got.Samples) != 4 {
		t.Errorf("GOVERN-1.1: %+v", got)
	}
	for i, e := range got.ExceptionList {
		if want := fmt.Sprintf("run-%03d", 3*i); e.RunID != want {
			t.Errorf("exception %d is %s, want %s", i, e.RunID, want)
		}
	}
	if r := w.report(Options{}, w.seal()...); len(r.result("nist-govern-1.1").ExceptionList) != 0 {
		t.Error("a list of length 0 has items")
	}
}

func TestSeedDrawsOtherSamples(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(60)
	one := w.report(Options{Samples: 5, Seed: "one"}, bundles...).result("soc2-cc6.1").Samples
	two := w.report(Options{Samples: 5, Seed: "two"}, bundles...).result("soc2-cc6.1").Samples
	if slices.EqualFunc(one, two, func(a, b Ref) bool { return a.RunID == b.RunID }) {
		t.Errorf("both seeds drew %+v", one)
	}
}

func TestWherePicksReceipts(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(60)
	r := w.report(Options{List: 10, Where: "build.project = 'project-1' and entry.at >= '2026-05-13'"}, bundles...)
	if r.Scope.Receipts != 23 || r.Scope.OutOfScope != 37 || r.Controls[0].Population != 23 {
		t.Errorf("scope %+v", r.Scope)
	}
}

func TestConflicts(t *testing.T) {
	w := newWorld(t)
	w.log(w.sign("run-1", nil), dawn, entry.Indefinite)
	w.log(w.sign("run-1", func(c *receipt.Credential) { c.CredentialSubject.Build.Project = "other" }), dawn, entry.Indefinite)
	one := w.seal()
	// The operator shows somebody else another tree, and the witness colludes.
	fork := newWorld(t)
	fork.signers, fork.policy = w.signers, w.policy
	fork.log(fork.sign("run-9", nil), dawn, entry.Indefinite)
	fork.log(fork.sign("run-8", nil), dawn, entry.Indefinite)
	r := w.report(usual, append(one, fork.seal()...)...)
	var kinds []string
	for _, c := range r.Conflicts {
		kinds = append(kinds, c.Kind)
	}
	if !slices.Equal(kinds, []string{ConflictFork, ConflictFork, ConflictFork, ConflictRun}) {
		t.Fatalf("conflicts %+v", r.Conflicts)
	}
	if c := r.Conflicts[3]; c.RunID != "run-1" || !slices.Equal(c.Indices, []uint64{1, 2}) {
		t.Errorf("ambiguous run: %+v", c)
	}
}

func TestDriftSaysWhenAndWhat(t *testing.T) {
	w := newWorld(t)
	r := w.report(usual, w.many(10)...)
	d := r.Drift
	if len(d.Configurations) != 2 || d.Configurations[0].Receipts != 5 || d.Configurations[1].FirstRun != "run-005" || d.ChangeCount != 2 {
		t.Fatalf("drift %+v", d)
	}
	want := "[{juryModels [juror-3] [juror-2]}]"
	for i, c := range d.Changes {
		if got := fmt.Sprint(c.What); got != want || c.From != d.Configurations[0].SHA256 || c.To != d.Configurations[1].SHA256 {
			t.Errorf("change %d: %+v", i, c)
		}
	}
	if d.Changes[0].Project != "project-1" || d.Changes[0].Index != 6 || d.Changes[1].Project != "project-0" {
		t.Errorf("changes %+v", d.Changes)
	}
}

func TestDifferences(t *testing.T) {
	list := func(words ...any) map[string]any { return map[string]any{"list": words} }
	for name, tt := range map[string]struct {
		from, to map[string]any
		want     string
	}{
		"same":      {list("a", "b"), list("a", "b"), "[]"},
		"added":     {list("a"), list("a", "b"), "[{list [b] []}]"},
		"reordered": {list("a", "b"), list("b", "a"), "[{list [b, a] [a, b]}]"},
		"repeated":  {list("a"), list("a", "a"), "[{list [a, a] [a]}]"},
		"scalar":    {map[string]any{"level": 1.0}, map[string]any{"level": 2.0}, "[{level [2] [1]}]"},
		"none":      {nil, list("a"), "[{list [a] []}]"},
	} {
		if got := fmt.Sprint(differences(tt.from, tt.to)); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestTimeline(t *testing.T) {
	for _, tt := range []struct {
		days    int
		unit    string
		periods int
		from    string
	}{{0, "day", 1, "2026-05-12"}, {40, "day", 41, "2026-05-12"}, {100, "week", 15, "2026-05-11"}, {800, "month", 27, "2026-05-01"}} {
		w := newWorld(t)
		w.log(w.sign("first", func(c *receipt.Credential) { c.CredentialSubject.Build.Jury.Verdict = receipt.Block }), dawn, entry.Indefinite)
		w.log(w.sign("last", nil), dawn.AddDate(0, 0, tt.days), entry.Indefinite)
		got := w.report(usual, w.seal()...).Timeline
		if got.Unit != tt.unit || len(got.Periods) != tt.periods || got.Periods[0].From != tt.from {
			t.Errorf("%d days: %s, %d periods from %s", tt.days, got.Unit, len(got.Periods), got.Periods[0].From)
		}
		total := 0
		for _, p := range got.Periods {
			total += p.Receipts
		}
		if total != 2 || got.Periods[0].JuryBlocked != 1 || len(got.Dimensions) != 12 {
			t.Errorf("%d days: %+v", tt.days, got)
		}
	}
}

func TestScoresAreAveraged(t *testing.T) {
	w := newWorld(t)
	for i, score := range []float64{0.1, 0.2, 0.6} {
		w.log(w.sign(fmt.Sprint("run-", i), func(c *receipt.Credential) {
			c.CredentialSubject.Build.Evals.Composite = map[string]float64{"clarity": score}
		}), dawn, entry.Indefinite)
	}
	got := w.report(usual, w.seal()...).Timeline.Periods[0].Scores["clarity"]
	if got != (Score{3, 0.3, 0.1, 0.6}) {
		t.Errorf("got %+v", got)
	}
}

// TestModelsAnswerAnIncident shows A.5.7 and A.5.23: where was this version used.
func TestModelsAnswerAnIncident(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.log(w.sign(fmt.Sprint("run-", i), func(c *receipt.Credential) {
			if b := &c.CredentialSubject.Build; i >= 3 {
				b.Models[0].Version = "2026-05"
			}
		}), dawn.Add(time.Duration(i)*time.Minute), entry.Indefinite)
	}
	r := w.report(usual, w.seal()...)
	i := slices.IndexFunc(r.Models, func(m ModelUse) bool { return m.Version == "2026-05" })
	if i < 0 || r.Models[i].Receipts != 2 || r.Models[i].FirstRun != "run-3" || r.Models[i].LastIndex != 5 {
		t.Errorf("models %+v", r.Models)
	}
	if len(r.Vendors) != 2 || r.Vendors[0].Provider != "Example" || r.Vendors[0].Receipts != 5 {
		t.Errorf("vendors %+v", r.Vendors)
	}
	if len(r.Issuers) != 1 || r.Issuers[0].Receipts != 5 || r.Issuers[0].DID != issuerDID {
		t.Errorf("issuers %+v", r.Issuers)
	}
}

func TestParseControls(t *testing.T) {
	w := newWorld(t)
	data := must(w.report(usual, w.many(10)...).JSON())
	r, err := ParseControls(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := must(r.JSON()); !bytes.Equal(again, data) {
		t.Error("a report does not survive being read and written")
	}
	for name, replace := range map[string][2]string{
		"version":   {ControlsVersion, "other"},
		"member":    {`"statement"`, `"extra": 1, "statement"`},
		"catalogue": {`"catalogue": {`, `"catalog": {`},
		"rule":      {"has build.planSummary", "has has"},
	} {
		if _, err := ParseControls([]byte(strings.Replace(string(data), replace[0], replace[1], 1))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestWholeMonths(t *testing.T) {
	for _, tt := range []struct {
		from, until string
		want        int
	}{{"2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", 1}, {"2026-01-31T00:00:00Z", "2026-02-27T23:59:59Z", 0}, {"2027-08-31T10:00:00Z", "2028-02-29T10:00:00Z", 6},
		{"2027-08-31T10:00:00Z", "2028-02-28T23:00:00Z", 5}, {"2026-05-12T00:00:00Z", "2036-05-12T00:00:00Z", 120}, {"2026-05-12T00:00:00Z", "2020-01-01T00:00:00Z", 0}} {
		from, until := must(time.Parse(time.RFC3339, tt.from)), must(time.Parse(time.RFC3339, tt.until))
		if got := wholeMonths(from, until); got != tt.want {
			t.Errorf("%s to %s: %d months, want %d", tt.from, tt.until, got, tt.want)
		}
	}
}
