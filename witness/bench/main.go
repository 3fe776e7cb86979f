// Bench measures the witness as a program beside litewitness, with the same
// requests in the same run, and prints lines of the form
//
//	METRIC <name> <value> <unit>
//
// Each log of many has a connection of its own and asks for one checkpoint after
// another, as fast as it is answered. Requests are made before the clock runs.
// Every answer was durable before it came: both programs run with their defaults,
// but for the witness's rate limits, which are off.
//
//	witness_cosign_per_s       checkpoints cosigned a second, by an Ed25519 and an ML-DSA-44 key
//	witness_ed25519_per_s      the same with an Ed25519 key only, which is what litewitness has
//	litewitness_per_s          the same by litewitness
//	witness_vs_litewitness     witness_ed25519_per_s / litewitness_per_s
//	witness_10k_logs_rss_mb    memory with ten thousand logs, each cosigned once
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

var (
	peers  = flag.String("peers", "bin/peers", "`folder` with litewitness; it is installed there if it is not")
	length = flag.Duration("time", 4*time.Second, "`duration` of each measurement")
	rounds = flag.Int("rounds", 3, "`number` of measurements of each, of which the median counts")
	logs   = flag.Int("logs", 64, "`number` of logs that ask at once")
)

func main() {
	flag.Parse()
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func bench() error {
	dir, err := os.MkdirTemp("", "witness-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(dir, *peers); err != nil {
		return err
	}
	var both, classic, lite []float64
	for round := range *rounds {
		// In turn, so that a machine that changes pace is the same to all.
		for _, c := range []struct {
			start func(dir string, origins map[string]string) (*program, error)
			rates *[]float64
		}{{startOurs, &both}, {startOursEd25519, &classic}, {startLitewitness, &lite}} {
			rate, err := measure(filepath.Join(dir, fmt.Sprint(round, len(both), len(classic))), c.start)
			if err != nil {
				return err
			}
			*c.rates = append(*c.rates, rate)
		}
	}
	rss, err := manyLogs(filepath.Join(dir, "many"), 10_000)
	if err != nil {
		return err
	}
	metric("witness_cosign_per_s", median(both), "1/s")
	metric("witness_ed25519_per_s", median(classic), "1/s")
	metric("litewitness_per_s", median(lite), "1/s")
	metric("witness_vs_litewitness", median(classic)/median(lite), "x")
	metric("witness_10k_logs_rss_mb", rss, "MiB")
	return nil
}

func metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.2f %s\n", name, value, unit)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
