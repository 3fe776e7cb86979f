package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/report"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func newReportCatalogue() *cobra.Command {
	return &cobra.Command{
		Use:   "catalogue",
		Short: "print the built-in catalogue of controls",
		Long: `Catalogue prints the control mapping as data: for each control what an auditor
wants to see, the rule that finds it in a receipt, and what receipts cannot show.
Write your own in the same form, and add it with --catalogue.

A rule is a small expression over what is known of a receipt. Paths start at
build (the receipt's credentialSubject.build), receipt, entry (what the log says:
at, issuer, key, org, retain), place (index, size, retainMonths) and checks (the
outcome of each check of "receiptctl verify"):

  has build.spec.sha256 and build.jury.verdict = 'approve'
  every build.models (has provider and has version)
  count build.jury.votes >= 2
  build.jury.verdict in ['revise', 'block']
  receipt.credentialSubject.id starts 'did:'
  if some build.policyGates (decision = 'deny') then has build.auditTrail
  every build.configuration.evalCheckSet (some $build.evals.checks (id = ^))

Inside of some and every, paths start at the element; $ goes back to the top, ^ to
what encloses the element. "every" asks for at least one. What is not there is
never equal, unequal, more or less than anything.

Exit status: 0 printed, 2 usage.`,
		Example: "  receiptctl report catalogue > mine.json",
		Args:    exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(report.BuiltinJSON())
			return err
		},
	}
}
