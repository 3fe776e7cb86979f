package kv

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := uint64(1000)
		r := &Reserve{keep: 400, logger: slog.New(slog.DiscardHandler), free: func() (uint64, error) { return free, nil }}
		take := func(bytes int, want error) {
			t.Helper()
			if err := r.Take(bytes); !errors.Is(err, want) {
				t.Errorf("Take(%d): %v, want %v", bytes, err, want)
			}
		}
		take(200, nil) // of 600, at 2 bytes a byte
		take(75, nil)
		r.Settle(200) // being written; the free room may not show it yet
		take(26, ErrFull)
		take(1, ErrFull) // and now an eighth of the reserve has to be free beside it
		free = 600
		time.Sleep(lookEvery)
		take(1, ErrFull) // 150 are still promised
		r.Settle(75)
		take(1, ErrFull)
		free = 449
		time.Sleep(lookEvery)
		take(1, ErrFull)
		if !r.Full() {
			t.Error("the reserve is not full")
		}
		free = 450
		time.Sleep(lookEvery)
		if r.Full() {
			t.Error("the reserve is full although there is room again")
		}
		take(25, nil)
		take(1, ErrFull)
	})
}

// A file system that cannot say how much room it has is not taken for full.
func TestReserveWithoutAnswer(t *testing.T) {
	r := &Reserve{keep: 400, logger: slog.New(slog.DiscardHandler), free: func() (uint64, error) { return 0, errors.ErrUnsupported }}
	if err := r.Take(1 << 40); err != nil || r.Full() {
		t.Errorf("Take: %v, full: %v", err, r.Full())
	}
}
