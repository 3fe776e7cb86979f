package storagetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// soak multiplies how much the long tests try: RECEIPTLOG_SOAK=n.
func soak() int {
	n, err := strconv.Atoi(os.Getenv("RECEIPTLOG_SOAK"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

var testKeys = NewKeys()

func config(fs *FaultFS, create bool) Config {
	return Config{Dir: "ledger", Keys: testKeys, KV: kv.Options{FS: fs, Create: create, MemTableBytes: 64 << 10}}
}

// outcome is what the world knows when a run ends.
type outcome struct {
	acked Acked
	seen  [][]byte
}

const (
	workloadWaves = 3
	waveReceipts  = 6
)

// workload submits receipts in waves, each wave at once and every receipt twice,
// with flushes in between, until something fails. It is the same each time, save
// for what goroutines do to the order.
func workload(cfg Config) (out outcome) {
	out.acked = make(Acked)
	l, err := OpenLedger(cfg)
	if err != nil {
		return out
	}
	defer func() { _ = l.Close() }()
	for wave := range workloadWaves {
		ok := l.guardedWave(wave, out.acked)
		out.seen = append(out.seen, l.Seen())
		if !ok {
			return out
		}
		if wave == 1 && l.DB.Flush() != nil {
			return out
		}
	}
	return out
}

// guardedWave is wave on a disk that may fail: then some of those who submit may
// be stuck for good, and what they were told does not count.
func (l *Ledger) guardedWave(wave int, acked Acked) bool {
	var ok bool
	told := make(chan Acked, 1)
	_ = l.DB.Guard(func() error {
		mine := make(Acked)
		ok = l.wave(wave, mine)
		told <- mine
		return nil
	})
	select {
	case mine := <-told:
		maps.Copy(acked, mine)
		return ok
	default:
		return false
	}
}

// wave submits the receipts of one wave, and notes what is acknowledged.
func (l *Ledger) wave(wave int, acked Acked) (ok bool) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	ok = true
	for n := range 2 * waveReceipts {
		wg.Go(func() {
			s, err := l.Submit(context.Background(), receiptName(wave, n%waveReceipts))
			var leaf uint64
			if err == nil {
				leaf, _, err = s.Wait()
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				ok = false
				return
			}
			acked[s.Receipt] = leaf
		})
	}
	wg.Wait()
	if size, _ := l.Driver.Tree(); ok && size > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := l.Driver.AwaitPublished(ctx, size-1)
		ok = err == nil
	}
	return ok
}

func receiptName(wave, n int) string {
	return fmt.Sprintf("wave %d, number %d, padded %0*d, number %d", wave, n, 300*n, 0, n)
}

// recoverFrom opens what a crash left, verifies all of it, and goes on.
func recoverFrom(t *testing.T, disk *FaultFS, out outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out.seen = append(out.seen, publishedOn(t, disk))
	l, err := OpenLedger(config(disk, false))
	if errors.Is(err, kv.ErrNotExist) && len(out.acked) == 0 {
		l, err = OpenLedger(config(disk, true)) // it died while it was created
	}
	if err != nil {
		t.Fatalf("open after crash: %v", err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Errorf("close after recovery: %v", err)
		}
	}()
	if err := l.Verify(ctx, out.acked, out.seen...); err != nil {
		t.Fatalf("after crash: %v", err)
	}
	out.acked = maps.Clone(out.acked)
	for wave := range workloadWaves + 1 { // all that were submitted before, and more
		if !l.wave(wave, out.acked) {
			t.Fatal("submissions fail after recovery")
		}
	}
	if seen := l.Seen(); seen != nil { // nil: there was nothing new to publish
		out.seen = append(out.seen, seen)
	}
	if err := l.Verify(ctx, out.acked, out.seen...); err != nil {
		t.Fatalf("after going on: %v", err)
	}
	if size, _ := l.Driver.Tree(); size != (workloadWaves+1)*waveReceipts {
		t.Fatalf("I2: %d receipts are at %d leaves", (workloadWaves+1)*waveReceipts, size)
	}
}

// publishedOn returns the checkpoint that a disk holds before anybody makes a new
// one: it must not be older than what was seen (I4).
func publishedOn(t *testing.T, disk *FaultFS) []byte {
	t.Helper()
	db, err := kv.Open("ledger", kv.Options{FS: disk})
	if errors.Is(err, kv.ErrNotExist) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := driver.OpenReader(db)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := r.ReadCheckpoint(t.Context())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return signed
}

// The process dies at its k-th change to the disk, for every k; what was in the
// air is lost, kept, or in part. Or that change fails once and nobody crashes:
// then the database must not go on. After each the log is whole, and goes on.
func TestCrashAtEveryWrite(t *testing.T) {
	disk := NewFaultFS(Fault{})
	if out := workload(config(disk, true)); len(out.acked) != workloadWaves*waveReceipts {
		t.Fatalf("without any fault %d receipts were acknowledged", len(out.acked))
	}
	total := disk.Ops()
	t.Logf("%d changes to the disk", total)
	modes := []Fault{{}, {Persisted: true}, {Once: true}, {Once: true, Persisted: true}}
	stride := 1 // each k in all modes
	if testing.Short() {
		stride = 4 * len(modes)
	}
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for m, mode := range modes {
		for k := 1 + 4*m%stride; k <= total+5; k += stride {
			fault := mode
			fault.At = k
			t.Run(fmt.Sprintf("%+v", fault), func(t *testing.T) {
				t.Parallel()
				limit <- struct{}{}
				defer func() { <-limit }()
				disk := NewFaultFS(fault)
				out := workload(config(disk, true))
				for _, percent := range []int{0, 100, 50}[:1+2*min(1, soak()-1)] {
					recoverFrom(t, disk.Crash(percent, uint64(k)), out)
				}
			})
		}
	}
}

// The process dies, or one change fails, while it recovers from a crash and takes
// the first receipts after it: starting is what a machine in trouble does most.
func TestCrashAtEveryWriteOfRecovery(t *testing.T) {
	disk := NewFaultFS(Fault{})
	first := workload(config(disk, true))
	modes := []Fault{{}, {Persisted: true}, {Once: true}, {Once: true, Persisted: true}}
	stride := 1 // each k in all modes
	if testing.Short() {
		stride = 4
	}
	for k, reached := 1, true; reached; k += stride {
		for m, fault := range modes {
			if stride > 1 && k/stride%len(modes) != m {
				continue
			}
			fault.At = k
			t.Run(fmt.Sprintf("%+v", fault), func(t *testing.T) {
				disk := disk.Crash(100, 1) // killed, so that there is a log to replay
				disk.SetFault(fault)
				out := outcome{acked: maps.Clone(first.acked), seen: first.seen}
				if l, err := OpenLedger(config(disk, false)); err == nil {
					l.guardedWave(workloadWaves, out.acked)
					if seen := l.Seen(); seen != nil { // nil: this process had published nothing
						out.seen = append(slices.Clone(out.seen), seen)
					}
					_ = l.Close()
				}
				reached = disk.Ops() >= k
				recoverFrom(t, disk.Crash(50*(k%3), uint64(k)), out)
			})
		}
		if k > 500 {
			t.Fatal("recovery has no end")
		}
	}
}
