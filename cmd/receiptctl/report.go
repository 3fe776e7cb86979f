package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
)

// evidenceFlags say what a report is made from, and whom to trust.
type evidenceFlags struct {
	policy     string
	dirs       []string
	catalogues []string
	noBuiltin  bool
}

func (f *evidenceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.StringArrayVar(&f.dirs, "dir", nil, "`folder` of bundles; may be given several times")
	flags.StringArrayVar(&f.catalogues, "catalogue", nil, "`file` with a catalogue of your own, beside the built-in one; may be given several times")
	flags.BoolVar(&f.noBuiltin, "no-builtin", false, "only the controls of --catalogue")
}

func newReport() *cobra.Command {
	var f evidenceFlags
	var check string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "say what receipts show, for auditors and regulators",
		Long: `Report makes reports from verified bundles, offline. A report holds no opinion: it
says what the evidence shows, which receipts lack it, and what receipts cannot
show. Whoever has the bundles and trusts the policy file makes the same report,
byte for byte.

With --check it does that and says where a report differs from the evidence:

  receiptctl report --check report.json --policy policy.txt --dir bundles

Exit status: 0 good (with --check: the report is true to the evidence), 1 bad, 2
usage, 3 cannot tell.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if check == "" {
				return exit.NoOtherCommand(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if check == "" {
				return cmd.Help()
			}
			return checkReport(cmd, f, check, args)
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "make this report `file` (JSON) again from the bundles, and compare")
	f.add(cmd)
	cmd.AddCommand(newReportControls(), newReportArticle12(), newReportCatalogue())
	return cmd
}

// catalogue returns the controls that the flags name.
func (f *evidenceFlags) catalogue() (*report.Catalogue, error) {
	if f.noBuiltin && len(f.catalogues) == 0 {
		return nil, exit.With(exit.Usage, errors.New("--no-builtin leaves no controls"), "name a catalogue with --catalogue FILE")
	}
	var joined *report.Catalogue
	if !f.noBuiltin {
		joined = report.Builtin()
	}
	for _, name := range f.catalogues {
		data, err := readInput(nil, name, report.MaxCatalogueBytes)
		if err != nil {
			return nil, err
		}
		c, err := report.ParseCatalogue(data)
		if err == nil && joined != nil {
			c, err = joined.With(c)
		}
		if err != nil {
			return nil, exit.With(exit.Usage, fmt.Errorf("%s: %w", name, err), `"receiptctl report catalogue" prints one to learn from`)
		}
		joined = c
	}
	return joined, nil
}

// readPolicy reads the policy file, which a report needs, and its text.
func (f *evidenceFlags) readPolicy(cmd *cobra.Command) (*policy.Policy, []byte, error) {
	if f.policy == "" {
		return nil, nil, exit.Misused(cmd, "say whom to trust, with --policy FILE")
	}
	p, err := loadPolicy(f.policy)
	if err != nil {
		return nil, nil, err
	}
	data, err := readInput(nil, f.policy, policy.MaxBytes)
	return p, data, err
}

// collect verifies all bundles and returns the report on controls. each is
// called with every bundle, after it was examined.
func (f *evidenceFlags) collect(cmd *cobra.Command, c *report.Catalogue, o report.Options, files []string, each ...func(bundles.Bundle, *report.Examined)) (*report.Controls, error) {
	if len(files) == 0 && len(f.dirs) == 0 {
		return nil, exit.Misused(cmd, "say which bundles to look at: files, or a folder with --dir")
	}
	p, policyFile, err := f.readPolicy(cmd)
	if err != nil {
		return nil, err
	}
	x, err := examinerOf(c, o, p)
	if err != nil {
		return nil, err
	}
	source := bundles.Source{Files: files, Dirs: f.dirs}
	total, err := source.Count()
	if err != nil {
		return nil, cannotRead(err)
	}
	type result struct {
		b bundles.Bundle
		e *report.Examined
	}
	bar := newProgress(cmd.ErrOrStderr(), "examined", total)
	k := report.NewCollector(c, o)
	err = bundles.Examine(cmd.Context(), source, runtime.GOMAXPROCS(0),
		func(b bundles.Bundle) result { return result{b, x.Examine(b.Name, b.Data)} },
		func(r result) error {
			k.Add(r.e)
			for _, call := range each {
				call(r.b, r.e)
			}
			bar.step()
			return nil
		})
	bar.clear()
	if err != nil {
		if cmd.Context().Err() != nil {
			return nil, cmd.Context().Err()
		}
		return nil, cannotRead(err)
	}
	return k.Report(p, policyFile), nil
}

// examinerOf makes the examiner for what a report's options pick.
func examinerOf(c *report.Catalogue, o report.Options, p *policy.Policy) (*report.Examiner, error) {
	var where *report.Rule
	if o.Where != "" {
		var err error
		if where, err = report.ParseRule(o.Where); err != nil {
			return nil, exit.With(exit.Usage, fmt.Errorf("--where: %w", err), "a rule is as in: build.project = 'shop' and entry.at >= '2026-05'")
		}
	}
	return report.NewExaminer(c, where, verify.Options{Policy: p})
}

// exitOfEvidence says whether all of the evidence held: exceptions to a control
// are for the reader to judge and do not change it.
func exitOfEvidence(r *report.Controls) int {
	for _, c := range r.Conflicts {
		if c.Kind == report.ConflictFork {
			return exit.Bad
		}
	}
	switch {
	case r.Scope.Failed > 0:
		return exit.Bad
	case r.Scope.Undecided > 0 || r.Scope.Receipts == 0:
		return exit.CannotTell
	}
	return exit.Good
}
