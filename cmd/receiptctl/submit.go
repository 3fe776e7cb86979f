package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

type submitFlags struct {
	url, dir, policy string
	async, json      bool
}

func newSubmit() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit [RECEIPT.JSON...] --url URL [-o DIR]",
		Short: "log receipts, and keep their bundles",
		Long: `Submit sends receipts to a log, waits until each is under a published checkpoint,
and writes the bundle that proves it: next to receipt.json as
receipt.bundle.json, or into the folder given with -o.

Without files, receipts are read from standard input, one a line (NDJSON), and
-o is needed. Any number will do.

Submitting again does no harm: the log keeps one of each receipt, and answers
with the place it had from the first time. So after a lost connection, or a
crash on either side, just repeat the command. Submit does so by itself a few
times where the log is busy or restarting.

Each bundle is checked to hold the very receipt that was sent; with --policy it
is verified in full before it is kept.

With --async the log answers as soon as a receipt is durable, before it is
published; fetch the bundles later with "receiptctl get".

Exit status: 0 all logged, 1 one was refused, 2 usage, 3 the log did not answer.`,
		Example: `  receiptctl submit receipt.json --url https://log.example.com
  receiptctl submit receipts/*.json --url https://log.example.com -o bundles
  cat receipts.ndjson | receiptctl submit --url https://log.example.com -o bundles`,
		RunE: func(cmd *cobra.Command, args []string) error { return submit(cmd, f, args) },
	}
	addURLFlag(cmd, &f.url)
	flags := cmd.Flags()
	flags.StringVarP(&f.dir, "out", "o", "", "`folder` for the bundles (default: next to each receipt)")
	flags.StringVar(&f.policy, "policy", "", "policy `file` to verify each bundle with before it is kept")
	flags.BoolVar(&f.async, "async", false, "do not wait until the receipts are published; write no bundles")
	flags.BoolVar(&f.json, "json", false, "print the outcome as JSON, one line each")
	return cmd
}

func submit(cmd *cobra.Command, f submitFlags, names []string) error {
	if err := f.check(cmd, names); err != nil {
		return err
	}
	client, err := dial(cmd, f.url)
	if err != nil {
		return err
	}
	keep, err := newKeeper(cmd, f)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr(), "logged", len(names))
	for line, err := range keep.send(client, names) {
		if err != nil {
			bar.clear()
			keep.summary()
			return explainBreak(cmd, err)
		}
		if err := keep.line(bar, line); err != nil {
			return err
		}
		bar.step()
	}
	bar.clear()
	keep.summary()
	if keep.refused > 0 {
		return exit.Silently(exit.Bad)
	}
	return nil
}

func (f submitFlags) check(cmd *cobra.Command, names []string) error {
	if len(names) > 0 {
		return nil
	}
	if isTerminal(cmd.InOrStdin()) {
		return exit.Misused(cmd, "say which receipts to submit, or pipe them in, one a line")
	}
	if f.dir == "" && !f.async {
		return exit.Misused(cmd, "say where to put the bundles, with -o DIR")
	}
	return nil
}

// explainBreak complains about what ended a submission early.
func explainBreak(cmd *cobra.Command, err error) error {
	if cmd.Context().Err() != nil {
		return exit.With(exit.CannotTell, fmt.Errorf("interrupted"), "some receipts may be logged; submitting them again does no harm")
	}
	if c, ok := asComplaint(err); ok {
		return c
	}
	return refused(err)
}

// target is where the bundle of a receipt goes.
func (f submitFlags) target(source string, runID string, index uint64) string {
	if source == "" {
		return filepath.Join(f.dir, fmt.Sprintf("%s.%d.bundle.json", fileName(runID), index))
	}
	dir, base := filepath.Split(source)
	if f.dir != "" {
		dir = f.dir
	}
	return filepath.Join(dir, strings.TrimSuffix(base, ".json")+".bundle.json")
}

// outcome is one line of --json.
type outcome struct {
	File      string       `json:"file,omitzero"`
	Line      int          `json:"line,omitzero"`
	Status    int          `json:"status"`
	Index     *uint64      `json:"index,omitzero"`
	Duplicate bool         `json:"duplicate,omitzero"`
	RunID     string       `json:"runId,omitzero"`
	Hash      string       `json:"receiptHash,omitzero"`
	Bundle    string       `json:"bundle,omitzero"`
	Error     *api.Problem `json:"error,omitzero"`
}

// maxReceiptLine bounds a line of standard input. A receipt may be laid out
// wider than its canonical form; the log has the last word.
const maxReceiptLine = 2 * receipt.MaxBytes
