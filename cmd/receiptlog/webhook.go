package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func newWebhook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "have others told of what happens in a log",
		Long: `Webhook manages receivers: HTTP endpoints that a running log tells of receipts that
are logged, runs that failed, gates that denied, and of itself.

  generic     JSON, signed as Standard Webhooks describes
  slack       a line of text, for a Slack incoming webhook
  pagerduty   an event of PagerDuty's Events API v2

A message is sent at least once, under one webhook-id, after what it tells about is
published; tried again for three days; and then dead, to be listed and sent again.
A receiver of an organisation hears of that one's receipts only.

A running log is asked by --url and a key with the scope admin.`,
		Args: exit.NoOtherCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWebhookAdd(), newWebhookList(), newWebhookRemove(), newWebhookRotate(), newWebhookTest(), newWebhookDead(), newWebhookResend())
	return cmd
}

type webhookAddFlags struct {
	operateFlags
	api.WebhookRequest
	routingKeyFile string
}

func newWebhookAdd() *cobra.Command {
	var f webhookAddFlags
	cmd := &cobra.Command{
		Use:   "add --name NAME --to URL --event EVENT…",
		Short: "add a receiver, and print its secret, once",
		Long: `Add adds a receiver, and prints the secret that messages to it are signed with,
once. Receivers of the shapes slack and pagerduty have none.

Events:

  receipt.logged               a receipt is logged
  build/project.run.completed  the same, with how its run came out
  gate.denied                  a policy gate denied (other than receipt.publish)
  jury.block                   the jury's verdict is block
  eval.failed                  an eval check did not pass
  erasure.done                 an erasure is carried out, and off the disk
  checkpoint.stale             no checkpoint is published; and when one is again
  quorum.lost                  the witnesses do not cosign; and when they do again

Exit status: 0 added, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog webhook add --name siem --to https://siem.example.com/hooks/receipts --event gate.denied --event jury.block > siem.secret
  receiptlog webhook add --name "#builds" --shape slack --to https://hooks.slack.com/services/… --event build/project.run.completed --only-failures
  receiptlog webhook add --name on-call --shape pagerduty --routing-key-file key --event quorum.lost --event checkpoint.stale`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return addWebhook(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.Name, "name", "", "what to call it")
	flags.StringVar(&f.WebhookRequest.URL, "to", "", "`URL` to post messages to")
	flags.StringVar(&f.Shape, "shape", "generic", "`shape` of messages: generic, slack or pagerduty")
	flags.StringVar(&f.Org, "org", "", "the one `organisation` whose receipts it hears of, by its name in receipts")
	flags.StringSliceVar(&f.Events, "event", nil, "`event` that it hears of (may be repeated)")
	flags.BoolVar(&f.OnlyFailures, "only-failures", false, "leave out runs that succeeded")
	flags.StringVar(&f.routingKeyFile, "routing-key-file", "", "`file` with the integration key, for pagerduty")
	return cmd
}

func addWebhook(cmd *cobra.Command, f webhookAddFlags) error {
	if f.Name == "" || len(f.Events) == 0 || f.WebhookRequest.URL == "" && f.Shape != "pagerduty" {
		return exit.Misused(cmd, "say what to call it, where it is and what it hears of, with --name, --to and --event")
	}
	if f.routingKeyFile != "" {
		key, err := os.ReadFile(f.routingKeyFile)
		if err != nil {
			return exit.With(exit.Usage, err, "")
		}
		f.RoutingKey = strings.TrimSpace(string(key))
	}
	client, err := f.dial(cmd)
	if err != nil {
		return err
	}
	added, err := client.AddWebhook(cmd.Context(), f.WebhookRequest)
	if err != nil {
		return answered(err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "added webhook %d, %q at %s\n", added.ID, added.Name, added.Host)
	if added.Secret != "" {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), added.Secret)
	}
	return err
}

