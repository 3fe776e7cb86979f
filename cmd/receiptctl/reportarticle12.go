package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/proof"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/tile"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
)

type article12Flags struct {
	evidenceFlags
	account, org, from, to, url, format string
	out                                 []string
	list                                int
}

func newReportArticle12() *cobra.Command {
	var f article12Flags
	cmd := &cobra.Command{
		Use:   "article12 BUNDLE... --account ACCOUNT.JSON --policy POLICY.TXT [--org ORG] [--dir DIR] [-o FILE]",
		Short: "record-keeping: was it continuous, is it whole, was it kept",
		Long: `Article12 writes what a regulator reads on record-keeping under Article 12 of the
EU AI Act: continuous recording (receipts over time, the longest gap, the log's
heartbeat), integrity (each checkpoint verified, each linked to the next by a
proof), retention (owed, present, lawfully erased, missing, not checked), the
events of Article 12(2) (gate denials, jury blocks, failed evals, configuration
drift), and the identity of issuers and keys. It supports record-keeping under
Article 12; it claims no more.

It is made from an auditor's account of the log, as "receiptctl audit --json"
prints it, and from the bundles of an organisation. With --url the proofs that
link the account's checkpoints are fetched from the log and put into the report,
so that anybody can verify them offline:

  receiptctl report --check article12.json --policy policy.txt --dir bundles

Exit status: 0 nothing speaks against the record, 1 something does, 2 usage, 3
not all could be looked at, or no bundle is of the organisation.`,
		Example: `  receiptctl audit --url https://log.example.com --policy policy.txt --state ./audit --json -o account.json
  receiptctl report article12 --account account.json --policy policy.txt --url https://log.example.com \
      --org acme --dir bundles --from 2026-01-01 --to 2027-01-01 -o article12.html -o article12.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return reportArticle12(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.account, "account", "", "`file` with the auditor's account of the log, in JSON")
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.StringArrayVar(&f.dirs, "dir", nil, "`folder` of bundles; may be given several times")
	flags.StringVar(&f.org, "org", "", "only this `organisation`, as its receipts call it (default: all)")
	flags.StringVar(&f.from, "from", "", "only receipts logged at or after this `time` (2026-05-01 or 2026-05-01T10:00:00Z)")
	flags.StringVar(&f.to, "to", "", "only receipts logged before this `time`")
	flags.StringVar(&f.url, "url", "", "the log's `URL`, to fetch the proofs that link the checkpoints from")
	flags.StringVar(&f.format, "format", "", "print the report as `html or json`")
	flags.StringArrayVarP(&f.out, "out", "o", nil, "`file` to write, .html or .json; must not exist; may be given several times")
	flags.IntVar(&f.list, "list", 1000, "how many receipts each list has at most; totals are exact")
	return cmd
}

func reportArticle12(cmd *cobra.Command, f article12Flags, files []string) error {
	c := controlsFlags{evidenceFlags: f.evidenceFlags, format: f.format, from: f.from, to: f.to, out: f.out}
	c.options = report.Options{Samples: 0, List: f.list, Where: f.where()}
	if err := c.check(cmd); err != nil {
		return err
	}
	for _, name := range append(f.out, "."+f.format) {
		if format := formatOf(name); format == "csv" || format == "oscal" || f.format == "oscal" {
			return exit.Misused(cmd, "a report on Article 12 is HTML or JSON")
		}
	}
	if strings.Contains(f.org, "'") {
		return exit.Misused(cmd, "--org %q is no organisation's name", f.org)
	}
	if f.account == "" {
		return exit.Misused(cmd, "give the auditor's account, with --account FILE")
	}
	a, err := readAccount(f.account)
	if err != nil {
		return err
	}
	receipts, names, err := f.collectNamed(cmd, c.options, files)
	if err != nil {
		return err
	}
	if err := names.Check(f.org); err != nil {
		return unknownOrg(err, receipts, names)
	}
	links := []report.Link{}
	if f.url != "" {
		if links, err = fetchLinks(cmd, f.url, a); err != nil {
			return err
		}
	}
	p, _, err := f.readPolicy(cmd)
	if err != nil {
		return err
	}
	r := report.NewArticle12(f.org, a, links, receipts, names, p)
	return writeArticle12(cmd, f, r)
}

// collectNamed verifies all bundles and returns the receipts that such a report
// is made of, with what the log calls their organisations.
func (f *evidenceFlags) collectNamed(cmd *cobra.Command, o report.Options, files []string) (*report.Controls, *report.Names, error) {
	names := report.NewNames()
	receipts, err := f.collect(cmd, report.Article12Catalogue(), o, files, func(_ bundles.Bundle, e *report.Examined) { names.Add(e) })
	return receipts, names, err
}

// maxNamed is how many organisations a hint names.
const maxNamed = 5

// unknownOrg complains that no bundle is of the organisation asked about. A
// report would count nothing, and look as if nothing were wrong. Bundles that do
// not verify are bad, whosever they are.
func unknownOrg(err error, receipts *report.Controls, names *report.Names) error {
	status, hint := exit.CannotTell, "are these the right bundles? none of them verifies"
	if orgs := names.Orgs(); len(orgs) > 0 {
		more := ""
		if len(orgs) > maxNamed {
			orgs, more = orgs[:maxNamed], fmt.Sprintf(" and %d more", len(orgs)-maxNamed)
		}
		hint = fmt.Sprintf("the bundles are of %s%s: write the name as receipts do, or give bundles of that organisation, as receiptctl export fetches them", strings.Join(orgs, ", "), more)
	}
	if receipts.Scope.Failed > 0 {
		status = exit.Bad
	}
	return exit.With(status, fmt.Errorf("%w (%s)", err, verdict.CodeOf(err)), hint)
}

// where is the rule that picks an organisation's receipts.
func (f *article12Flags) where() string {
	if f.org == "" {
		return ""
	}
	return "build.org = '" + f.org + "'"
}

func readAccount(name string) (*account.Account, error) {
	data, err := readInput(nil, name, account.MaxBytes)
	if err != nil {
		return nil, err
	}
	a, err := account.Parse(data)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), "an account is what receiptctl audit --json prints")
	}
	return a, nil
}

func writeArticle12(cmd *cobra.Command, f article12Flags, r *report.Article12) error {
	render := func(format string) ([]byte, error) {
		if format == "html" {
			return r.HTML()
		}
		return r.JSON()
	}
	for _, name := range f.out {
		data, err := render(formatOf(name))
		if err == nil {
			err = writeNew(cmd.OutOrStdout(), name, data)
		}
		if err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if f.format == "" {
		summariseArticle12(out, r)
		return exit.Silently(exitOfArticle12(r))
	}
	data, err := render(f.format)
	if err == nil {
		_, err = out.Write(data)
	}
	if err != nil {
		return err
	}
	return exit.Silently(exitOfArticle12(r))
}

func exitOfArticle12(r *report.Article12) int {
	switch {
	case !r.Sound():
		return exit.Bad
	case !r.Complete():
		return exit.CannotTell
	}
	return exit.Good
}

func summariseArticle12(w io.Writer, r *report.Article12) {
	fmt.Fprintf(w, "recording   %s logged, %d of them shown here\n", counted(int(r.Recording.Logged), "receipt"), r.Recording.Shown)
	fmt.Fprintf(w, "integrity   %s, %d linked by proofs, %d by the auditor's word, %d do not hold\n",
		counted(len(r.Integrity.Checkpoints), "checkpoint"), r.Integrity.Linked, r.Integrity.Unlinked, r.Integrity.Broken)
	b := &r.Retention.Tally
	fmt.Fprintf(w, "retention   %d owed, %d present, %d lawfully erased, %d unlawfully, %d missing, %d not checked\n", b.Owed, b.Present, b.Lawful, b.Unlawful, b.Missing, b.NotChecked)
	fmt.Fprintf(w, "events     ")
	for _, e := range r.Events {
		fmt.Fprintf(w, " %d %s,", e.Receipts, e.ID)
	}
	fmt.Fprintf(w, " %s of configuration\n", counted(r.Receipts.Drift.ChangeCount, "change"))
	fmt.Fprintf(w, "findings    %d\n\n%s\n", len(r.Findings), r.Statement)
}

// fetchLinks fetches the proof that links each of an account's checkpoints to
// the next. What the log says is verified when the report is made.
func fetchLinks(cmd *cobra.Command, url string, a *account.Account) ([]report.Link, error) {
	client, err := dial(cmd, url)
	if err != nil {
		return nil, err
	}
	signed, err := client.Checkpoint(cmd.Context())
	if err != nil {
		return nil, refused(err)
	}
	latest, err := checkpoint.ParseSigned(signed)
	if err != nil {
		return nil, exit.With(exit.CannotTell, err, "the answer was not a receipt log's; is --url right?")
	}
	read := tilesOf(client, latest.Size)
	bar := newProgress(cmd.ErrOrStderr(), "linked", len(a.Checkpoints)-1)
	defer bar.clear()
	links := []report.Link{}
	for i := 1; i < len(a.Checkpoints); i++ {
		from, to := a.Checkpoints[i-1].Size, a.Checkpoints[i].Size
		bar.step()
		if from == 0 || from >= to || to > latest.Size {
			continue // needs no proof, or can have none
		}
		hashes, err := proof.Consistency(cmd.Context(), read, from, to)
		if err != nil {
			return nil, refused(err)
		}
		links = append(links, report.NewLink(from, to, hashes))
	}
	return links, nil
}

// maxTiles is how many tiles are remembered: 8 MB of those that proofs of
// neighbours share.
const maxTiles = 1024

// tilesOf reads tiles as they are in a log of this size: a log need not keep
// the partial ones of its past, and theirs are the beginnings of these. It is for
// one goroutine.
func tilesOf(client *api.Client, size uint64) proof.TileReader {
	type place struct {
		level uint8
		index uint64
	}
	read := make(map[place][]byte)
	return func(ctx context.Context, level uint8, index uint64, width uint16) ([]byte, error) {
		at := place{level, index}
		if data, ok := read[at]; ok && len(data) >= int(width)*tile.HashSize {
			return data, nil
		}
		data, err := client.Tile(ctx, level, index, max(width, tile.PartialWidth(level, index, size)))
		if err == nil {
			if len(read) >= maxTiles {
				clear(read)
			}
			read[at] = data
		}
		return data, err
	}
}
