package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
)

// painter writes verdicts for people, in colour where they look at a terminal
// and have not asked for none (NO_COLOR, see no-color.org).
type painter struct {
	w      io.Writer
	colour bool
}

func newPainter(w io.Writer) painter {
	return painter{w: w, colour: isTerminal(w) && os.Getenv("NO_COLOR") == ""}
}

const (
	green = "32"
	red   = "31"
	grey  = "90"
	bold  = "1"
)

func (p painter) paint(colour, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// verdict prints every check of v and what follows from them, for the file
// named.
func (p painter) verdict(name string, v *verdict.Verdict) {
	fmt.Fprintf(p.w, "%s\n", p.paint(bold, name))
	width := 0
	for _, c := range v.Checks {
		width = max(width, len(label(c.Name)))
	}
	for _, c := range v.Checks {
		fmt.Fprintf(p.w, "  %s %-*s  %s\n", p.mark(c.Status), width, label(c.Name), said(c))
	}
	fmt.Fprintln(p.w)
	fmt.Fprintln(p.w, p.conclusion(v))
	if skipped := notChecked(v); len(skipped) > 0 {
		fmt.Fprintf(p.w, "not checked: %s\n", strings.Join(skipped, ", "))
	}
}

// brief prints one line on v, and its reasons.
func (p painter) brief(name string, v *verdict.Verdict) {
	fmt.Fprintf(p.w, "%s: %s\n", name, p.conclusion(v))
}

func (p painter) mark(s verdict.Status) string {
	switch s {
	case verdict.Passed:
		return p.paint(green, "✓")
	case verdict.Failed:
		return p.paint(red, "✗")
	default:
		return p.paint(grey, "–")
	}
}

func (p painter) conclusion(v *verdict.Verdict) string {
	switch {
	case v.Verified:
		return p.paint(green, "verified") + ": " + held(v)
	case v.Unknown():
		return p.paint(bold, "cannot tell") + ": nothing failed, but what is at hand does not decide"
	}
	var reasons []string
	for _, r := range v.Reasons {
		reasons = append(reasons, string(r.Code))
	}
	return p.paint(red, "NOT VERIFIED") + ": " + strings.Join(reasons, ", ")
}

// held says in words what a verified verdict stands for.
func held(v *verdict.Verdict) string {
	passed := make(map[string]bool)
	for _, c := range v.Checks {
		passed[c.Name] = c.Status == verdict.Passed
	}
	words := "signed by its issuer"
	switch {
	case passed[verify.CheckQuorum]:
		words += ", in the log, and witnessed"
	case passed[verify.CheckInclusion]:
		words += " and in the log"
	}
	if passed[verify.CheckDiff] {
		words += "; the diff is the one approved"
	}
	return words
}

// said is the detail of a check, which for one not made begins by saying so.
func said(c verdict.Check) string {
	if c.Status == verdict.NotChecked {
		return "not checked: " + plain(c.Detail)
	}
	return plain(c.Detail)
}

func notChecked(v *verdict.Verdict) []string {
	var names []string
	for _, c := range v.Checks {
		if c.Status == verdict.NotChecked {
			names = append(names, label(c.Name))
		}
	}
	return names
}

// label is the name of a check as people read it: "diff_url" is "diff url".
func label(name string) string { return strings.ReplaceAll(name, "_", " ") }
