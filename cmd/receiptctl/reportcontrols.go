package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type controlsFlags struct {
	evidenceFlags
	format, from, to string
	out              []string
	options          report.Options
}

func newReportControls() *cobra.Command {
	var f controlsFlags
	cmd := &cobra.Command{
		Use:   "controls BUNDLE... --policy POLICY.TXT [--dir DIR] [-o FILE]",
		Short: "what receipts show for SOC 2, ISO 27001, the EU AI Act and NIST AI RMF",
		Long: `Controls verifies bundles, holds every receipt against a catalogue of controls, and
says for each control how many receipts it applies to, how many carry the
evidence, which do not and what they lack, and what receipts cannot show for it.
Only bundles that verify count; the others are listed with the reason.

Built in are SOC 2 CC6.1, CC6.6, CC7.2, CC8.1; ISO 27001:2022 A.5.7, A.5.23,
A.6.6, A.8.4, A.8.9, A.8.16, A.8.25, A.8.28; EU AI Act Articles 11, 12, 50; and
NIST AI RMF GOVERN-1.1, MAP-2.3, MEASURE-2, MANAGE-4. A team adds its own with
--catalogue; "receiptctl report catalogue" prints the built-in one to learn from.

-o may be given several times; the name says the format: .html (one page with
plots, for people), .json (the report itself, see "receiptctl report --check"),
.csv, and .oscal.json (NIST OSCAL assessment results). Without -o a summary is
printed, or with --format the report.

Memory grows by some hundred bytes a receipt. Samples are drawn by --seed: an
auditor who picks it cannot be served chosen ones.

Exit status: 0 all bundles verified (exceptions to a control do not change
that), 1 one did not or the log forked, 2 usage, 3 cannot tell.`,
		Example: `  receiptctl report controls --dir bundles --policy policy.txt
  receiptctl report controls --dir bundles --policy policy.txt -o report.html -o report.json
  receiptctl report controls *.bundle.json --policy policy.txt --format csv
  receiptctl report controls --dir bundles --policy policy.txt --from 2026-05-01 --to 2026-06-01 \
      --where "build.project = 'shop'" --seed "$(openssl rand -hex 8)" -o may.html`,
		RunE: func(cmd *cobra.Command, args []string) error { return reportControls(cmd, f, args) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "print the report as `html, json, csv or oscal`")
	flags.StringArrayVarP(&f.out, "out", "o", nil, "`file` to write; must not exist; may be given several times")
	flags.StringVar(&f.from, "from", "", "only receipts logged at or after this `time` (2026-05-01 or 2026-05-01T10:00:00Z)")
	flags.StringVar(&f.to, "to", "", "only receipts logged before this `time`")
	flags.StringVar(&f.options.Where, "where", "", "only receipts for which this `rule` holds")
	flags.IntVar(&f.options.Samples, "samples", 5, "how many receipts to draw as samples for each control")
	flags.StringVar(&f.options.Seed, "seed", "", "a `text` of your own that draws other samples")
	flags.IntVar(&f.options.List, "list", 1000, "how many receipts each list has at most; totals are exact")
	return cmd
}

// renderings are the formats, each with the end of file names that means it.
var renderings = []struct {
	format, suffix string
	render         func(*report.Controls) ([]byte, error)
}{
	{"html", ".html", (*report.Controls).HTML},
	{"csv", ".csv", (*report.Controls).CSV},
	{"oscal", ".oscal.json", (*report.Controls).OSCAL},
	{"json", ".json", (*report.Controls).JSON},
}

func reportControls(cmd *cobra.Command, f controlsFlags, files []string) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	c, err := f.catalogue()
	if err != nil {
		return err
	}
	r, err := f.collect(cmd, c, f.options, files)
	if err != nil {
		return err
	}
	for _, name := range f.out {
		data, err := render(r, formatOf(name))
		if err != nil {
			return err
		}
		if err := writeNew(cmd.OutOrStdout(), name, data); err != nil {
			return err
		}
	}
	if f.format == "" {
		summarise(cmd.OutOrStdout(), r)
		return exit.Silently(exitOfEvidence(r))
	}
	data, err := render(r, f.format)
	if err != nil {
		return err
	}
	if _, err := cmd.OutOrStdout().Write(data); err != nil {
		return err
	}
	return exit.Silently(exitOfEvidence(r))
}

