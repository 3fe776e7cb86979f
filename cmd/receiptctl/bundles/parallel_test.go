package bundles

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// However many results one item comes to, and however slowly they are collected,
// those that wait are a few for each worker: that is what bounds the memory of
// verifying an archive.
func TestResultsDoNotPileUp(t *testing.T) {
	const workers, items, each = 3, 20, 500
	feed := func(_ context.Context, yield func(int) error) error {
		for i := range items {
			if err := yield(i); err != nil {
				return err
			}
		}
		return nil
	}
	var made atomic.Int64
	collected, most := int64(0), int64(0)
	err := Parallel(t.Context(), feed, workers, func(_ int, yield func(int)) {
		for i := range each {
			made.Add(1)
			yield(i)
		}
	}, func(int) error {
		if collected++; collected%1000 == 0 {
			time.Sleep(time.Millisecond) // the workers get as far ahead as they can
		}
		runtime.Gosched()
		most = max(most, made.Load()-collected)
		return nil
	})
	if err != nil || collected != items*each {
		t.Fatalf("%d of %d were collected: %v", collected, items*each, err)
	}
	if most > 3*workers {
		t.Errorf("%d results waited at once", most)
	}
}
