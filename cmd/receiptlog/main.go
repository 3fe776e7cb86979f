// Receiptlog runs a transparency log of signed build receipts.
//
//	init    make a new log: keys, configuration, data directory
//	serve   run it
//	fsck    check everything that is stored
//	reindex drop the search index, so that it is built anew
//	backup  copy a log, running or not
//	restore make a backup a log again
//	freeze  end a log for good, and leave it to be read
//	log-keys  list, add and retire the keys that sign checkpoints
//	key     make, list, rotate and revoke API keys
//	rules   show or set how long an organisation's receipts are kept
//	hold    place a legal hold, or lift one
//	erase   erase particular receipts on a legal basis
//	webhook have others told of what happens
//
// Exit status: 0 good, 1 bad (damage found, the log failed), 2 usage, 3 cannot
// tell.
package main

import (
	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

func main() { exit.Main(newRoot()) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "receiptlog",
		Short: "run a transparency log of build receipts",
		Long: `receiptlog runs a transparency log of build receipts.

Issuers submit signed receipts of the changes that AI agents make. The log
commits to each in a Merkle tree, publishes signed checkpoints over it, and
hands out bundles that anybody can verify offline with receiptctl.`,
		Example: `  receiptlog init --dir /var/lib/receiptlog --origin log.example.com --issuer did:web:example.com
  receiptlog serve --dir /var/lib/receiptlog
  receiptlog fsck --dir /var/lib/receiptlog`,
	}
	root.AddCommand(newInit(), newServe(), newFsck(), newReindex(), newBackup(), newRestore(), newFreeze(), newLogKeys(), newKey(), newRules(), newHold(), newErase(), newWebhook())
	return root
}
