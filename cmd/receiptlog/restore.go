package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/policy"
	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log/seen"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

type restoreFlags struct {
	from, dir    string
	seen         []string
	nothingNewer bool
}

func newRestore() *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore --from DIR --dir DIR",
		Short: "make a backup a log again",
		Long: `Restore copies a backup into a log's directory that has no data directory, or
into a new directory. Move a damaged data directory away first; keep it.

A log that published more than its backup holds must not go on from it: it would
sign other entries under numbers that are taken, which is a fork, and every
witness and auditor would see it. So restore asks for the latest checkpoint that
anybody has seen of the log, and refuses if the backup does not have all of it.
It looks for one in latest-checkpoint.txt in the log's directory; give others
with --seen: from a witness, a monitor, a mirror, or out of the newest bundle that
an issuer holds. Where there can be none that is newer, because the log was
stopped for good before the backup was taken, say --nothing-newer.

If it refuses, look for a newer backup, or for the data directory itself. If there
is none the log has ended: every bundle it gave out stays valid, and a new log,
with a new origin, goes on in its place.

Keys are not in a backup: put the key files back into the log's directory.

Exit status: 0 restored, 1 refused or failed, 2 usage, 3 nobody can tell whether
the backup is the latest.`,
		Example: `  mv /var/lib/receiptlog/data /var/lib/receiptlog/data.damaged
  receiptlog restore --from /backup/receiptlog-2026-05-12 --dir /var/lib/receiptlog`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return restore(cmd, f) },
	}
	cmd.Flags().StringVar(&f.from, "from", "", "the backup's `directory`")
	cmd.Flags().StringVar(&f.dir, "dir", "", "the log's `directory`")
	cmd.Flags().StringSliceVar(&f.seen, "seen", nil, "`file` with a checkpoint that was seen of the log (may be repeated)")
	cmd.Flags().BoolVar(&f.nothingNewer, "nothing-newer", false, "nothing was published after the backup was taken: I know it")
	return cmd
}

func restore(cmd *cobra.Command, f restoreFlags) error {
	if f.from == "" || f.dir == "" {
		return exit.Misused(cmd, "say what to restore and where, with --from and --dir")
	}
	c, err := readConfig(f.from)
	if err != nil {
		return err
	}
	data := filepath.Join(f.dir, dataName)
	if _, err := os.Lstat(data); err == nil {
		return exit.With(exit.Bad, fmt.Errorf("%s exists and was left as it is", data), "move it away, and keep it: it may hold what the backup does not")
	}
	if err := checkEvidence(cmd.Context(), f, c.Origin); err != nil {
		return err
	}
	if err := putBack(f, data, c.Origin); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "restored %s in %s\n", c.Origin, f.dir)
	for _, name := range c.Keys {
		if _, err := os.Lstat(filepath.Join(f.dir, name)); err != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "put its key %s back, from where you keep it\n", name)
		}
	}
	return nil
}

// checkEvidence refuses a backup that does not have all that was seen of the log
// (I5), and one of which nobody can tell.
func checkEvidence(ctx context.Context, f restoreFlags, origin string) error {
	evidence, err := readSeen(f.dir)
	if err != nil {
		return err
	}
	for _, name := range f.seen {
		signed, err := os.ReadFile(name)
		if err != nil {
			return exit.With(exit.Usage, err, "")
		}
		evidence = append(evidence, signed)
	}
	if len(evidence) == 0 && !f.nothingNewer {
		return exit.With(exit.CannotTell, errors.New("nobody can tell whether the log published more than this backup holds"),
			"give the latest checkpoint that a witness, a monitor or an issuer has, with --seen FILE; or see receiptlog restore --help")
	}
	own, err := policyOf(f.from)
	if err != nil {
		return err
	}
	db, err := kv.Open(filepath.Join(f.from, dataName), kv.Options{Origin: origin, ReadOnly: true})
	if err != nil {
		return err
	}
	if _, err = db.BackupNote(); errors.Is(err, kv.ErrNotFound) {
		err = exit.With(exit.Usage, fmt.Errorf("%s is a log and not a backup", f.from), "make a backup of it with: receiptlog backup")
	}
	for _, signed := range evidence {
		if err == nil {
			err = checkSeen(ctx, db, own, signed)
		}
	}
	return errors.Join(err, db.Close())
}

func checkSeen(ctx context.Context, db *kv.DB, own *policy.Policy, signed []byte) error {
	reader, err := driver.OpenReader(db)
	if err != nil {
		return err
	}
	err = seen.Check(ctx, reader, own, signed)
	if errors.Is(err, seen.ErrRolledBack) {
		return exit.With(exit.Bad, fmt.Errorf("this backup is older than what the log published: %w", err), "to go on from it would fork the log; receiptlog restore --help says what to do")
	}
	return err
}

// policyOf trusts the keys of the log in dir, by the policy file beside it.
func policyOf(dir string) (*policy.Policy, error) {
	vkeys, err := knownKeys(dir)
	if err != nil {
		return nil, err
	}
	return policy.ForLog(vkeys...)
}

// putBack copies the backup. The data directory appears last, whole.
func putBack(f restoreFlags, data, origin string) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	if err := copyBeside(f.from, f.dir); err != nil {
		return err
	}
	partial := data + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.RemoveAll(partial) // there no more if all went well
	if err := copyDurably(filepath.Join(f.from, dataName), partial); err != nil {
		return err
	}
	if err := kv.ReleaseBackup(partial, kv.Options{Origin: origin}); err != nil {
		return err
	}
	return errors.Join(os.Rename(partial, data), durable.SyncDir(f.dir))
}
