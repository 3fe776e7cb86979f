package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
)

// scaleCallers load the log while it grows.
const scaleCallers = 2048

// measureScale grows a log to that many leaves.
func measureScale(dir string, total uint64) error {
	path := filepath.Join(dir, "scale")
	l, err := openOurs(path, true)
	if err != nil {
		return err
	}
	slice := max(total/100, 1)
	var all load
	var first, last load
	for all.leaves < total {
		done, err := appendFor(l.add, scaleCallers, 0, min(slice, total-all.leaves+scaleCallers))
		if err != nil {
			return errors.Join(err, l.close())
		}
		if first.leaves == 0 {
			first = done
		}
		last = done
		all.leaves, all.took, all.cpu, all.written = all.leaves+done.leaves, all.took+done.took, all.cpu+done.cpu, all.written+done.written
		fmt.Fprintf(os.Stderr, "# %d of %d leaves, %.0f leaves/s, %.0f MB of memory\n", all.leaves, total, done.perSecond(), residentMB())
	}
	fmt.Printf("# %d leaves in %.0f s: %.0f leaves/s, %.2f µs of processor a leaf\n", all.leaves, all.took.Seconds(), all.perSecond(), all.cpuMicros())
	metric("append_10m_vs_100k", last.cpuMicros()/first.cpuMicros(), "times")
	metric("rss_10m_mb", residentMB(), "MB")
	if err := measureProofs(l, all.leaves); err != nil {
		return errors.Join(err, l.close())
	}
	before := bytesWritten()
	if err := l.close(); err != nil {
		return err
	}
	all.written += bytesWritten() - before
	metric("bytes_written_per_byte", float64(all.written)/float64(all.leaves*leafBytes), "times")
	size, err := folderBytes(path)
	if err != nil {
		return err
	}
	metric("disk_bytes_per_byte", float64(size)/float64(all.leaves*(leafBytes+32)), "times")
	return measureRestart(path)
}

func measureProofs(l *log, size uint64) error {
	const count = 20_000
	took := make([]time.Duration, 0, count)
	for range count {
		begin := time.Now()
		// A builder per proof: nothing is kept between them.
		builder, err := client.NewProofBuilder(context.Background(), size, l.reader.ReadTile)
		if err == nil {
			_, err = builder.InclusionProof(context.Background(), rand.Uint64N(size))
		}
		if err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	fmt.Printf("# proof: median %.3f ms\n", took[count/2].Seconds()*1000)
	metric("proof_p99_ms", took[count*99/100].Seconds()*1000, "ms")
	return nil
}

func measureRestart(path string) error {
	begin := time.Now()
	l, err := openOurs(path, false)
	if err != nil {
		return err
	}
	if _, err := l.add(context.Background(), tessera.NewEntry(leaf(0, 0)))(); err != nil {
		return errors.Join(err, l.close())
	}
	metric("restart_10m_s", time.Since(begin).Seconds(), "s")
	return l.close()
}

func folderBytes(path string) (total int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// bytesWritten is what this process has sent to disks so far.
func bytesWritten() uint64 { return procValue("/proc/self/io", "write_bytes:") }

func residentMB() float64 { return float64(procValue("/proc/self/status", "VmRSS:")) / 1024 }

// procValue returns the number behind a name in a file of /proc, or 0 where
// there is none.
func procValue(file, name string) uint64 {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