// check holds the flags to what can be done, before any work is.
func (f *controlsFlags) check(cmd *cobra.Command) error {
	if f.format != "" && !known(f.format) {
		return exit.Misused(cmd, "--format %q is none of html, json, csv and oscal", f.format)
	}
	for _, name := range f.out {
		if formatOf(name) == "" {
			return exit.Misused(cmd, "what format is %q? name it .html, .json, .csv or .oscal.json", name)
		}
		if exists(name) {
			return exit.With(exit.Usage, fmt.Errorf("%s exists already", name), "nothing was written; choose another name or remove it first")
		}
	}
	if f.options.Samples < 0 || f.options.List < 0 {
		return exit.Misused(cmd, "--samples and --list must not be negative")
	}
	for _, limit := range []struct{ flag, time, operator string }{{"from", f.from, ">="}, {"to", f.to, "<"}} {
		if limit.time == "" {
			continue
		}
		at, err := parseMoment(limit.time)
		if err != nil {
			return exit.Misused(cmd, "--%s: %v", limit.flag, err)
		}
		rule := fmt.Sprintf("entry.at %s '%s'", limit.operator, at)
		if f.options.Where != "" {
			rule = "(" + f.options.Where + ") and " + rule
		}
		f.options.Where = rule
	}
	return nil
}

func known(format string) bool {
	for _, r := range renderings {
		if r.format == format {
			return true
		}
	}
	return false
}

// formatOf returns the format that a file name means, or "".
func formatOf(name string) string {
	for _, r := range renderings {
		if strings.HasSuffix(filepath.Base(name), r.suffix) {
			return r.format
		}
	}
	return ""
}

func render(r *report.Controls, format string) ([]byte, error) {
	for _, as := range renderings {
		if as.format == format {
			return as.render(r)
		}
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// summarise prints a line for each control.
func summarise(w io.Writer, r *report.Controls) {
	p := newPainter(w)
	marks := map[report.Standing]string{
		report.Supported: p.paint(green, "●"), report.Exceptions: p.paint(bold, "◐"), report.NotShown: p.paint(red, "○"), report.Nothing: p.paint(grey, "–"),
	}
	fmt.Fprintf(w, "%s verified of %s", counted(r.Scope.Receipts, "receipt"), counted(r.Scope.Bundles, "bundle"))
	if r.Scope.First != "" {
		fmt.Fprintf(w, ", logged from %s to %s", r.Scope.First, r.Scope.Last)
	}
	fmt.Fprintln(w)
	framework := ""
	for i := range r.Controls {
		result, control := &r.Controls[i], &r.Catalogue.Controls[i]
		if control.Framework != framework {
			framework = control.Framework
			fmt.Fprintf(w, "\n%s\n", p.paint(bold, frameworkTitle(r.Catalogue, framework)))
		}
		fmt.Fprintf(w, "  %s %-11s %-46s %s\n", marks[result.Standing], control.Label, control.Title, standingOf(result))
	}
	fmt.Fprintln(w)
	for _, x := range r.Rejected[:min(len(r.Rejected), 10)] {
		fmt.Fprintf(w, "%s %s: %s: %s\n", p.paint(red, "✗"), plain(x.Name), x.Code, plain(x.Detail))
	}
	for _, c := range r.Conflicts[:min(len(r.Conflicts), 10)] {
		fmt.Fprintf(w, "%s %s: %s: %s\n", p.paint(red, "✗"), plain(cmp.Or(c.RunID, c.Log)), c.Kind, plain(c.Detail))
	}
	fmt.Fprintln(w, r.Statement)
}

// standingOf says what receipts show for a control.
func standingOf(r *report.Result) string {
	switch r.Standing {
	case report.Nothing:
		return "applies to no receipt"
	case report.Supported:
		return fmt.Sprintf("supported: all of %s", counted(r.Population, "receipt"))
	}
	return fmt.Sprintf("%d of %s, %s", r.WithEvidence, counted(r.Population, "receipt"), counted(r.Exceptions, "exception"))
}

func frameworkTitle(c *report.Catalogue, id string) string {
	for _, f := range c.Frameworks {
		if f.ID == id {
			return f.Title
		}
	}
	return id
}
