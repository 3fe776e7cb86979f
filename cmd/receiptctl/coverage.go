package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
	"github.com/armalo/receiptlog/cmd/receiptctl/coverage"
)

type coverageFlags struct {
	repo, from, to, policy, url, require, junit string
	dirs, runs, issuers                         []string
	firstParent, json, quiet                    bool
}

func newCoverage() *cobra.Command {
	var f coverageFlags
	cmd := &cobra.Command{
		Use:   "coverage [BUNDLE...] --policy POLICY.TXT --from REV [--to REV] [--dir DIR | --url URL]",
		Short: "find the commits that have no receipt, or not the right one",
		Long: `Coverage compares a branch with receipts: which commits have a logged and verified
receipt with the very hash of their diff, which have none, and which have one
that does not match. A log cannot show what was never submitted; git can.

The diff is made as "receiptctl issue" makes it, so nothing local changes it.

  covered     a receipt approves this very diff (whatever commit it names: a
              rebased or squashed change is still the change approved)
  within      a receipt for several commits at once covers it
  merge       a merge that adds nothing of its own to what it brings together
  mismatched  a receipt names this commit and approves another diff
  rejected    its receipts did not verify, or are not as --issuer and --require
              want them
  missing     no receipt
  unknown     the diff could not be made, as in a shallow clone

Bundles come from files, from folders with --dir, and with --url from the log:
those whose receipts name one of the commits, the runs that --run names, and those
that commits name in a trailer such as "` + commit.RunTrailer + `: run-17". Private
receipts are found with a key that may read them, in $` + tokenVariable + `.

Any issuer that the log takes is good enough unless --issuer says whose
receipts count, and any verdict of the jury unless --require asks for more:

  --require "build.jury.verdict = 'approve'"

Fit for a gate in CI. Exit status: 0 all covered, 1 one is not, 2 usage, 3 cannot
tell.`,
		Example: `  receiptctl coverage --from origin/main --to HEAD --dir bundles --policy policy.txt
  receiptctl coverage --from v1.2 --to v1.3 --first-parent --dir bundles --policy policy.txt --junit coverage.xml
  receiptctl coverage --from origin/main --url https://log.example.com --policy policy.txt --issuer did:web:example.com`,
		RunE: func(cmd *cobra.Command, args []string) error { return cover(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.repo, "repo", ".", "`folder` of the git repository")
	flags.StringVar(&f.from, "from", "", "only commits that this `revision` does not have (default: all history)")
	flags.StringVar(&f.to, "to", "HEAD", "up to this `revision`")
	flags.BoolVar(&f.firstParent, "first-parent", false, "follow the first parent of merges only: a merge stands for what it brought in")
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.StringArrayVar(&f.dirs, "dir", nil, "`folder` of bundles; may be given several times")
	flags.StringVar(&f.url, "url", "", "the log's `URL`, to fetch bundles from")
	flags.StringArrayVar(&f.runs, "run", nil, "with --url, fetch the receipts of this `run` too; may be given several times")
	flags.StringArrayVar(&f.issuers, "issuer", nil, "only receipts of this issuer's `DID` count; may be given several times")
	flags.StringVar(&f.require, "require", "", "only receipts for which this `rule` holds count; see receiptctl report catalogue --help")
	flags.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	flags.StringVar(&f.junit, "junit", "", "write JUnit XML for a CI system to this `file`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print only the commits that are not covered")
	return cmd
}

func cover(cmd *cobra.Command, f coverageFlags, files []string) error {
	demand, err := f.demand(cmd, files)
	if err != nil {
		return err
	}
	repo, err := commit.Open(cmd.Context(), f.repo)
	if err != nil {
		return exit.With(exit.Usage, err, hintForGit(err))
	}
	bar := newProgress(cmd.ErrOrStderr(), "read commits", 0)
	survey, err := coverage.NewSurvey(cmd.Context(), repo, f.from, f.to, f.firstParent, runtime.GOMAXPROCS(0), func(_, total int) {
		bar.total = total
		bar.step()
	})
	bar.clear()
	if err != nil {
		return exit.With(exit.CannotTell, err, hintForGit(err))
	}
	if err := f.gather(cmd, survey, demand, files); err != nil {
		return err
	}
	commits, err := survey.Settle(cmd.Context())
	if err != nil {
		return exit.With(exit.CannotTell, err, hintForGit(err))
	}
	return f.tell(cmd, coverage.NewReport(f.from, f.to, commits))
}

// demand reads what the flags ask of receipts.
func (f coverageFlags) demand(cmd *cobra.Command, files []string) (*coverage.Demand, error) {
	if f.policy == "" {
		return nil, exit.Misused(cmd, "say whom to trust, with --policy FILE")
	}
	if len(files) == 0 && len(f.dirs) == 0 && f.url == "" {
		return nil, exit.Misused(cmd, "say where bundles are: files, a folder with --dir, or a log with --url")
	}
	if len(f.runs) > 0 && f.url == "" {
		return nil, exit.Misused(cmd, "--run goes with --url")
	}
	p, err := loadPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	d := &coverage.Demand{Verifier: verify.NewVerifier(verify.Options{Policy: p}), Issuers: f.issuers}
	if f.require != "" {
		if d.Require, err = report.ParseRule(f.require); err != nil {
			return nil, exit.With(exit.Usage, fmt.Errorf("--require: %w", err), "a rule is as in: build.jury.verdict = 'approve'")
		}
	}
	return d, nil
}

// gather hands the survey every claim that there is.
func (f coverageFlags) gather(cmd *cobra.Command, survey *coverage.Survey, demand *coverage.Demand, files []string) error {
	source := bundles.Source{Files: files, Dirs: f.dirs}
	total, err := source.Count()
	if err != nil {
		return cannotRead(err)
	}
	type result struct {
		claim coverage.Claim
		ok    bool
	}
	bar := newProgress(cmd.ErrOrStderr(), "verified", total)
	err = bundles.Examine(cmd.Context(), source, runtime.GOMAXPROCS(0), func(b bundles.Bundle) result {
		claim, ok := demand.Read(b.Data)
		return result{claim, ok}
	}, func(r result) error {
		if r.ok {
			survey.Add(r.claim)
		}
		bar.step()
		return nil
	})
	bar.clear()
	if err != nil {
		return cannotRead(err)
	}
	if f.url == "" {
		return nil
	}
	client, err := dialWithKey(cmd, f.url)
	if err != nil {
		return err
	}
	if err := f.fetch(cmd, client, survey, demand); err != nil {
		return err
	}
	return f.find(cmd, client, survey, demand)
}

// find asks the log for the receipts that name the commits.
func (f coverageFlags) find(cmd *cobra.Command, client *api.Client, survey *coverage.Survey, demand *coverage.Demand) error {
	bar := newProgress(cmd.ErrOrStderr(), "asked for", len(survey.Commits()))
	defer bar.clear()
	for _, id := range survey.Commits() {
		for hit, err := range client.Search(cmd.Context(), search.Query{Commit: id}, 0) {
			var data []byte
			if err == nil {
				data, err = client.Bundle(cmd.Context(), hit.RunID, api.At(hit.Index))
			}
			if err != nil {
				return refused(err)
			}
			if claim, ok := demand.Read(data); ok {
				survey.Add(claim)
			}
		}
		bar.step()
	}
	return nil
}

// fetch asks the log for the receipts of runs. A run that the log does not have
// is no error: the commit that names it stays without a receipt.
func (f coverageFlags) fetch(cmd *cobra.Command, client *api.Client, survey *coverage.Survey, demand *coverage.Demand) error {
	runs := append(survey.Runs(), f.runs...)
	bar := newProgress(cmd.ErrOrStderr(), "fetched", len(runs))
	defer bar.clear()
	for _, run := range runs {
		all, err := bundlesOf(cmd.Context(), client, run)
		if err != nil {
			return refused(err)
		}
		for _, data := range all {
			if claim, ok := demand.Read(data); ok {
				survey.Add(claim)
			}
		}
		bar.step()
	}
	return nil
}

// bundlesOf fetches the bundles of all receipts of a run; none if the log shows
// no such run.
func bundlesOf(ctx context.Context, client *api.Client, run string) ([][]byte, error) {
	data, err := client.Bundle(ctx, run, api.Only)
	if p, ok := errors.AsType[*api.Problem](err); ok && (p.Code == verdict.NotLogged || p.Code == verdict.Erased || p.Code == verdict.Malformed) {
		return nil, nil
	}
	several, ok := errors.AsType[*api.Several](err)
	if !ok {
		return [][]byte{data}, err
	}
	var all [][]byte
	for _, r := range several.Listing.Receipts {
		data, err := client.Bundle(ctx, run, api.At(r.Index))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// tell prints the outcome and chooses the exit status.
func (f coverageFlags) tell(cmd *cobra.Command, r *coverage.Report) error {
	if f.junit != "" {
		data, err := r.JUnit()
		if err == nil {
			err = durable.Replace(f.junit, data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	status := exit.Good
	switch {
	case r.Uncovered() > 0:
		status = exit.Bad
	case r.Counts[coverage.Unknown] > 0:
		status = exit.CannotTell
	}
	if f.json {
		data, err := r.JSON()
		if err != nil {
			return err
		}
		if _, err := cmd.OutOrStdout().Write(data); err != nil {
			return err
		}
		return exit.Silently(status)
	}
	f.list(cmd.OutOrStdout(), r)
	return exit.Silently(status)
}

func (f coverageFlags) list(out io.Writer, r *coverage.Report) {
	p := newPainter(out)
	for i := range r.Commits {
		c := &r.Commits[i]
		mark := p.paint(green, "✓")
		switch {
		case c.Status == coverage.Unknown:
			mark = p.paint(grey, "–")
		case !c.Status.Good():
			mark = p.paint(red, "✗")
		case f.quiet:
			continue
		}
		fmt.Fprintln(out, mark, c.Line())
	}
	good := len(r.Commits) - r.Uncovered() - r.Counts[coverage.Unknown]
	fmt.Fprintf(out, "%d of %s covered\n", good, counted(len(r.Commits), "commit"))
}
