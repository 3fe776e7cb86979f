package main

import (
	"context"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
	"github.com/armalo/receiptlog/cmd/receiptctl/draft"
	"github.com/armalo/receiptlog/cmd/receiptctl/issuerkey"
)

type issueFlags struct {
	repo, rev, base, in, key, out string
	issuer, method                string
	id, runID, created            string
	noFiles                       bool
	example                       string
}

func newIssue() *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "issue --key FILE --in BUILD.JSON [--repo DIR] [--commit REV] [-o RECEIPT.JSON]",
		Short: "make a signed receipt of a git commit",
		Long: `Issue makes a receipt of a git commit and signs it (eddsa-jcs-2022).

From git come base, head, the files touched and the SHA-256 of the diff. Base is
the commit's first parent, git's empty tree for a first commit, or --base.
From the JSON file come spec, plan, models, jury, evals, gates, configuration,
pact, risk and audit trail. "receiptctl issue --example DIR" writes one to start
from. A member that is not known there is an error.

The diff is hashed so that it comes out the same on any machine; settings and
attributes of yours do not change it. "receiptctl diff" prints it, and how to
make it with git alone.

With --id, --run-id and --created given, the same commit, file and key make the
same receipt, byte for byte.

Exit status: 0 issued, 1 not issued, 2 usage.`,
		Example: `  receiptctl issue --example .
  receiptctl issue --key issuer.key --in build.json -o receipt.json
  receiptctl issue --key issuer.key --in build.json --repo ~/src/app --commit v1.2 --base v1.1 -o -`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return issue(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "the issuer's key `file`, as keygen makes it")
	flags.StringVar(&f.in, "in", "", "JSON `file` with all that git does not know (\"-\" for standard input)")
	flags.StringVar(&f.repo, "repo", ".", "`folder` of the git repository")
	flags.StringVar(&f.rev, "commit", "HEAD", "the commit, by any `name` git knows it by")
	flags.StringVar(&f.base, "base", "", "compare with this `commit` instead of the first parent")
	flags.StringVarP(&f.out, "out", "o", "-", "`file` to write the receipt to; must not exist (\"-\" for standard output)")
	flags.StringVar(&f.issuer, "issuer", "", "the issuer's `DID` (default: the key file's)")
	flags.StringVar(&f.method, "method", "", "the key's `id` in the issuer's DID document (default: the key file's)")
	flags.StringVar(&f.id, "id", "", "the receipt's id, a `URI` (default: a random urn:uuid)")
	flags.StringVar(&f.runID, "run-id", "", "the build run's `id` (default: the JSON file's, else made of the commit and a random number)")
	flags.StringVar(&f.created, "created", "", "`time` of issue, as in 2026-05-12T10:00:00Z (default: now)")
	flags.BoolVar(&f.noFiles, "no-files", false, "leave the list of files out (the diff's hash still covers them)")
	flags.StringVar(&f.example, "example", "", "write an example of the JSON file into `folder`, and do nothing else")
	return cmd
}

func issue(cmd *cobra.Command, f issueFlags) error {
	if f.example != "" {
		return writeExample(cmd.OutOrStdout(), f.example)
	}
	if f.key == "" || f.in == "" {
		return exit.Misused(cmd, "both --key and --in are needed")
	}
	if f.out != "-" && exists(f.out) {
		return exit.With(exit.Usage, fmt.Errorf("%s exists already", f.out), "nothing was written; choose another name or remove it first")
	}
	key, err := loadKey(f)
	if err != nil {
		return err
	}
	d, err := readDraft(cmd.InOrStdin(), f.in)
	if err != nil {
		return err
	}
	change, err := readChange(cmd.Context(), f)
	if err != nil {
		return err
	}
	stamp, err := f.stamp(key, d, change)
	if err != nil {
		return exit.Misused(cmd, "%v", err)
	}
	signed, err := sign(d.Credential(stamp, diffOf(change, f.noFiles)), key, stamp.Time)
	if err != nil {
		return explainRefusal(f.in, err)
	}
	if err := writeNew(cmd.OutOrStdout(), f.out, append(signed, '\n')); err != nil {
		return err
	}
	if f.out != "-" {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: receipt for run %s\n  commit %s, %s, diff of %s\n  diff sha256 %x\n  signed with %s\n",
			f.out, stamp.RunID, change.Head, counted(len(change.Files), "file"), counted(int(change.Bytes), "byte"), change.SHA256, key.Method)
	}
	return nil
}

func loadKey(f issueFlags) (*issuerkey.Key, error) {
	key, err := issuerkey.Load(f.key)
	switch {
	case errors.Is(err, issuerkey.ErrExposed):
		return nil, exit.With(exit.Usage, err, "make it yours alone with: chmod 600 "+f.key)
	case errors.Is(err, os.ErrNotExist):
		return nil, exit.With(exit.Usage, err, "make one with: receiptctl keygen -o "+f.key)
	case err != nil:
		return nil, exit.With(exit.Usage, err, "")
	}
	if f.issuer != "" {
		key.Controller = f.issuer
	}
	if f.method != "" {
		key.Method = f.method
	}
	return key, nil
}

func readDraft(stdin io.Reader, name string) (*draft.Draft, error) {
	data, err := readInput(stdin, name, draft.MaxBytes)
	if err != nil {
		return nil, err
	}
	beside := filepath.Dir(name) // of "-" it is "."
	d, err := draft.Parse(data, func(file string) ([]byte, error) {
		return readInput(nil, filepath.Join(beside, file), maxNamedFile)
	})
	if err != nil {
		return nil, explainRefusal(name, err)
	}
	return d, nil
}

// maxNamedFile bounds a spec, plan or pact: documents that people read.
const maxNamedFile = 16 << 20

func readChange(ctx context.Context, f issueFlags) (*commit.Change, error) {
	repo, err := commit.Open(ctx, f.repo)
	if err != nil {
		return nil, exit.With(exit.Usage, err, hintForGit(err))
	}
	change, err := repo.Read(ctx, f.base, f.rev)
	if err != nil {
		return nil, exit.With(exit.Bad, err, hintForGit(err))
	}
	return change, nil
}

func hintForGit(err error) string {
	switch {
	case errors.Is(err, commit.ErrNoGit):
		return "install git: the diff is made with it"
	case errors.Is(err, commit.ErrMissing):
		return "a shallow clone lacks history; get it with: git fetch --unshallow"
	}
	return ""
}

func diffOf(c *commit.Change, noFiles bool) receipt.Diff {
	d := receipt.Diff{SHA256: hex.EncodeToString(c.SHA256[:]), Base: c.Base, Head: c.Head}
	if !noFiles {
		d.Files = c.Files
	}
	return d
}

func sign(c *receipt.Credential, key *issuerkey.Key, at time.Time) ([]byte, error) {
	encoded, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return receipt.Sign(encoded, key.Private, receipt.SignOptions{VerificationMethod: key.Method, Created: at})
}

// explainRefusal complains about a draft, or about the receipt made of it,
// with the place in the file that was read.
func explainRefusal(name string, err error) error {
	if v, ok := errors.AsType[*verdict.Error](err); ok {
		v.Path = inDraft(v.Path)
		hint := ""
		if v.Code == verdict.TooLarge {
			hint = hints[v.Code]
		}
		return exit.With(exit.Bad, fmt.Errorf("%s: %v (%s)", name, v, v.Code), hint)
	}
	return exit.With(exit.Bad, fmt.Errorf("%s: %w", name, err), "")
}
