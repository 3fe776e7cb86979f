package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/client/verify"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/bundles"
)

type driftFlags struct {
	wanted
	dirs   []string
	policy string
	json   bool
}

func newDrift() *cobra.Command {
	var f driftFlags
	cmd := &cobra.Command{
		Use:   "drift [BUNDLE...] --policy POLICY.TXT [--dir DIR | --url URL [--project NAME] [...]]",
		Short: "say when the configuration of builds changed, and what",
		Long: `Drift lists the configurations under which receipts were made, each by its hash
with its first and last receipt, and every change: the receipt that was made
under another configuration than the one before it of the same organisation and
project, and what was added and removed.

It goes by verified bundles alone: from files, from folders with --dir, or with
--url from the log, where the flags of receiptctl search choose which.

Which receipts were made under one configuration, receiptctl search
--configuration HASH says.

Exit status: 0 the configuration never changed, 1 it did, 2 usage, 3 cannot tell: a
bundle did not verify, or there was none.`,
		Example: `  receiptctl drift --url https://log.example.com --project shop --from 2026-01-01 --policy policy.txt
  receiptctl drift --dir bundles --policy policy.txt`,
		RunE: func(cmd *cobra.Command, args []string) error { return drift(cmd, f, args) },
	}
	f.addTo(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.dirs, "dir", nil, "`folder` of bundles; may be given several times")
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	return cmd
}

func drift(cmd *cobra.Command, f driftFlags, files []string) error {
	if f.policy == "" {
		return exit.Misused(cmd, "say whom to trust, with --policy FILE")
	}
	p, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	none := new(report.Catalogue)
	x, err := report.NewExaminer(none, nil, verify.Options{Policy: p})
	if err != nil {
		return err
	}
	k := report.NewCollector(none, report.Options{})
	bad := 0
	count := func(e *report.Examined) {
		if r := e.Rejection(); r != nil {
			bad++
			fmt.Fprintf(cmd.ErrOrStderr(), "receiptctl: error: %s: %s: %s\n", plain(r.Name), r.Code, plain(r.Detail))
		}
		k.Add(e)
	}
	err = bundles.Examine(cmd.Context(), bundles.Source{Files: files, Dirs: f.dirs}, runtime.GOMAXPROCS(0),
		func(b bundles.Bundle) *report.Examined { return x.Examine(b.Name, b.Data) },
		func(e *report.Examined) error { count(e); return nil })
	if err != nil {
		return cannotRead(err)
	}
	if len(files) == 0 && len(f.dirs) == 0 || f.url != "" {
		if err := f.fetch(cmd, func(name string, data []byte) { count(x.Examine(name, data)) }); err != nil {
			return err
		}
	}
	return f.tell(cmd, k.Drift(), bad)
}

// fetch fetches the bundles that the flags ask for.
func (f driftFlags) fetch(cmd *cobra.Command, use func(name string, data []byte)) error {
	q, err := f.query(cmd)
	if err != nil {
		return err
	}
	client, err := dialWithKey(cmd, f.url)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr(), "fetched", 0)
	defer bar.clear()
	for hit, err := range client.Search(cmd.Context(), q, 0) {
		var data []byte
		if err == nil {
			data, err = client.Bundle(cmd.Context(), hit.RunID, api.At(hit.Index))
		}
		if err != nil {
			return refused(err)
		}
		use(fmt.Sprintf("%s.%d", hit.RunID, hit.Index), data)
		bar.step()
	}
	return nil
}

// tell prints the outcome and chooses the exit status.
func (f driftFlags) tell(cmd *cobra.Command, d report.Drift, bad int) error {
	status := exit.Good
	switch {
	case bad > 0 || len(d.Configurations) == 0:
		status = exit.CannotTell
	case d.ChangeCount > 0:
		status = exit.Bad
	}
	if f.json {
		if err := printJSON(cmd.OutOrStdout(), d); err != nil {
			return err
		}
		return exit.Silently(status)
	}
	listDrift(cmd.OutOrStdout(), d)
	return exit.Silently(status)
}

func listDrift(w io.Writer, d report.Drift) {
	for _, c := range d.Configurations {
		fmt.Fprintf(w, "%s  %s, from entry %d (%s) to %d (%s)\n", c.SHA256, counted(c.Receipts, "receipt"), c.FirstIndex, c.First, c.LastIndex, c.Last)
	}
	if d.Without > 0 {
		fmt.Fprintf(w, "%s without a configuration\n", counted(d.Without, "receipt"))
	}
	for _, c := range d.Changes {
		fmt.Fprintf(w, "\nentry %d, %s, %s: from %s to %s\n", c.Index, c.At, plain(c.Org+suffixed("/", c.Project)), configurationName(c.From), configurationName(c.To))
		for _, what := range c.What {
			for _, list := range []struct {
				sign  string
				words []string
			}{{"-", what.Removed}, {"+", what.Added}} {
				if len(list.words) > 0 {
					fmt.Fprintf(w, "  %s %s: %s\n", list.sign, plain(what.Member), plain(strings.Join(list.words, ", ")))
				}
			}
		}
	}
	fmt.Fprintf(w, "%s, %s\n", counted(len(d.Configurations), "configuration"), counted(d.ChangeCount, "change"))
}

// configurationName is a configuration as people tell it from others.
func configurationName(hash string) string { return cmp.Or(hash[:min(12, len(hash))], "none") }
