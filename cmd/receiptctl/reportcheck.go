package main

import (
	"encoding/json/v2"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// checkReport makes a report again from the bundles, and compares.
func checkReport(cmd *cobra.Command, f evidenceFlags, name string, files []string) error {
	data, err := readInput(nil, name, account.MaxBytes)
	if err != nil {
		return err
	}
	var head struct {
		Report string `json:"report"`
	}
	// What is no report at all is told so by the parser of the one or the other.
	if json.Unmarshal(data, &head) == nil && head.Report == report.Article12Version {
		return checkArticle12(cmd, f, name, data, files)
	}
	return checkControls(cmd, f, name, data, files)
}

func checkControls(cmd *cobra.Command, f evidenceFlags, name string, data []byte, files []string) error {
	claimed, err := report.ParseControls(data)
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("%s: %w", name, err), "it takes the JSON form of a report")
	}
	c, err := f.catalogue()
	if err != nil {
		return err
	}
	// Held against other rules, every number would differ and none would say
	// anything.
	if claimed.CatalogueSHA256 != c.SHA256() {
		return exit.With(exit.CannotTell, fmt.Errorf("%s was made with the catalogue %s, not with %s", name, claimed.CatalogueSHA256, c.SHA256()),
			"give the catalogue it was made with, with --catalogue, and --no-builtin where that is all of it")
	}
	made, err := f.collect(cmd, c, claimed.Options, files)
	if err != nil {
		return err
	}
	if err := sayDifferences(cmd, name, claimed, made); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "✓ %s is what %s under this policy\n", name, shows(made.Scope.Receipts))
	return exit.Silently(exitOfEvidence(made))
}

// checkArticle12 makes everything again but the auditor's account, which the
// report carries: its checkpoints and their links are verified, its counts are
// for another audit to repeat.
func checkArticle12(cmd *cobra.Command, f evidenceFlags, name string, data []byte, files []string) error {
	claimed, err := report.ParseArticle12(data)
	if err != nil {
		return exit.With(exit.Bad, fmt.Errorf("%s: %w", name, err), "it takes the JSON form of a report")
	}
	if len(f.catalogues) > 0 || f.noBuiltin {
		return exit.Misused(cmd, "a report on Article 12 has a catalogue of its own")
	}
	c := report.Article12Catalogue()
	if claimed.Receipts.CatalogueSHA256 != c.SHA256() {
		return exit.With(exit.CannotTell, fmt.Errorf("%s was made with the catalogue %s, not with %s", name, claimed.Receipts.CatalogueSHA256, c.SHA256()),
			"check it with the version of receiptctl that made it")
	}
	receipts, names, err := f.collectNamed(cmd, claimed.Receipts.Options, files)
	if err != nil {
		return err
	}
	p, _, err := f.readPolicy(cmd)
	if err != nil {
		return err
	}
	made := report.NewArticle12(claimed.Org, claimed.Account, claimed.Links, receipts, names, p)
	if err := sayDifferences(cmd, name, claimed, made); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "✓ %s is what %s under this policy, and what its %s prove\n", name, shows(receipts.Scope.Receipts), counted(len(made.Integrity.Checkpoints), "checkpoint"))
	fmt.Fprintf(out, "– not checked: what the auditor counted; repeat it with receiptctl audit\n")
	return exit.Silently(exitOfArticle12(made))
}

// sayDifferences compares and prints where two reports differ.
func sayDifferences(cmd *cobra.Command, name string, claimed, made any) error {
	differences, err := report.Compare(claimed, made)
	if err != nil {
		return err
	}
	for _, d := range differences {
		fmt.Fprintf(cmd.OutOrStdout(), "✗ %s\n", plain(d))
	}
	if len(differences) > 0 {
		return exit.With(exit.Bad, errors.New(name+" is not what the evidence shows"), "were all of its bundles given, and no others?")
	}
	return nil
}

// shows is "1 receipt shows" or "n receipts show".
func shows(n int) string {
	if n == 1 {
		return "1 receipt shows"
	}
	return counted(n, "receipt") + " show"
}
