package coverage

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Version is the value of the member "report" of a [Report].
const Version = "receiptlog/report/coverage/v1"

// Report is the outcome for a range of commits.
type Report struct {
	Report  string         `json:"report"` // Version
	From    string         `json:"from,omitzero"`
	To      string         `json:"to"`
	Counts  map[Status]int `json:"counts"`
	Commits []Commit       `json:"commits"`
}

// NewReport sums up settled commits.
func NewReport(from, to string, commits []Commit) *Report {
	r := &Report{Report: Version, From: from, To: to, Counts: map[Status]int{}, Commits: commits}
	for _, c := range commits {
		r.Counts[c.Status]++
	}
	return r
}

// Uncovered counts the commits that need a receipt and have none that counts.
func (r *Report) Uncovered() int {
	return r.Counts[Missing] + r.Counts[Mismatched] + r.Counts[Rejected]
}

// JSON returns the report, indented.
func (r *Report) JSON() ([]byte, error) {
	data, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Failure *junitReason `xml:"failure"`
	Error   *junitReason `xml:"error"`
	Output  string       `xml:"system-out,omitempty"`
}

type junitReason struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
}

// JUnit returns the report in the JUnit XML that CI systems show: one test for
// each commit, failed where it is not covered, in error where it is unknown.
func (r *Report) JUnit() ([]byte, error) {
	suite := junitSuite{Name: "receipt coverage", Tests: len(r.Commits), Failures: r.Uncovered(), Errors: r.Counts[Unknown]}
	for _, c := range r.Commits {
		test := junitCase{Class: "commit", Name: plain(short(c.ID) + " " + c.Subject)}
		reason := &junitReason{string(c.Status), plain(c.Detail)}
		switch {
		case c.Status == Unknown:
			test.Error = reason
		case !c.Status.Good():
			test.Failure = reason
		default:
			test.Output = plain(c.Detail)
			if c.RunID != "" {
				test.Output += fmt.Sprintf("; run %s, entry %d", c.RunID, *c.Index)
			}
		}
		suite.Cases = append(suite.Cases, test)
	}
	data, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	return append([]byte(xml.Header), append(data, '\n')...), err
}

// plain leaves out what XML 1.0 cannot carry, and terminals should not.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Line says in one line how a commit stands, without what a commit message
// might smuggle into a terminal.
func (c *Commit) Line() string {
	return plain(fmt.Sprintf("%s %-10s %s: %s", short(c.ID), c.Status, clip(c.Subject), c.Detail))
}

// clip shortens a subject to what fits a line.
func clip(s string) string {
	const most = 50
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
