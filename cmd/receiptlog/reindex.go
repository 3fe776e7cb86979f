package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/storage/kv"
	"github.com/armalo/receiptlog/storage/postings"
)

func newReindex() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "reindex --dir DIR",
		Short: "build the indexes of a log anew",
		Long: `Reindex builds the index of receipts, runs and issuers of a log anew, from its
entries and bodies. The log must not be running. If it is interrupted, the next
serve or reindex does it again before anything else.

It also drops the search index. The next serve builds that again, while it takes in
and serves as ever; until that is done, searches are answered with 503 and the code
index_behind.

Nothing but the indexes is touched. It is needed where fsck says that an index does
not say what the receipts say.

Exit status: 0 done, 2 usage, 3 cannot tell.`,
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
	data := filepath.Join(dir, dataName)
	err = log.Reindex(cmd.Context(), data, c.Origin, kv.Options{}, progress(cmd.ErrOrStderr()))
	var db *kv.DB
	if err == nil {
		db, err = kv.Open(data, kv.Options{Origin: c.Origin})
	}
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
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "rebuilt the index of receipts, runs and issuers\ndropped the search index; the next serve builds it anew")
	return err
}
