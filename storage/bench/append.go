package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/transparency-dev/tessera"
)

// callerCounts is how many callers wait for their leaf at the same time.
var callerCounts = []int{512, 2048, 8192}

// posixBatches are the batch sizes from which POSIX gets its best.
var posixBatches = []uint{256, 512, 1024, 2048, 4096, 8192}

// leafBytes is the size of a leaf.
const leafBytes = 500

// load is what one measurement came to.
type load struct {
	leaves  uint64
	took    time.Duration
	cpu     time.Duration
	written uint64 // bytes the process had written to disk
}

func (l load) perSecond() float64 { return float64(l.leaves) / l.took.Seconds() }
func (l load) cpuMicros() float64 { return float64(l.cpu.Microseconds()) / float64(l.leaves) }

// rounds is how often each driver has its turn. The best turn counts, for both:
// what else the machine does only ever takes away.
const rounds = 3

func measureAppend(dir string, span time.Duration, only, prof string) error {
	worstSpeed, worstCPU := math.Inf(1), 0.0
	for _, callers := range callerCounts {
		var ours, posix best
		for round := range rounds {
			if only != "posix" {
				if err := measureOurs(&ours, dir, callers, span, prof); err != nil {
					return err
				}
			}
			if only == "ours" {
				continue
			}
			if round == 0 {
				if err := choosePOSIX(&posix, dir, callers, span/2); err != nil {
					return err
				}
			}
			if err := measurePOSIX(&posix, dir, callers, span); err != nil {
				return err
			}
		}
		report("ours", callers, ours)
		report(fmt.Sprintf("POSIX with batches of %d", posix.batch), callers, posix)
		worstSpeed = min(worstSpeed, ours.perSecond/posix.perSecond)
		worstCPU = max(worstCPU, ours.cpuMicros/posix.cpuMicros)
	}
	if only == "" {
		metric("append_vs_posix", worstSpeed, "times")
		metric("append_cpu_vs_posix", worstCPU, "times")
	}
	return nil
}

// best is the best of several turns.
type best struct {
	batch     uint
	perSecond float64
	cpuMicros float64
}

func (b *best) note(l load) {
	b.perSecond = max(b.perSecond, l.perSecond())
	if b.cpuMicros == 0 || l.cpuMicros() < b.cpuMicros {
		b.cpuMicros = l.cpuMicros()
	}
}

func measureOurs(b *best, dir string, callers int, span time.Duration, prof string) (err error) {
	if prof != "" {
		f, err := os.Create(fmt.Sprintf("%s.%d", prof, callers))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	path := filepath.Join(dir, "ours")
	l, err := measureLog(func() (*log, error) { return openOurs(path, true) }, callers, span)
	if err == nil {
		b.note(l)
	}
	return errors.Join(err, os.RemoveAll(path))
}

// choosePOSIX finds the batch size that suits POSIX best.
func choosePOSIX(b *best, dir string, callers int, span time.Duration) error {
	fastest := 0.0
	for _, batch := range posixBatches {
		if batch > uint(callers) {
			break // it would only wait for its timer
		}
		trial := best{batch: batch}
		if err := measurePOSIX(&trial, dir, callers, span); err != nil {
			return err
		}
		if trial.perSecond > fastest {
			b.batch, fastest = batch, trial.perSecond
		}
	}
	return nil
}

func measurePOSIX(b *best, dir string, callers int, span time.Duration) error {
	path := filepath.Join(dir, "posix")
	l, err := measureLog(func() (*log, error) { return openPOSIX(path, b.batch) }, callers, span)
	if err == nil {
		b.note(l)
	}
	return errors.Join(err, os.RemoveAll(path))
}

func report(name string, callers int, b best) {
	if b.perSecond > 0 {
		fmt.Printf("# %s, %d callers: %.0f leaves/s, %.2f µs of processor a leaf\n", name, callers, b.perSecond, b.cpuMicros)
	}
}

func measureLog(open func() (*log, error), callers int, span time.Duration) (load, error) {
	runtime.GC()
	l, err := open()
	if err != nil {
		return load{}, err
	}
	if _, err := appendFor(l.add, callers, span/4, 0); err != nil { // warm up
		return load{}, errors.Join(err, l.close())
	}
	done, err := appendFor(l.add, callers, span, 0)
	return done, errors.Join(err, l.close())
}

// appendFor has that many callers append leaf after leaf, each waiting for its
// own, for a time or, if limit is not 0, until that many are appended.
func appendFor(add tessera.AddFn, callers int, span time.Duration, limit uint64) (load, error) {
	var (
		wg     sync.WaitGroup
		count  atomic.Uint64
		stop   atomic.Bool
		failed atomic.Pointer[error]
	)
	begin, cpu, written := time.Now(), processorTime(), bytesWritten()
	if limit == 0 {
		defer time.AfterFunc(span, func() { stop.Store(true) }).Stop()
	}
	ctx := context.Background()
	for c := range callers {
		wg.Go(func() {
			for n := uint64(0); !stop.Load(); n++ {
				if _, err := add(ctx, tessera.NewEntry(leaf(uint64(c), n)))(); err != nil {
					failed.Store(&err)
					return
				}
				if done := count.Add(1); limit > 0 && done+uint64(callers) > limit {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return load{}, *err
	}
	return load{
		leaves: count.Load(), took: time.Since(begin), cpu: processorTime() - cpu, written: bytesWritten() - written,
	}, nil
}

var leafCounter atomic.Uint64

// leaf returns a new leaf, which no collector of duplicates would find.
func leaf(caller, n uint64) []byte {
	data := make([]byte, leafBytes)
	x := caller<<32 + n + leafCounter.Load() + 0x9e3779b97f4a7c15
	for i := 0; i+8 <= len(data); i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data[i], data[i+1], data[i+2], data[i+3] = byte(x), byte(x>>8), byte(x>>16), byte(x>>24)
	}
	return data
}

func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measureLone is one caller that appends one leaf at a time.
func measureLone(dir string) error {
	path := filepath.Join(dir, "lone")
	l, err := openOurs(path, true)
	if err != nil {
		return err
	}
	const warmUp, count = 200, 1500
	took := make([]time.Duration, 0, count)
	for i := range warmUp + count {
		begin := time.Now()
		if _, err := l.add(context.Background(), tessera.NewEntry(leaf(0, uint64(i))))(); err != nil {
			return errors.Join(err, l.close())
		}
		if i >= warmUp {
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	metric("append_lone_ms", took[count/2].Seconds()*1000, "ms")
	fmt.Printf("# one caller: p99 %.2f ms\n", took[count*99/100].Seconds()*1000)
	return errors.Join(l.close(), os.RemoveAll(path))
}
