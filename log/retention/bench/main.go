// Bench measures the auditor and the eraser, and prints one line a figure:
// METRIC <name> <value> <unit>.
//
//	audit_entries_per_s   entries a second, `receiptctl audit --no-bodies` as a
//	                      program, from an empty folder, over HTTP on loopback
//	audit_vs_fsck         that over Tessera's fsck of the same log in the same
//	                      run, with as many workers
//	audit_rss_mb          the most memory that program had
//	erase_per_s           receipts a second, from due to off the disk, alone
//	ingest_during_sweep   receipts a second taken in while a sweep runs, or in its
//	                      first three minutes, over the rate before it and after
//	ingest_stall_ms       the longest time in which none was
//	sweep_rss_mb          the most memory of log and submitters during that sweep,
//	                      over what they had before it
//
// For a sweep of a million run it with -entries 0 -erase 0 -sweep 1000000.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

type settings struct {
	programs string
	entries  int // in the log that is audited
	erase    int // receipts that are erased alone
	sweep    int // receipts that are erased while others come in
	scrub    time.Duration
	workers  int
	dir      string
	profile  string
}

func main() {
	var s settings
	flag.StringVar(&s.programs, "bin", "bin", "folder with the built programs")
	flag.IntVar(&s.entries, "entries", 1_000_000, "entries in the log that is audited; 0 audits none")
	flag.IntVar(&s.erase, "erase", 40_000, "receipts that are erased alone; 0 erases none")
	flag.IntVar(&s.sweep, "sweep", 40_000, "receipts that are erased while others come in; 0 erases none")
	flag.DurationVar(&s.scrub, "scrub", 5*time.Second, "least time between two scrubs of the disk")
	flag.IntVar(&s.workers, "workers", 4, "workers of auditor and fsck")
	flag.StringVar(&s.dir, "dir", "", "keep the log that is swept in this `folder`, and take up the one that is there")
	flag.StringVar(&s.profile, "cpuprofile", "", "write a CPU profile of the sweeps here")
	flag.Parse()
	for _, measure := range []func(context.Context, settings) error{measureAudit, measureSweeps} {
		if err := measure(context.Background(), s); err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
	}
}
