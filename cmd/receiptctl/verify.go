package main

import (
	"encoding/json/v2"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type verifyFlags struct {
	policy, document, proof string
	diff, repo, erasure     string
	issuers                 []string
	json, quiet             bool
}

func newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE... --policy POLICY.TXT [--diff FILE | --repo DIR]",
		Short: "verify bundles and receipts, offline",
		Long: `Verify says whether a bundle proves what it claims: that the issuer signed the
receipt, that the log committed to exactly this receipt, and that the log and a
quorum of witnesses signed the tree it is in. It needs no network. All it trusts
is the policy file: the keys of logs and witnesses, and the quorum.

Every check is printed: ✓ held, ✗ failed, – not checked, and why not. Give more
evidence to have more checked:

  --repo DIR     makes the diff again from git, and compares its hash
  --diff FILE    hashes a diff that you have
  --did-document the issuer's DID document, for a receipt without a bundle
  --proof        the receipt's .tlog-proof, for a receipt without a bundle
  --issuer       another bundle of this issuer from the same log: an earlier one has
                 the issuer's keys for a .tlog-proof, which has none; a later one
                 shows whether the key was removed since
  --erasure      the log's answer that it has erased its own copy

A receipt without a bundle can be verified too; whether any log holds it is then
not known. Several files get one line each, save those that do not verify.

Exit status: 0 all verified, 1 one failed, 2 usage, 3 cannot tell.`,
		Example: `  receiptctl verify receipt.bundle.json --policy policy.txt
  receiptctl verify receipt.bundle.json --policy policy.txt --repo ~/src/app
  receiptctl verify receipt.json --did-document issuer.did.json
  receiptctl verify *.bundle.json --policy policy.txt --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Misused(cmd, "say which file to verify")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return verifyFiles(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `file`: which logs and witnesses to trust")
	flags.StringVar(&f.document, "did-document", "", "`file` with the issuer's DID document")
	flags.StringVar(&f.proof, "proof", "", ".tlog-proof `file` of a receipt without a bundle")
	flags.StringArrayVar(&f.issuers, "issuer", nil, "`file` with another bundle of the same issuer, for its evidence of the issuer's keys")
	flags.StringVar(&f.erasure, "erasure", "", "`file` with the evidence of an erasure, as the log answers 410 with")
	flags.StringVar(&f.diff, "diff", "", "`file` with the diff to compare (\"-\" for standard input)")
	flags.StringVar(&f.repo, "repo", "", "`folder` of the git repository to make the diff from")
	flags.BoolVar(&f.json, "json", false, "print the verdict as JSON; for several files one line each")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing about what is verified")
	cmd.MarkFlagsMutuallyExclusive("diff", "repo")
	return cmd
}

func verifyFiles(cmd *cobra.Command, f verifyFlags, names []string) error {
	if len(names) == 1 && isArchive(names[0]) {
		return verifyArchive(cmd, f, names[0])
	}
	if len(names) > 1 && (f.proof != "" || f.diff != "") {
		return exit.Misused(cmd, "--proof and --diff go with one file")
	}
	vr, err := gather(cmd, f)
	if err != nil {
		return err
	}
	status := exit.Good
	bar := newProgress(cmd.ErrOrStderr(), "verified", len(names))
	for _, name := range names {
		data, err := readInput(cmd.InOrStdin(), name, maxEvidence)
		if err != nil {
			bar.clear()
			return err
		}
		v, err := vr.judge(cmd, data)
		if err != nil {
			bar.clear()
			return err
		}
		status = worse(status, exitOf(v))
		if err := f.show(cmd, bar, name, len(names), v); err != nil {
			return err
		}
		bar.step()
	}
	bar.clear()
	if status == exit.CannotTell && f.policy == "" && !f.json {
		fmt.Fprintln(cmd.ErrOrStderr(), "receiptctl: hint: give the log's policy file with --policy")
	} else if status == exit.CannotTell && f.proof != "" && len(f.issuers) == 0 && !f.json {
		fmt.Fprintln(cmd.ErrOrStderr(), "receiptctl: hint: a .tlog-proof has no evidence of a did:web issuer's keys: give an earlier bundle of the same issuer with --issuer, or fetch this receipt's with receiptctl get")
	}
	return exit.Silently(status)
}

// show prints one verdict.
func (f verifyFlags) show(cmd *cobra.Command, bar *progress, name string, of int, v *verdict.Verdict) error {
	if f.quiet && v.Verified {
		return nil
	}
	out := cmd.OutOrStdout()
	if isTerminal(out) {
		bar.clear()
	}
	switch {
	case f.json && of == 1:
		return printJSON(out, v)
	case f.json:
		return printLine(out, struct {
			File string `json:"file"`
			*verdict.Verdict
		}{name, v})
	case of > 1 && v.Verified:
		newPainter(out).brief(name, v)
	default:
		newPainter(out).verdict(name, v)
	}
	return nil
}

func printLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

func exitOf(v *verdict.Verdict) int {
	switch {
	case v.Verified:
		return exit.Good
	case v.Unknown():
		return exit.CannotTell
	default:
		return exit.Bad
	}
}

// worse orders outcomes: one failure is a failure, else one doubt is a doubt.
func worse(a, b int) int {
	if a == exit.Bad || b == exit.Bad {
		return exit.Bad
	}
	return max(a, b)
}
