package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type eraseFlags struct {
	operateFlags
	api.ErasureRequest
	indices []uint
}

func newErase() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase --org ORG (--run RUN-ID | --index N…) --legal BASIS --asked WHO",
		Short: "erase particular receipts on a legal basis",
		Long: `Erase appends an erasure entry to the log. Once it is published the log destroys
key, salt and body of the receipts it names, and says so to whoever asks for them.
It may go below the retention floor, and never past a hold. Nothing brings a body
back, save a copy that somebody kept; the entry, and every proof, stay.

--legal and --asked are public for ever: name an article, an office or a case, not
a person.

Exit status: 0 done, 1 refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptlog erase --url http://127.0.0.1:8080 --key-file operator.key --org acme --run run-42 --legal "GDPR Article 17(1)(b)" --asked "case 31"`,
		Args:    exit.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return erase(cmd, f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.Org, "org", "", "the organisation, by its `name`")
	flags.StringVar(&f.RunID, "run", "", "the `run` whose receipts are erased")
	flags.UintSliceVar(&f.indices, "index", nil, "`index` of a receipt's entry")
	flags.StringVar(&f.Legal, "legal", "", "the legal basis")
	flags.StringVar(&f.Asked, "asked", "", "who asked for it")
	return cmd
}

func erase(cmd *cobra.Command, f eraseFlags) error {
	if f.Org == "" || (f.RunID == "") == (len(f.indices) == 0) {
		return exit.Misused(cmd, "say whose receipts, with --org, and which, with either --run or --index")
	}
	for _, i := range f.indices {
		f.Indices = append(f.Indices, uint64(i))
	}
	client, err := f.dial(cmd)
	if err != nil {
		return err
	}
	appended, err := client.Erase(cmd.Context(), f.ErasureRequest)
	if err != nil {
		return answered(err)
	}
	return show(cmd.OutOrStdout(), appended)
}
