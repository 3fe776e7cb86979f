// Command bench measures storage on this machine and prints one figure a line:
//
//	METRIC <name> <value> <unit>
//
// Figures named _vs_posix are ratios to Tessera's own POSIX driver, measured in
// the same run, by the same harness, with the same settings of the collector,
// at whichever of several batch sizes suits POSIX best. Lines that begin with #
// say what they were made from.
//
// With -scale it appends ten million leaves and says how cost, memory, disk and
// restart hold up; that takes minutes and some eight gigabytes under -dir.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	var (
		dir   = flag.String("dir", "", "folder to work in; it is emptied again (default: a temporary one)")
		span  = flag.Duration("time", time.Second, "how long each measurement takes")
		scale = flag.Bool("scale", false, "measure how the log holds up with its size")
		total = flag.Uint64("leaves", 10_000_000, "size of the log with -scale")
		only  = flag.String("only", "", "run only the driver named ours or posix, without ratios")
		prof  = flag.String("cpuprofile", "", "write a CPU profile of our driver here")
	)
	flag.Parse()
	if err := run(*dir, *span, *scale, *total, *only, *prof); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(dir string, span time.Duration, scale bool, total uint64, only, prof string) error {
	dir, err := os.MkdirTemp(dir, "receiptlog-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Printf("# %s, %d processors, GOGC=%s\n", runtime.Version(), runtime.NumCPU(), os.Getenv("GOGC"))
	if scale {
		return measureScale(dir, total)
	}
	if err := measureAppend(dir, span, only, prof); err != nil || only != "" {
		return err
	}
	return measureLone(dir)
}

// metric prints one figure.
func metric(name string, value float64, unit string) {
	fmt.Printf("METRIC %s %.4g %s\n", name, value, unit)
}
