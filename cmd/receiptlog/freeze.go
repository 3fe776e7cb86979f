package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/log"
)

// freezeTimeout bounds the waiting for the last checkpoint: several attempts at a
// quorum.
const freezeTimeout = time.Minute

type freezeFlags struct{ dir, origin, policy string }

func newFreeze() *cobra.Command {
	var f freezeFlags
	cmd := &cobra.Command{
		Use:   "freeze --dir DIR --for-good ORIGIN",
		Short: "end a log for good, and leave it to be read",
		Long: `Freeze ends a log, which must not be running, for good. It publishes a last
checkpoint over everything, with the quorum of witnesses if there is a policy,
records that in the data, and prints it. From then on "receiptlog serve" serves
what is in the log for ever and signs nothing: receipts are answered with 403 and
the code frozen. Nothing takes it back.

An erasure is an entry, so that nothing can be erased from a frozen log. Erase
before what has to be.

Exit status: 0 frozen, 1 not frozen, and nothing has happened, 2 usage.`,
		Example: `  receiptlog freeze --dir /var/lib/receiptlog --for-good log.example.com/receipts`,
		Args:    exit.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return freeze(cmd, f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "the log's `directory`")
	cmd.Flags().StringVar(&f.origin, "for-good", "", "the log's `origin`, to show that this log is meant")
	cmd.Flags().StringVar(&f.policy, "policy", "", "`file` of the policy whose witnesses must cosign, instead of the configured one")
	return cmd
}

func freeze(cmd *cobra.Command, f freezeFlags) error {
	if f.dir == "" {
		return exit.Misused(cmd, "say which log to freeze, with --dir")
	}
	c, err := readConfig(f.dir)
	if err != nil {
		return err
	}
	if f.origin != c.Origin {
		return exit.Misused(cmd, "nothing takes this back: to freeze this log say --for-good %s", c.Origin)
	}
	if f.policy != "" {
		if c.Policy, err = filepath.Abs(f.policy); err != nil {
			return err
		}
	}
	c.FailOpen = false // the last checkpoint is to be believed by everybody
	logger, err := newLogger(c, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	l, err := openLog(f.dir, c, logger, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), freezeTimeout)
	defer cancel()
	last, err := l.Freeze(ctx)
	signed := []byte(nil)
	if err == nil {
		signed = l.Published().Signed
	}
	if err = errors.Join(explainUnfrozen(l, err), l.Close(context.Background())); err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(f.dir, seenName), signed, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s is frozen for good at %d entries; this is its last checkpoint:\n", c.Origin, last.Checkpoint.Size)
	_, err = cmd.OutOrStdout().Write(signed)
	return err
}

// explainUnfrozen tells an operator why a log was not frozen.
func explainUnfrozen(l *log.Log, err error) error {
	switch {
	case errors.Is(err, log.ErrFrozen):
		return exit.With(exit.Bad, errors.New("the log is frozen already, and was left as it is"), "serve it with: receiptlog serve")
	case errors.Is(err, log.ErrRefuses):
		return exit.With(exit.Bad, fmt.Errorf("the log refuses to sign: %w", l.Refused()), "see the README's runbook")
	case errors.Is(err, log.ErrUnfinished):
		return exit.With(exit.Bad, err, "nothing has happened; run the log until it is so, and try again")
	}
	return err
}
