// Receiptwitness cosigns the checkpoints of transparency logs that it has only
// ever seen grow: a C2SP tlog-witness.
//
//	init         make a new witness: keys, configuration, database
//	serve        run it
//	add-log      witness a log, or every log of a list
//	remove-log   stop witnessing a log
//	list-logs    say what was cosigned of each log
//	keys         list, add and retire the keys that cosign
//	fsck         check everything that is stored
//
// The commands on logs and keys work while the witness serves, and while it does
// not.
//
// Exit status: 0 good, 1 bad (damage found, the witness failed), 2 usage, 3 cannot
// tell.
package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func main() { exit.Main(newRoot()) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "receiptwitness",
		Short: "witness transparency logs",
		Long: `receiptwitness witnesses transparency logs (C2SP tlog-witness).

A log sends each new checkpoint with a proof that it has only grown since the
last one. The witness checks that, remembers it, and cosigns. Who trusts the
witness can then not be shown another history of the log than anybody else.`,
		Example: `  receiptwitness init --dir /var/lib/receiptwitness --name witness.example.com/w1
  receiptwitness add-log --dir /var/lib/receiptwitness VKEY
  receiptwitness serve --dir /var/lib/receiptwitness`,
	}
	root.AddCommand(newInit(), newServe(), newAddLog(), newRemoveLog(), newListLogs(), newKeys(), newFsck())
	return root
}
