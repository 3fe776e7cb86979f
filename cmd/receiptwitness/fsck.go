package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/witness"
)

func newFsck() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "fsck --dir DIR",
		Short: "check everything that is stored",
		Long: `Fsck reads every row of the database and verifies every signature in it. The
witness must not be serving. It changes nothing.

Exit status: 0 all is well, 1 damage, 2 usage.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return exit.Misused(cmd, "say which witness, with --dir")
			}
			return fsck(cmd, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	return cmd
}

func fsck(cmd *cobra.Command, dir string) (err error) {
	if _, err := readConfig(dir); err != nil {
		return err
	}
	db, err := openDatabase(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	w, err := openWitness(dir, db, witness.Options{})
	if err != nil {
		return err
	}
	retired, err := loadRetired(dir)
	if err != nil {
		return err
	}
	damaged := 0
	done, err := w.Check(retired, func(row string, err error) {
		damaged++
		fmt.Fprintf(cmd.OutOrStdout(), "damaged: %s: %v\n", row, err)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d logs, %d cosigned checkpoints, %d proofs of misbehaviour, %d damaged\n",
		done.Logs, done.Checkpoints, done.Forks, damaged)
	if damaged > 0 {
		return exit.With(exit.Bad, fmt.Errorf("%d rows are damaged", damaged), "do not serve with it: a witness must know what it cosigned")
	}
	return nil
}
