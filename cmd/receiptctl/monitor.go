package main

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/account"
	"github.com/armalo/receiptlog/client/audit"
	"github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// webhookSecretVariable is the environment variable with the secret that
// webhooks are signed with.
const webhookSecretVariable = "RECEIPTLOG_WEBHOOK_SECRET"

type monitorFlags struct {
	auditFlags
	interval         time.Duration
	command, webhook string
	orgs             []string
}

func newMonitor() *cobra.Command {
	var f monitorFlags
	cmd := &cobra.Command{
		Use:   "monitor --url URL --policy POLICY.TXT --state DIR [--exec COMMAND] [--webhook URL]",
		Short: "audit a log for ever, and tell somebody of what is found",
		Long: `Monitor audits a log again and again, and tells of each finding once: a fork, a
body that is gone, a receipt that an issuer never signed, a witness that is
silent, a checkpoint that is stale, a log that cannot be reached.

  --exec COMMAND   runs it with sh, the alert as JSON on its standard input
  --webhook URL    posts the alert, signed as Standard Webhooks describes, with
                   the secret in $` + webhookSecretVariable + ` (whsec_ and base64)

What could not be told is told again after the next audit. Without either, alerts
are printed, one line of JSON each. --issuer and --org (a handle) restrict what
is told to those; what is about the log as a whole is always told.

It ends when it is interrupted, with exit status 0; 1 where its own folder fails.`,
		Example: `  receiptctl monitor --url https://log.example.com --policy policy.txt --state ./watch --exec ./page-me
  receiptctl monitor --url https://log.example.com --policy policy.txt --state ./watch \
    --issuer did:web:example.com=z6Mk… --known hashes.txt --webhook https://hooks.example.com/log`,
		Args: noFiles,
		RunE: func(cmd *cobra.Command, _ []string) error { return runMonitor(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&f.interval, "interval", time.Minute, "time between two audits")
	flags.StringVar(&f.command, "exec", "", "`command` to run on a finding")
	flags.StringVar(&f.webhook, "webhook", "", "`URL` to post a finding to")
	flags.StringArrayVar(&f.orgs, "org", nil, "`handle` of an organisation to watch")
	return cmd
}

func runMonitor(cmd *cobra.Command, f monitorFlags) error {
	tell, err := f.teller(cmd)
	if err != nil {
		return err
	}
	options, store, err := f.options(cmd)
	if err != nil {
		return err
	}
	defer store.Close()
	a, err := audit.New(options)
	if err != nil {
		return exit.With(exit.Usage, err, "")
	}
	m := &audit.Monitor{Auditor: a, Interval: f.interval, Tell: tell, Orgs: f.orgs}
	for _, w := range options.Watch {
		m.Issuers = append(m.Issuers, w.Issuer)
	}
	m.Done = func(account *account.Account, err error) {
		if err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "receiptctl: error: %v\n", err)
		}
	}
	if err := m.Run(cmd.Context()); err != nil && cmd.Context().Err() == nil {
		return exit.With(exit.Bad, err, "")
	}
	return nil
}

// teller tells by all the ways that were asked for.
func (f monitorFlags) teller(cmd *cobra.Command) (func(context.Context, audit.Alert) error, error) {
	var ways []func(context.Context, audit.Alert) error
	if f.command != "" {
		ways = append(ways, func(ctx context.Context, a audit.Alert) error { return execute(ctx, f.command, a) })
	}
	if f.webhook != "" {
		secret, err := webhookSecret(cmd)
		if err != nil {
			return nil, err
		}
		hook := &audit.Webhook{URL: f.webhook, Secret: secret, Client: http.DefaultClient, Now: time.Now}
		ways = append(ways, hook.Tell)
	}
	if ways == nil {
		ways = append(ways, func(_ context.Context, a audit.Alert) error { return printLine(cmd.OutOrStdout(), a) })
	}
	return func(ctx context.Context, a audit.Alert) error {
		var failures []error
		for _, way := range ways {
			failures = append(failures, way(ctx, a))
		}
		return errors.Join(failures...)
	}, nil
}

func webhookSecret(cmd *cobra.Command) (webhook.Secret, error) {
	secret, err := webhook.ParseSecret(os.Getenv(webhookSecretVariable))
	if err != nil {
		return secret, exit.Misused(cmd, "--webhook wants a secret of at least 24 bytes in %s, as whsec_ and base64", webhookSecretVariable)
	}
	return secret, nil
}

// commandTimeout is the longest that a command may take to tell somebody.
const commandTimeout = time.Minute

func execute(ctx context.Context, command string, a audit.Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin = bytes.NewReader(body)
	c.Stdout, c.Stderr = io.Discard, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("run %q: %w", command, err)
	}
	return nil
}
