// Bench measures the auditor and the eraser, and prints one line a figure:
// METRIC <name> <value> <unit>.
//
//	audit_entries_per_s   entries a second, `receiptctl audit --no-bodies` as a
//	                      program, from an empty folder, over HTTP on loopback
//	audit_vs_fsck         that over Tessera's fsck of the same log in the same
//	                      run, with as many workers
//	audit_rss_mb          the most memory that program had
//	erase_per_s           receipts a second, from due to off the disk, alone
//	ingest_during_sweep   receipts a second taken in while a sweep runs, over
//	                      the rate just before it
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

type settings struct {
	programs string
	entries  int // in the log that is audited
	erase    int // receipts in the log that is swept
	workers  int
}

func main() {
	var s settings
	flag.StringVar(&s.programs, "bin", "bin", "folder with the built programs")
	flag.IntVar(&s.entries, "entries", 1_000_000, "entries in the log that is audited")
	flag.IntVar(&s.erase, "erase", 40_000, "receipts in the log that is swept")
	flag.IntVar(&s.workers, "workers", 4, "workers of auditor and fsck")
	flag.Parse()
	for _, measure := range []func(context.Context, settings) error{measureAudit, measureErase} {
		if err := measure(context.Background(), s); err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
	}
}

func metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.3f %s\n", name, value, unit)
}
