package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/cmd/receiptctl/commit"
)

type diffFlags struct {
	repo, rev, base string
	command, sum    bool
}

func newDiff() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff [--repo DIR] [--commit REV] [--base REV]",
		Short: "print the diff that a receipt is about",
		Long: `Diff prints the exact bytes whose SHA-256 stands in a receipt of this commit, so
that they can be read, kept, or hashed with another tool:

  receiptctl diff --commit REV | sha256sum

The bytes are those of this git command, run where no configuration and no
attributes of system, user or repository apply:

  ` + commit.Command("BASE", "HEAD") + `

--command prints it for this commit. --text makes binary files part of the diff
as they are (--binary would depend on the zlib that git was built with); renames
show as a deletion and an addition (their detection depends on limits).

Exit status: 0 printed, 1 not printed, 2 usage.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return printDiff(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.repo, "repo", ".", "`folder` of the git repository")
	flags.StringVar(&f.rev, "commit", "HEAD", "the commit, by any `name` git knows it by")
	flags.StringVar(&f.base, "base", "", "compare with this `commit` instead of the first parent")
	flags.BoolVar(&f.command, "command", false, "print the git command instead")
	flags.BoolVar(&f.sum, "sha256", false, "print the SHA-256 instead")
	cmd.MarkFlagsMutuallyExclusive("command", "sha256")
	return cmd
}

func printDiff(cmd *cobra.Command, f diffFlags) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	repo, err := commit.Open(ctx, f.repo)
	if err != nil {
		return exit.With(exit.Usage, err, hintForGit(err))
	}
	change, err := repo.Read(ctx, f.base, f.rev)
	if err != nil {
		return exit.With(exit.Bad, err, hintForGit(err))
	}
	switch {
	case f.command:
		_, err = io.WriteString(out, commit.Command(change.Base, change.Head)+"\n")
	case f.sum:
		_, err = fmt.Fprintf(out, "%x\n", change.SHA256)
	default:
		_, err = repo.Diff(ctx, out, change.Base, change.Head)
	}
	return err
}
