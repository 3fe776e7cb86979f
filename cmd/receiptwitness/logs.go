package main

import (
	"encoding/json/v2"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/armalo/receiptlog/cmd/internal/durable"
	"github.com/armalo/receiptlog/cmd/internal/exit"
	"github.com/armalo/receiptlog/witness"
	"github.com/armalo/receiptlog/witness/admin"
)

type addLogFlags struct {
	dir, origin, contact, list string
	perDay                     uint64
}

func newAddLog() *cobra.Command {
	var f addLogFlags
	cmd := &cobra.Command{
		Use:   "add-log --dir DIR {VKEY... | --list FILE}",
		Short: "witness a log, or every log of a list",
		Long: `Add-log makes the witness know a log by its verifier keys. Several keys are those
of one log: a checkpoint signed by any of them is good.

With --list, it adds every log of a list in the format of the witness network
(logs/v0) that the witness does not know yet. Logs that it knows are left as they
are, whatever the list says of them: a list cannot change what was decided here.

A log that was removed and is added again goes on from the size cosigned last, with
the keys given now.

Exit status: 0 done, 1 not done, 2 usage.`,
		Example: `  receiptwitness add-log --dir DIR log.example.com+57f71a6a+AUfkgWBt...
  curl https://example.com/log-list.1 | receiptwitness add-log --dir DIR --list -`,
		RunE: func(cmd *cobra.Command, args []string) error { return addLog(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "the witness's `directory`")
	flags.StringVar(&f.origin, "origin", "", "the log's origin `line`, if it is not the name of its first key")
	flags.Uint64Var(&f.perDay, "per-day", 0, "`number` of cosignatures a day agreed with the log; 0 is the configured limit")
	flags.StringVar(&f.contact, "contact", "", "`text` that says how to reach the log's operator")
	flags.StringVar(&f.list, "list", "", "`file` with a list of logs; - is standard input")
	return cmd
}

func addLog(cmd *cobra.Command, f addLogFlags, vkeys []string) error {
	if f.dir == "" {
		return exit.Misused(cmd, "say which witness, with --dir")
	}
	if (f.list == "") == (len(vkeys) == 0) {
		return exit.Misused(cmd, "give the verifier keys of one log, or a list with --list")
	}
	if f.list != "" {
		if f.origin != "" || f.perDay != 0 || f.contact != "" {
			return exit.Misused(cmd, "--origin, --per-day and --contact are for one log, not for a list")
		}
		return addList(cmd, f)
	}
	return administer(f.dir, func(w admin.Witness) error {
		changes, err := w.AddLogs([]witness.Log{{Origin: f.origin, Keys: vkeys, PerDay: f.perDay, Contact: f.contact}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", changes[0])
		return err
	})
}

// addList adds the logs of a list that the witness never knew.
func addList(cmd *cobra.Command, f addLogFlags) error {
	listed, err := readList(cmd.InOrStdin(), f.list)
	if err != nil {
		return err
	}
	return administer(f.dir, func(w admin.Witness) error {
		known := make(map[string]bool)
		err := w.Logs(func(s witness.Status) error {
			known[s.Origin] = true
			return nil
		})
		if err != nil {
			return err
		}
		var young []witness.Log
		for _, l := range listed {
			if !known[l.Origin] {
				young = append(young, l)
			}
		}
		changes, err := w.AddLogs(young)
		for i := range changes {
			fmt.Fprintf(cmd.OutOrStdout(), "added %s\n", young[i].Origin)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d logs added, %d were known\n", len(young), len(listed)-len(young))
		return err
	})
}

func readList(stdin io.Reader, name string) ([]witness.Log, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, exit.With(exit.Usage, err, "")
		}
		defer f.Close() // nothing was written
		in = f
	}
	data, err := durable.ReadAtMost(in, name, witness.MaxLogListBytes)
	if err != nil {
		return nil, err
	}
	logs, err := witness.ParseLogList(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return logs, nil
}

func newRemoveLog() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "remove-log --dir DIR ORIGIN",
		Short: "stop witnessing a log",
		Long: `Remove-log makes the witness answer the log as one that it does not know. What it
cosigned is kept for good, so that adding the log again cannot roll it back.

Exit status: 0 done, 1 not done, 2 usage.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" || len(args) != 1 {
				return exit.Misused(cmd, "say which witness, with --dir, and which log, by its origin")
			}
			return administer(dir, func(w admin.Witness) error { return w.RemoveLog(args[0]) })
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	return cmd
}

func newListLogs() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list-logs --dir DIR",
		Short: "say what was cosigned of each log",
		Long: `List-logs lists the logs that the witness knows, removed ones included, with the
size cosigned last. With --json, one object a line.

Exit status: 0 done, 1 not done, 2 usage.`,
		Args: exit.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return exit.Misused(cmd, "say which witness, with --dir")
			}
			return administer(dir, func(w admin.Witness) error { return listLogs(cmd.OutOrStdout(), w, asJSON) })
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the witness's `directory`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one log a line")
	return cmd
}

func listLogs(out io.Writer, w admin.Witness, asJSON bool) error {
	if asJSON {
		return w.Logs(func(s witness.Status) error {
			line, err := json.Marshal(s)
			if err == nil {
				_, err = out.Write(append(line, '\n'))
			}
			return err
		})
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ORIGIN\tSIZE\tCOSIGNED\tSTATE")
	err := w.Logs(func(s witness.Status) error {
		cosigned := "never"
		if s.Root != "" {
			cosigned = s.Cosigned.Format(time.RFC3339)
		}
		_, err := fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.Origin, s.Size, cosigned, state(s))
		return err
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

func state(s witness.Status) string {
	switch {
	case s.Forked:
		return "has signed two trees of one size"
	case !s.Removed.IsZero():
		return "removed on " + s.Removed.Format(time.DateOnly)
	}
	return "served"
}
