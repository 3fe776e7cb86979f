package log_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
	"github.com/armalo/receiptlog/storage/storagetest"
)

// The disk fails at its k-th change after the log was opened, and the process
// dies. Every receipt that was acknowledged is there once it runs again, at the
// index it was told; those that were not are there once or not at all; and
// submitting all of them again gives each its one leaf. The storage layer is
// crashed at every k in four ways; here is every k, through the whole log.
func TestI1I2CrashAtTheKthWrite(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	everyK(t, 300, step, crashAt)
}

// crashAt reports whether there was a k-th write at all.
func crashAt(t *testing.T, k int, persisted bool) bool {
	disk := storagetest.NewFaultFS(storagetest.Fault{})
	w := logtest.New(t, func(o *log.Options) {
		o.Dir, o.Storage.FS = "data", disk
		o.IssuerRefresh = time.Hour // nothing is written but what the test is about
	})
	receipts := make([][]byte, 12)
	for i := range receipts {
		receipts[i] = w.Issuer.Receipt(fmt.Sprint("run-", i))
	}
	disk.SetFault(storagetest.Fault{At: disk.Ops() + k, Persisted: persisted})
	acknowledged, failed := submitUntilFailure(w, receipts)
	w.Abandon()
	w.Options.Storage.FS = disk.Crash(50, uint64(k))
	w.Open()
	for i, index := range acknowledged {
		stored, err := w.Log.Run(t.Context(), fmt.Sprint("run-", i), log.View{All: true})
		if err != nil || len(stored) != 1 || stored[0].Index != index {
			t.Fatalf("receipt %d was acknowledged at entry %d, now there is %v, %v", i, index, stored, err)
		}
	}
	for i, data := range receipts {
		b := w.Submit(data)
		if index, ok := acknowledged[i]; ok && index != b.Index {
			t.Errorf("receipt %d was at entry %d and is now at %d", i, index, b.Index)
		}
	}
	if want := uint64(len(receipts)) + 1; w.Size() != want {
		t.Errorf("%d entries, want %d", w.Size(), want)
	}
	return failed
}

// submitUntilFailure submits each receipt twice at once, wave after wave, and
// returns the indices that were acknowledged.
func submitUntilFailure(w *logtest.World, receipts [][]byte) (acknowledged map[int]uint64, failed bool) {
	const wave = 4
	acknowledged = make(map[int]uint64)
	var mu sync.Mutex
	for first := 0; first < len(receipts) && !failed; first += wave {
		var wg sync.WaitGroup
		for i := range 2 * wave {
			n := first + i%wave
			wg.Go(func() {
				p, err := w.Log.Begin(w.T.Context(), receipts[n])
				var index uint64
				if err == nil {
					index, err = p.Index()
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = true
				} else {
					acknowledged[n] = index
				}
			})
		}
		wg.Wait()
	}
	if !failed {
		select { // the fault may hit the publisher instead
		case <-w.Log.Failed():
			failed = true
		default:
		}
	}
	return acknowledged, failed
}
