// Bench measures searching and what it costs, and prints one line a figure:
// METRIC <name> <value> <unit>.
//
//	search_build_per_s    receipts a second, from bodies to posting lists, as when
//	                      a log from before there were lists is opened
//	search_p50_ms         a selective search over HTTP on loopback, up to 20
//	search_p99_ms         receipts in the answer, of a log with that many receipts
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
	receipts int // in the log that is searched
	queries  int
	ingest   int // receipts in each round of ingest
	rounds   int
}

func main() {
	var s settings
	flag.IntVar(&s.receipts, "receipts", 1_000_000, "receipts in the log that is searched")
	flag.IntVar(&s.queries, "queries", 2000, "selective searches")
	flag.IntVar(&s.ingest, "ingest", 8000, "receipts in each round of ingest")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of ingest, with and without the index")
	flag.Parse()
	for _, measure := range []func(context.Context, settings) error{measureOverhead, measureSearch} {
		if err := measure(context.Background(), s); err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
	}
}

func metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.3f %s\n", name, value, unit)
}
