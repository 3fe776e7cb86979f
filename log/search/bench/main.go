// Bench measures searching and what it costs, and prints one line a figure:
// METRIC <name> <value> <unit>.
//
//	search_build_per_s    receipts a second, from bodies to posting lists, as when
//	                      a log from before there were lists is opened
//	search_p50_ms         a selective search over HTTP on loopback, up to 20
//	search_p99_ms         receipts in the answer, of a log with that many receipts
//	search_broad_p50_ms   the first page of a search that a tenth of all receipts
//	search_broad_p99_ms   match
//	search_cpu_ms         CPU of one such search, asking included
//	search_stream_per_s   receipts a second in a stream of all that match
//	index_overhead        CPU of ingest with the search index over that without,
//	                      the median of rounds that take turns
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

type settings struct {
	receipts int    // in the log that is searched
	dir      string // of that log, kept; empty: a temporary one
	small    bool   // receipts without long texts
	profile  string // where a CPU profile of the searches goes
	queries  int
	ingest   int // receipts in each round of ingest
	rounds   int
}

func main() {
	var s settings
	flag.IntVar(&s.receipts, "receipts", 1_000_000, "receipts in the log that is searched")
	flag.StringVar(&s.dir, "dir", "", "keep the log in this `folder`, and search the one that is there")
	flag.BoolVar(&s.small, "small", false, "receipts of 1.5 KB instead of 3 KB: ten million fit 20 GB")
	flag.StringVar(&s.profile, "profile", "", "`file` for a CPU profile of the searches")
	flag.IntVar(&s.queries, "queries", 2000, "selective searches")
	flag.IntVar(&s.ingest, "ingest", 8000, "receipts in each round of ingest")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of ingest, with and without the index; 0: do not measure that")
	flag.Parse()
	for _, measure := range []func(context.Context, settings) error{measureOverhead, measureSearch} {
		if err := measure(context.Background(), s); err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
	}
}
