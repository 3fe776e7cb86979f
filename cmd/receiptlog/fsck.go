package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log/fsck"
	"github.com/armalo/receiptlog/storage/kv"
)

type fsckFlags struct {
	dir  string
	json bool
}

func newFsck() *cobra.Command {
	var f fsckFlags
	cmd := &cobra.Command{
		Use:   "fsck --dir DIR",
		Short: "check everything that a log has stored",
		Long: `Fsck reads the whole log, which must not be running, and changes nothing.

It builds the tree anew from the entries and compares every tile, the tree
state and the signed checkpoint with it; opens every body and verifies its
receipt with the issuer's document as it stood in the log; and looks for every
index row, and for rows that belong to nothing. Each damage is named, and the
report says what still verifies.

Exit status: 0 all sound, 1 damaged, 2 usage, 3 cannot tell.`,
		Example: `  receiptlog fsck --dir /var/lib/receiptlog
  receiptlog fsck --dir /var/lib/receiptlog --json`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd, f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "the log's `directory`")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

func check(cmd *cobra.Command, f fsckFlags) error {
	if f.dir == "" {
		return exit.Misused(cmd, "say which log to check, with --dir")
	}
	options, err := fsckOptions(f.dir)
	if err != nil {
		return err
	}
	options.Progress = progress(cmd.ErrOrStderr())
	report, err := fsck.Run(cmd.Context(), options)
	if errors.Is(err, kv.ErrLocked) {
		return exit.With(exit.CannotTell, err, "stop the log first")
	} else if err != nil {
		return exit.With(exit.CannotTell, fmt.Errorf("check log: %w", err), "")
	}
	if err := printReport(cmd.OutOrStdout(), report, f.json); err != nil {
		return err
	}
	if !report.OK {
		return exit.Silently(exit.Bad)
	}
	return nil
}

// fsckOptions trusts the keys that the log signs with.
func fsckOptions(dir string) (fsck.Options, error) {
	c, err := readConfig(dir)
	if err != nil {
		return fsck.Options{}, err
	}
	own, err := fsckPolicy(dir, c.Keys)
	if err != nil {
		return fsck.Options{}, exit.With(exit.CannotTell, err, "")
	}
	published, err := readSeen(dir)
	if err != nil {
		return fsck.Options{}, exit.With(exit.CannotTell, err, "")
	}
	return fsck.Options{Dir: filepath.Join(dir, dataName), Origin: c.Origin, Policy: own, Seen: published}, nil
}

// fsckPolicy trusts the log's own keys, or where they are not, as in a backup,
// those that its policy file names.
func fsckPolicy(dir string, keys []string) (*policy.Policy, error) {
	signers, err := loadSigners(dir, keys)
	if errors.Is(err, fs.ErrNotExist) {
		return policyOf(dir)
	} else if err != nil {
		return nil, err
	}
	var vkeys []string
	for _, s := range signers {
		vkeys = append(vkeys, s.Verifier().VKey())
	}
	return policy.ForLog(vkeys...)
}

// progress returns a function that shows how far the work is, where a person
// is looking, else nil.
func progress(w io.Writer) func(done, total uint64) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(done, total uint64) {
		fmt.Fprintf(w, "\r\x1b[Kchecked %d of %d entries", done, total)
		if done == total {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

func printReport(w io.Writer, report *fsck.Report, asJSON bool) error {
	if !asJSON {
		return report.Print(w)
	}
	data, err := json.Marshal(report, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
