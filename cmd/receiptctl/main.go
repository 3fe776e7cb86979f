// Receiptctl is the program for everybody who is not the log's operator:
// issuers sign and submit build receipts, auditors and anyone affected fetch
// and verify them.
//
//	keygen   make an issuer's key
//	issue    make a signed receipt of a git commit
//	diff     print the diff that a receipt is about
//	submit   log receipts, and keep their bundles
//	get      fetch a run's receipt, bundle or proof
//	search   find receipts by what is in them
//	drift    say when the configuration of builds changed, and what
//	verify   verify bundles and receipts, offline
//	report   say what receipts show, for auditors and regulators
//	coverage find the commits that have no receipt, or not the right one
//	export   pack receipts, proofs and reports into one archive for procurement
//
// Exit status: 0 good, 1 bad (a verification failed, a receipt was refused), 2
// usage, 3 cannot tell.
package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func main() { exit.Main(newRoot()) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "receiptctl",
		Short: "issue, submit, fetch, verify and audit build receipts",
		Long: `receiptctl issues, submits, fetches and verifies build receipts.

A build receipt is a signed record of one change that an AI agent made: what
was asked, what was planned, who judged it, which gates it passed, and the hash
of the diff. A receipt log makes it impossible to alter, drop or backdate one
unseen. You need no account and no trust in the log to verify a receipt.`,
		Example: `  receiptctl keygen -o issuer.key --did did:web:example.com
  receiptctl issue --key issuer.key --in build.json -o receipt.json
  receiptctl submit receipt.json --url https://log.example.com
  receiptctl verify receipt.bundle.json --policy policy.txt --repo .`,
	}
	root.AddCommand(
		newKeygen(),
		newIssue(),
		newDiff(),
		newSubmit(),
		newGet(),
		newSearch(),
		newDrift(),
		newVerify(),
		newAudit(),
		newMonitor(),
		newReport(),
		newCoverage(),
		newExport(),
	)
	return root
}
