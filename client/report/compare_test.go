package report

import (
	"slices"
	"strings"
	"testing"
)

func TestCompareFindsWhatWasAltered(t *testing.T) {
	w := newWorld(t)
	bundles := w.many(30)
	made := w.report(usual, bundles...)
	if out := must(Compare(must(ParseControls(must(made.JSON()))), made)); len(out) > 0 {
		t.Errorf("a report differs from itself: %v", out)
	}
	for name, alter := range map[string]func(r *Controls){
		"exceptions hidden":    func(r *Controls) { r.result("nist-govern-1.1").Exceptions = 0 },
		"an exception dropped": func(r *Controls) { c := r.result("nist-govern-1.1"); c.ExceptionList = c.ExceptionList[1:] },
		"a standing":           func(r *Controls) { r.result("nist-govern-1.1").Standing = Supported },
		"an added rejection":   func(r *Controls) { r.Rejected = append(r.Rejected, Rejected{Name: "x"}) },
		"a rule softened":      func(r *Controls) { r.Catalogue.Controls[0].Evidence[0].Rule = "has build" },
		"the policy":           func(r *Controls) { r.Basis.PolicySHA256 = "00" },
		"a score":              func(r *Controls) { r.Timeline.Periods[0].Scores["clarity"] = Score{Mean: 1} },
	} {
		claimed := must(ParseControls(must(made.JSON())))
		alter(claimed)
		if out := must(Compare(claimed, made)); len(out) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	claimed := must(ParseControls(must(made.JSON())))
	claimed.Scope.Receipts = 29
	if out := must(Compare(claimed, made)); !slices.Equal(out, []string{"scope.receipts: the report says 29, the evidence 30"}) {
		t.Errorf("got %v", out)
	}
	if out := must(Compare(claimed, w.report(usual, bundles[:3]...))); len(out) != maxMismatches || !strings.Contains(strings.Join(out, "\n"), "nothing") {
		t.Errorf("%d differences", len(out))
	}
}
