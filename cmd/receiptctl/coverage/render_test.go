package coverage

import (
	"encoding/json/v2"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

func someReport() *Report {
	return NewReport("a", "b", []Commit{
		{ID: strings.Repeat("1", 40), Subject: "fine", Status: Covered, RunID: "run-1", Index: new(uint64(7))},
		{ID: strings.Repeat("2", 40), Subject: "evil \x1b[31m\x00]]> <&\" \xff", Status: Missing, Detail: "no receipt"},
		{ID: strings.Repeat("3", 40), Subject: strings.Repeat("é", 80), Status: Unknown, Detail: "shallow"},
	})
}

func TestJUnit(t *testing.T) {
	data, err := someReport().JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	s := got.Suite
	if s.Tests != 3 || s.Failures != 1 || s.Errors != 1 || len(s.Cases) != 3 {
		t.Errorf("suite %+v", s)
	}
	if s.Cases[0].Failure != nil || s.Cases[1].Failure == nil || s.Cases[2].Error == nil || !strings.HasSuffix(s.Cases[0].Output, "run run-1, entry 7") {
		t.Errorf("cases %+v", s.Cases)
	}
}

func TestLineIsSafeForTerminals(t *testing.T) {
	for _, c := range someReport().Commits {
		line := c.Line()
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || len([]rune(line)) > 120 {
			t.Errorf("%q", line)
		}
	}
}

func TestJSON(t *testing.T) {
	var got Report
	data, err := someReport().JSON()
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err == nil {
		t.Error("a subject that is no UTF-8 went into JSON")
	}
	r := someReport()
	r.Commits = r.Commits[:1]
	if data, err = r.JSON(); err != nil || json.Unmarshal(data, &got) != nil || got.Counts[Covered] != 1 || *got.Commits[0].Index != 7 {
		t.Errorf("%v: %s", err, data)
	}
}

func TestTheClaimThatSaysMostComesFirst(t *testing.T) {
	c := &Commit{ID: "head", SHA256: "sum"}
	want := []Claim{{Head: "head", SHA256: "sum", Index: 3}, {Head: "other", SHA256: "sum", Index: 1}, {Head: "other", SHA256: "sum", Index: 2},
		{Head: "head", SHA256: "else"}, {Head: "head", SHA256: "sum", Refused: "bad"}}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b Claim) int { return a.compare(b, c) })
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
