package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

func newReindex() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "reindex --dir DIR",
		Short: "drop the search index, so that it is built anew",
		Long: `Reindex drops the search index of a log, which must not be running. The next serve
builds it again from the receipts, while it takes in and serves as ever; until that
is done, searches are answered with 503 and the code index_behind.

Nothing but the index is touched. It is needed where fsck says that the index does
not say what the receipts say.

Exit status: 0 dropped, 2 usage, 3 cannot tell.`,
		Example: `  receiptlog reindex --dir /var/lib/receiptlog`,
		Args:    exit.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return reindex(cmd, dir) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the log's `directory`")
	return cmd
}

func reindex(cmd *cobra.Command, dir string) error {
	if dir == "" {
		return exit.Misused(cmd, "say which log, with --dir")
	}
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	db, err := kv.Open(filepath.Join(dir, dataName), kv.Options{Origin: c.Origin})
	if errors.Is(err, kv.ErrLocked) {
		return exit.With(exit.CannotTell, err, "stop the log first")
	} else if err != nil {
		return exit.With(exit.CannotTell, err, "")
	}
	lists, err := postings.Open(db)
	if err == nil {
		err = lists.Drop()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return exit.With(exit.CannotTell, err, "")
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "dropped the search index; the next serve builds it anew")
	return err
}