func newWebhookList() *cobra.Command {
	var f operateFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list receivers, and how they do",
		Long: `List shows the receivers that the key may manage: what waits for them, what is dead,
and since when one takes nothing.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := f.dial(cmd)
			if err != nil {
				return err
			}
			all, err := client.Webhooks(cmd.Context())
			if err != nil {
				return answered(err)
			}
			if asJSON {
				return show(cmd.OutOrStdout(), api.WebhookListing{Webhooks: all})
			}
			return listWebhooks(cmd.OutOrStdout(), all)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func listWebhooks(w io.Writer, all []api.Webhook) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tORGANISATION\tSHAPE\tHOST\tEVENTS\tQUEUED\tDEAD\tSTATE")
	for _, h := range all {
		org, state := h.Org, "well"
		if org == "" {
			org = "all"
		}
		if !h.FailingSince.IsZero() {
			state = fmt.Sprintf("failing since %s: %s", h.FailingSince.Format(time.RFC3339), h.Reason)
		}
		if h.Missed > 0 {
			state += fmt.Sprintf("; missed %d", h.Missed)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", h.ID, h.Name, org, h.Shape, h.Host, strings.Join(h.Events, ","), h.Queued, h.Dead, state)
	}
	return t.Flush()
}

// receiverCommand is a command about one receiver.
func receiverCommand(use, short, long, done string, do func(cmd *cobra.Command, c *api.Client, id uint32) (any, error)) *cobra.Command {
	var f operateFlags
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long + "\n\nExit status: 0 " + done + ", 1 refused, 2 usage, 3 the log did not answer.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Misused(cmd, "say which webhook, by its number")
			}
			id, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return exit.Misused(cmd, "%q is not the number of a webhook", args[0])
			}
			client, err := f.dial(cmd)
			if err != nil {
				return err
			}
			answer, err := do(cmd, client, uint32(id))
			if err != nil {
				return answered(err)
			}
			if text, ok := answer.(string); ok {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				return err
			}
			return show(cmd.OutOrStdout(), answer)
		},
	}
	f.add(cmd)
	return cmd
}

func newWebhookRemove() *cobra.Command {
	return receiverCommand("remove ID", "remove a receiver",
		"Remove removes a receiver, with everything that waits for it and its dead messages.", "removed",
		func(cmd *cobra.Command, c *api.Client, id uint32) (any, error) {
			gone, err := c.RemoveWebhook(cmd.Context(), id)
			if err != nil {
				return nil, err
			}
			return fmt.Sprintf("removed webhook %d, %q", gone.ID, gone.Name), nil
		})
}

func newWebhookRotate() *cobra.Command {
	return receiverCommand("rotate ID", "give a receiver another secret, and print it, once",
		"Rotate draws another secret and prints it, once. For a day messages are signed with both.", "done",
		func(cmd *cobra.Command, c *api.Client, id uint32) (any, error) {
			anew, err := c.RotateWebhook(cmd.Context(), id)
			if err != nil {
				return nil, err
			}
			return anew.Secret, nil
		})
}

func newWebhookTest() *cobra.Command {
	return receiverCommand("test ID", "send a receiver a message to try it",
		"Test sends a message of the type webhook.test. Whether it got there, list shows.", "on its way",
		func(cmd *cobra.Command, c *api.Client, id uint32) (any, error) {
			to, err := c.TestWebhook(cmd.Context(), id)
			if err != nil {
				return nil, err
			}
			return fmt.Sprintf("a message is on its way to webhook %d, %q", to.ID, to.Name), nil
		})
}

func newWebhookDead() *cobra.Command {
	return receiverCommand("dead ID", "list what could not be delivered",
		"Dead lists, as JSON, the messages that a receiver did not take in three days, oldest first.", "done",
		func(cmd *cobra.Command, c *api.Client, id uint32) (any, error) {
			dead, err := c.DeadMessages(cmd.Context(), id)
			return api.DeadListing{Dead: dead}, err
		})
}

func newWebhookResend() *cobra.Command {
	var ids []string
	cmd := receiverCommand("resend ID [--message MESSAGE-ID…]", "send dead messages again",
		"Resend queues dead messages anew: those named, or all.", "queued",
		func(cmd *cobra.Command, c *api.Client, id uint32) (any, error) {
			resent, err := c.ResendDead(cmd.Context(), id, api.ResendRequest{IDs: ids})
			if err != nil {
				return nil, err
			}
			return fmt.Sprintf("%d messages are on their way again", resent.Resent), nil
		})
	cmd.Flags().StringSliceVar(&ids, "message", nil, "`id` of a dead message (may be repeated)")
	return cmd
}
