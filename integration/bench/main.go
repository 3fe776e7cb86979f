// Bench measures a served log from outside, on loopback, and prints one line a
// figure: METRIC <name> <value> <unit>.
//
// Ratios are taken against a floor that the same run measures in this process:
// the bare cost of canonicalising a receipt (RFC 8785), hashing it (SHA-256)
// and verifying one Ed25519 signature, with nothing around it. The server's
// cost is the CPU time of its process, all threads, kernel included.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

// settings are the sizes of the runs.
type settings struct {
	programs string
	latency  int // receipts in the latency run
	single   int // receipts in the run of one receipt a request
	batch    int // receipts in the NDJSON run
}

func main() {
	var s settings
	flag.StringVar(&s.programs, "bin", "bin", "folder with the built programs")
	flag.IntVar(&s.latency, "latency", 2000, "receipts in the latency run (50 clients)")
	flag.IntVar(&s.single, "single", 10000, "receipts in the run of one receipt a request")
	flag.IntVar(&s.batch, "batch", 20000, "receipts in the NDJSON run")
	flag.Parse()
	if err := measure(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.3f %s\n", name, value, unit)
}

func measure(ctx context.Context, s settings) error {
	is, err := newIssuer()
	if err != nil {
		return err
	}
	srv, err := start(s.programs, is.did)
	if err != nil {
		return err
	}
	defer srv.stop()

	receipts, err := is.receipts(s.latency+s.single+s.batch, 0)
	if err != nil {
		return err
	}
	metric("receipt_bytes", float64(len(receipts[0])), "bytes")
	floor := is.floor(receipts[:min(len(receipts), 5000)])
	metric("ingest_floor_us", float64(floor.Nanoseconds())/1e3, "us")

	// Submit to bundle as 50 clients see it, at default settings.
	times, _, err := srv.submitEach(ctx, receipts[:s.latency], 50)
	if err != nil {
		return err
	}
	slices.Sort(times)
	metric("submit_p50_ms", times[len(times)/2].Seconds()*1e3, "ms")
	metric("submit_p99_ms", times[len(times)*99/100].Seconds()*1e3, "ms")
	receipts = receipts[s.latency:]

	// One receipt a request, bundle in the answer, many clients.
	_, cpu, err := srv.submitEach(ctx, receipts[:s.single], 512)
	if err != nil {
		return err
	}
	report("single", cpu, s.single, floor)
	receipts = receipts[s.single:]

	// Many receipts a request, as NDJSON, bundles in the answer.
	began := time.Now()
	cpu, err = srv.submitLines(ctx, receipts)
	if err != nil {
		return err
	}
	metric("ingest_batch_per_s", float64(len(receipts))/time.Since(began).Seconds(), "receipts/s")
	report("batch", cpu, len(receipts), floor)
	return nil
}

func report(name string, cpu time.Duration, n int, floor time.Duration) {
	each := cpu / time.Duration(n)
	metric("ingest_"+name+"_cpu_us", float64(each.Nanoseconds())/1e3, "us")
	metric("ingest_"+name+"_cpu_vs_floor", float64(each)/float64(floor), "ratio")
}
