package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/witness/admin"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "list, add and retire the keys that cosign",
		Long: `Every key of a witness cosigns every checkpoint, a line each. To rotate a key:

  1. receiptwitness keys add     from now on both lines are on every checkpoint
  2. let everyone who trusts the witness put the new key in their policies
  3. receiptwitness keys retire  once nobody needs the old line

Policies must hold both keys of one witness as one voice: a group of 1.`,
		Args: exit.NoOtherCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysList(), newKeysAdd(), newKeysRetire())
	return cmd
}

func newKeysList() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "print the verifier keys of the keys that cosign",
		Args:  exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return exit.Misused(cmd, "say which witness, with --dir")
			}
			keys, err := loadKeys(dir)
			if err != nil {
				return err
			}
			for _, vkey := range keys.VKeys() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), vkey); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	return cmd
}

func newKeysAdd() *cobra.Command {
	var dir, name, algorithm string
	cmd := &cobra.Command{
		Use:   "add --dir DIR",
		Short: "make a key, and cosign with it from now on",
		Args:  exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || algorithms[algorithm] == nil {
				return exit.Misused(cmd, "say which witness, with --dir; --algorithm is ed25519 or ml-dsa-44")
			}
			c, err := readConfig(dir)
			if err != nil {
				return err
			}
			if name == "" {
				name = c.Name
			}
			vkey, err := generateKey(dir, name, algorithm)
			if err != nil {
				return err
			}
			if err := reload(dir); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), vkey)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	cmd.Flags().StringVar(&name, "name", "", "`name` of the key, if not the witness's")
	cmd.Flags().StringVar(&algorithm, "algorithm", "ml-dsa-44", "`algorithm`: ed25519 or ml-dsa-44")
	return cmd
}

func newKeysRetire() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "retire --dir DIR KEY-ID",
		Short: "cosign no more with a key; its file is kept in keys/retired",
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" || len(args) != 1 {
				return exit.Misused(cmd, "say which witness, with --dir, and which key, by the 8 digits in its verifier key")
			}
			if err := retireKey(dir, args[0]); err != nil {
				return err
			}
			return reload(dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	return cmd
}

// reload makes a witness that serves take up the keys that are there now.
func reload(dir string) error {
	return administer(dir, func(w admin.Witness) error {
		_, err := w.ReloadKeys()
		return err
	})
}
