package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/config"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// retiredName is the folder of the keys that sign no more.
const retiredName = "retired"

// algorithms are those that a log can sign with, by the name that people give them.
var algorithms = map[string]func(origin string) (skey, vkey string, err error){
	"ed25519":   checkpoint.GenerateEd25519,
	"ml-dsa-44": checkpoint.GenerateMLDSA44,
}

func newLogKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log-keys",
		Short: "list, add and retire the keys that sign checkpoints",
		Long: `Every key of a log signs every checkpoint, a line each, and a verifier that
knows one of them is content. To rotate a key:

  1. receiptlog log-keys add      and start the log again: from then on both sign
  2. let the witnesses know the new key (receiptwitness add-log), and give the new
     policy, which lists both, to those who verify
  3. receiptlog log-keys retire   once nobody needs the old line, and start again

While both sign, old and new policies verify every checkpoint. Bundles that were
made before keep verifying with a policy that still lists the old key: leave its
line where it is, unless the key may be in other hands.

Exit status: 0 done, 1 refused, 2 usage.`,
		Args: exit.NoOtherCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLogKeysList(), newLogKeysAdd(), newLogKeysRetire())
	return cmd
}

func newLogKeysList() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "print the verifier keys of the keys that sign",
		Args:  exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return exit.Misused(cmd, "say which log, with --dir")
			}
			c, err := readConfig(dir)
			if err != nil {
				return err
			}
			signers, err := loadSigners(dir, c.Keys)
			if err != nil {
				return err
			}
			for _, s := range signers {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), s.Verifier().VKey()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the log's `directory`")
	return cmd
}

func newLogKeysAdd() *cobra.Command {
	var dir, algorithm string
	cmd := &cobra.Command{
		Use:   "add --dir DIR",
		Short: "make a key, to sign with from the next start on, and print the policy that lists it too",
		Args:  exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || algorithms[algorithm] == nil {
				return exit.Misused(cmd, "say which log, with --dir; --algorithm is ed25519 or ml-dsa-44")
			}
			text, err := addKey(dir, algorithm)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "the log signs with it too once it is started again; this is %s, for those who verify:\n", filepath.Join(dir, policyName))
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the log's `directory`")
	cmd.Flags().StringVar(&algorithm, "algorithm", "ed25519", "`algorithm`: ed25519 or ml-dsa-44")
	return cmd
}

// addKey makes a key file, announces the key in the policy file, and last has the
// configuration sign with it: broken off, it leaves a log that starts as before.
func addKey(dir, algorithm string) (policyText []byte, err error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	skey, vkey, err := algorithms[algorithm](c.Origin)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(vkey, "+")
	id, _, _ := strings.Cut(rest, "+")
	name := "log-" + strings.ReplaceAll(algorithm, "-", "") + "-" + id + ".key"
	if err := durable.Create(filepath.Join(dir, name), []byte(skey+"\n"), 0o600); err != nil {
		return nil, err
	}
	if policyText, err = addLogLine(dir, vkey); err != nil {
		return nil, err
	}
	c.Keys = append(c.Keys, name)
	return policyText, writeConfig(dir, c)
}

func newLogKeysRetire() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "retire --dir DIR KEY-ID",
		Short: "sign no more with a key, from the next start on; its file is kept in retired/",
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" || len(args) != 1 {
				return exit.Misused(cmd, "say which log, with --dir, and which key, by the 8 digits in its verifier key")
			}
			return retireKey(cmd.ErrOrStderr(), dir, args[0])
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the log's `directory`")
	return cmd
}

func retireKey(w io.Writer, dir, id string) error {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	signers, err := loadSigners(dir, c.Keys)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(signers, func(s *checkpoint.Signer) bool { return fmt.Sprintf("%08x", s.KeyHash()) == id })
	if at < 0 {
		return exit.With(exit.Usage, fmt.Errorf("no key that signs has the ID %q", id), "see them with: receiptlog log-keys list")
	}
	file := c.Keys[at]
	c.Keys, signers = slices.Delete(c.Keys, at, at+1), slices.Delete(signers, at, at+1)
	first, err := successor(dir, signers)
	if err != nil {
		return err
	}
	c.Keys[0], c.Keys[first] = c.Keys[first], c.Keys[0]
	if err := writeConfig(dir, c); err != nil {
		return err
	}
	if err := putAway(dir, file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "the log signs with it no more once it is started again; its line stays in %s, for bundles made before\n", filepath.Join(dir, policyName))
	return err
}

// successor returns which of the remaining keys is to be the first: one of Ed25519,
// with which the latest checkpoint is signed already, so that whoever has only the
// new policy has seen it.
func successor(dir string, signers []*checkpoint.Signer) (int, error) {
	seen, err := readSeen(dir)
	if err != nil {
		return 0, err
	}
	for i, s := range signers {
		if s.Verifier().Algorithm() != checkpoint.Ed25519 {
			continue
		}
		if len(seen) == 0 {
			return i, nil // nothing was published yet
		}
		own, err := policy.ForLog(s.Verifier().VKey())
		if err != nil {
			return 0, err
		}
		if _, err := own.Verify(seen[0]); err == nil {
			return i, nil
		}
	}
	return 0, exit.With(exit.Bad, errors.New("no other Ed25519 key of this log has signed a checkpoint yet"),
		"add one with: receiptlog log-keys add --dir "+dir+", and let the log run with both until all who verify know it")
}

// putAway moves a key file where no log looks for it.
func putAway(dir, file string) error {
	from := file
	if !filepath.IsAbs(from) {
		from = filepath.Join(dir, file)
	}
	retired := filepath.Join(dir, retiredName)
	if err := os.MkdirAll(retired, 0o700); err != nil {
		return err
	}
	to := filepath.Join(retired, filepath.Base(file))
	if _, err := os.Lstat(to); err == nil {
		return exit.With(exit.Bad, fmt.Errorf("%s exists already; %s was left where it is", to, from), "the log signs with it no more all the same")
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return errors.Join(durable.SyncDir(retired), durable.SyncDir(filepath.Dir(from)))
}

// writeConfig writes the configuration of the log in dir anew.
func writeConfig(dir string, c *Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	text, err := config.Marshal(c)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(dir, configName), text, 0o644)
}
