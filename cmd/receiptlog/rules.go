package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type rulesFlags struct {
	operateFlags
	org string
	api.RulesRequest
}

func newRules() *cobra.Command {
	var f rulesFlags
	cmd := &cobra.Command{
		Use:   "rules --org ORG [--class CLASS --asked WHO]",
		Short: "show or set how long an organisation's receipts are kept",
		Long: `Rules shows an organisation's retention rules or, with --class, sets new ones.
They become an entry of the log and count from there:

  indefinite      kept without end (the default)
  log             six calendar months from logging, or the floor if longer
  documentation   ten years from --event, else from the date in each receipt
  period          --period, ISO 8601, from logging

Rules apply to later receipts. With --applies all they also apply to earlier
ones; where that shortens what those were promised, it waits out the notice. A
period below the operator's floor is refused. --asked is public for ever: name an
office, not a person.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog rules --url http://127.0.0.1:8080 --key-file operator.key --org acme
  receiptlog rules --url http://127.0.0.1:8080 --key-file operator.key --org acme --class period --period P2Y --applies all --asked "records office"`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return setRules(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.org, "org", "", "the organisation, by its `name`")
	flags.StringVar(&f.Class, "class", "", "`class` of the new rules")
	flags.StringVar(&f.Period, "period", "", "ISO 8601 `period`, for the class period")
	flags.StringVar(&f.Event, "event", "", "`date` such as 2027-01-31, for the class documentation")
	flags.StringVar(&f.Applies, "applies", "", "`later` (the default) or all")
	flags.StringVar(&f.Notice, "notice", "", "a longer notice `period` than the log's own")
	flags.StringVar(&f.Asked, "asked", "", "who asked for it")
	return cmd
}

func setRules(cmd *cobra.Command, f rulesFlags) error {
	if f.org == "" {
		return exit.Misused(cmd, "say whose rules, with --org")
	}
	client, err := f.dial(cmd)
	if err != nil {
		return err
	}
	if f.Class == "" {
		rules, err := client.Rules(cmd.Context(), f.org)
		if err != nil {
			return answered(err)
		}
		return show(cmd.OutOrStdout(), rules)
	}
	appended, err := client.SetRules(cmd.Context(), f.org, f.RulesRequest)
	if err != nil {
		return answered(err)
	}
	return show(cmd.OutOrStdout(), appended)
}
