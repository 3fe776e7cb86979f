package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type holdFlags struct {
	operateFlags
	org, basis, asked string
	ranges            []string
	lift              int64
}

func newHold() *cobra.Command {
	var f holdFlags
	cmd := &cobra.Command{
		Use:   "hold (--org ORG | --range FIRST-LAST… | --lift INDEX) --basis WHY --asked WHO",
		Short: "place a legal hold, or lift one",
		Long: `Hold places a legal hold on all receipts of an organisation, also later ones, or
on ranges of entries, or lifts one by the index of the entry that placed it. While
it stands nothing under it is erased, not even what was due before. It becomes an
entry of the log. --basis and --asked are public for ever.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog hold --url http://127.0.0.1:8080 --key-file operator.key --org acme --basis "7 O 112/26" --asked "general counsel"
  receiptlog hold --url http://127.0.0.1:8080 --key-file operator.key --lift 4711 --basis settled --asked "general counsel"`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return hold(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.org, "org", "", "the organisation, by its `name`")
	flags.StringArrayVar(&f.ranges, "range", nil, "entries `FIRST-LAST`, both included")
	flags.Int64Var(&f.lift, "lift", -1, "`index` of the entry that placed the hold")
	flags.StringVar(&f.basis, "basis", "", "why")
	flags.StringVar(&f.asked, "asked", "", "who asked for it")
	return cmd
}

func hold(cmd *cobra.Command, f holdFlags) error {
	req := api.HoldRequest{Action: entry.HoldPlaced, Org: f.org, Basis: f.basis, Asked: f.asked}
	for _, text := range f.ranges {
		first, last, _ := strings.Cut(text, "-")
		from, err1 := strconv.ParseUint(first, 10, 53)
		to, err2 := strconv.ParseUint(last, 10, 53)
		if err1 != nil || err2 != nil {
			return exit.Misused(cmd, "--range is FIRST-LAST, not %q", text)
		}
		req.Ranges = append(req.Ranges, [2]uint64{from, to})
	}
	if f.lift >= 0 {
		index := uint64(f.lift)
		req.Action, req.Lifts = entry.HoldLifted, &index
	}
	client, err := f.dial(cmd)
	if err != nil {
		return err
	}
	appended, err := client.Hold(cmd.Context(), req)
	if err != nil {
		return answered(err)
	}
	return show(cmd.OutOrStdout(), appended)
}
