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
	export   int // receipts in the export, at least
	only     bool
}

func main() {
	var s settings
	flag.StringVar(&s.programs, "bin", "bin", "folder with the built programs")
	flag.IntVar(&s.latency, "latency", 2000, "receipts in the latency run (50 clients)")
	flag.IntVar(&s.single, "single", 20000, "receipts in the run of one receipt a request")
	flag.IntVar(&s.batch, "batch", 40000, "receipts in the NDJSON run")
	flag.IntVar(&s.export, "export", 0, "receipts to export, at least: more are logged if there are fewer")
	flag.BoolVar(&s.only, "only-export", false, "measure nothing but the export")
	files := flag.String("files", "", "serve this `folder` and do nothing else: what our server is compared with")
	flag.Parse()
	if *files != "" {
		fmt.Fprintln(os.Stderr, "bench: error:", runFileServer(*files))
		os.Exit(1)
	}
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

	if s.only {
		return srv.export(ctx, is, 0, s.export)
	}
	receipts, err := is.receipts(s.latency+s.single+s.batch, 0)
	if err != nil {
		return err
	}
	metric("receipt_bytes", float64(len(receipts[0])), "bytes")

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
	if err := is.ingest("single", receipts[:s.single], func(round [][]byte) (time.Duration, error) {
		_, cpu, err := srv.submitEach(ctx, round, 512)
		return cpu, err
	}); err != nil {
		return err
	}
	// Many receipts a request, as NDJSON, bundles in the answer.
	if err := is.ingest("batch", receipts[s.single:], func(round [][]byte) (time.Duration, error) {
		return srv.submitLines(ctx, round)
	}); err != nil {
		return err
	}
	if err := measureTiles(ctx, srv); err != nil {
		return err
	}
	return srv.export(ctx, is, s.latency+s.single+s.batch, s.export)
}

// rounds of a run: a floor is taken before each, and what is reported is the
// median round, so that a neighbour's work on the machine spoils one and not all.
const rounds = 5

// ingest submits receipts in rounds and reports the server's CPU time over the
// floor of the same moment.
func (is *issuer) ingest(name string, receipts [][]byte, submit func(round [][]byte) (time.Duration, error)) error {
	var ratios, floors, costs, rates []float64
	for round := range slices.Chunk(receipts, max(len(receipts)/rounds, 1)) {
		floor := is.floor(round)
		began := time.Now()
		cpu, err := submit(round)
		if err != nil {
			return err
		}
		each := cpu / time.Duration(len(round))
		rates = append(rates, float64(len(round))/time.Since(began).Seconds())
		floors = append(floors, float64(floor.Nanoseconds())/1e3)
		costs = append(costs, float64(each.Nanoseconds())/1e3)
		ratios = append(ratios, float64(each)/float64(floor))
	}
	metric("ingest_"+name+"_per_s", median(rates), "receipts/s")
	metric("ingest_"+name+"_floor_us", median(floors), "us")
	metric("ingest_"+name+"_cpu_us", median(costs), "us")
	metric("ingest_"+name+"_cpu_vs_floor", median(ratios), "ratio")
	return nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
