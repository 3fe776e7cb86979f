package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/audit"
)

// auditBar shows how far an audit has come, where a person is looking.
type auditBar struct {
	cmd  *cobra.Command
	step string
	bar  *progress
}

func (b *auditBar) show(p audit.Progress) {
	if b.bar == nil || b.step != p.Step {
		b.clear()
		b.step, b.bar = p.Step, newProgress(b.cmd.ErrOrStderr(), p.Step, int(p.Total))
	}
	b.bar.done = int(p.Done) - 1
	b.bar.step()
}

func (b *auditBar) clear() {
	if b.bar != nil {
		b.bar.clear()
	}
}

// account prints an auditor's account for people.
func (p painter) account(a *account.Account) {
	fmt.Fprintf(p.w, "%s\n", p.paint(bold, a.Origin))
	if a.To.Signed != "" {
		fmt.Fprintf(p.w, "  %s entries, under a checkpoint that %s cosigned%s\n", grouped(a.To.Size), someone(a.To.Witnesses), when(a.To.Last))
		fmt.Fprintf(p.w, "  consistent with every checkpoint since the first that was audited, of %s entries%s\n", grouped(a.From.Size), when(a.From.First))
	}
	if k := a.Kept; k != nil && k.Checked > 0 {
		more := ""
		if !k.Complete {
			more = "; more are kept and were not looked at yet"
		}
		fmt.Fprintf(p.w, "  of the same tree as %s checkpoints that the log keeps of its past, %s of them cosigned as the policy asks%s\n", grouped(k.Checked), grouped(k.Quorate), more)
	}
	for _, kind := range slices.Sorted(maps.Keys(a.Entries)) {
		fmt.Fprintf(p.w, "  %10s  %s\n", grouped(a.Entries[kind]), kind)
	}
	b := a.Bodies
	fmt.Fprintf(p.w, "\nbodies of %s receipts, of which %s are owed\n", grouped(b.Receipts), grouped(b.Owed))
	for _, row := range []struct {
		n    uint64
		what string
	}{
		{b.Present, "present, and what the log committed to"}, {b.Lawful, "erased lawfully"}, {b.Unlawful, "erased unlawfully"},
		{b.Missing, "missing"}, {b.NotChecked, "not checked" + reasons(a.NotChecked)},
	} {
		fmt.Fprintf(p.w, "  %10s  %s\n", grouped(row.n), row.what)
	}
	if s := a.Sample; s != nil {
		fmt.Fprintf(p.w, "  a random sample: if all of it is present, %g %% sure that fewer than %.2g %% of %s are missing\n", 100*s.Confidence, 100*s.Below, grouped(s.Population))
	}
	p.findings(a)
}

func (p painter) findings(a *account.Account) {
	fmt.Fprintln(p.w)
	for _, f := range a.Findings {
		colour := red
		if f.Severity == account.Warning {
			colour = grey
		}
		fmt.Fprintf(p.w, "  %s %s\n", p.paint(colour, string(f.Severity)), plain(fmt.Sprint(f)))
	}
	if a.Dropped > 0 {
		fmt.Fprintf(p.w, "  and %s more\n", grouped(a.Dropped))
	}
	switch a.Outcome() {
	case account.Clean:
		fmt.Fprintln(p.w, p.paint(green, "nothing found"))
	case account.Found:
		fmt.Fprintln(p.w, p.paint(red, "the log broke a promise, or what it says cannot be true"))
	default:
		fmt.Fprintf(p.w, "%s: %s\n", p.paint(bold, "cannot tell"), orElse(a.Incomplete, "not every body could be asked for"))
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func someone(names []string) string {
	if len(names) == 0 {
		return "no witness"
	}
	return fmt.Sprint(names)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", at " + t.UTC().Format(time.RFC3339)
}

func reasons(why map[string]uint64) string {
	if len(why) == 0 {
		return ""
	}
	text := ":"
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		text += fmt.Sprintf(" %s %s", grouped(why[reason]), reason)
	}
	return text
}

// grouped writes a number with its thousands apart.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
