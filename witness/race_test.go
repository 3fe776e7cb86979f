package witness

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/armalo/receiptlog/client/checkpoint"
)

// TestRaceOfForks: ten thousand requests, half for each of two forks of one log,
// race for every size. What is cosigned is one history.
func TestRaceOfForks(t *testing.T) {
	const sizes, racers, rounds = 20, 64, 160 // 10,240 requests
	l := newLog(t, "log.example/a")
	w := newWitness(t, Options{}, l)
	forks := []*playedLog{l.grow(sizes), l.fork().grow(sizes)}
	requests := make(map[string][]byte)
	for f := range forks {
		for from := range uint64(sizes) {
			for to := from; to <= sizes; to++ {
				requests[fmt.Sprint(f, from, to)] = forks[f].request(from, to)
			}
		}
	}
	var mu sync.Mutex
	cosigned := make(map[uint64]checkpoint.Checkpoint)
	var answered atomic.Int64
	var wg sync.WaitGroup
	for r := range racers {
		wg.Go(func() {
			known := uint64(0)
			for n := range rounds {
				// Each racer goes on from what the witness last told it.
				to := min(known+uint64(1+n%2), sizes)
				request := requests[fmt.Sprint((r+n)%2, known, to)]
				if known == sizes {
					request = requests[fmt.Sprint((r+n)%2, sizes-1, sizes)]
				}
				lines, err := w.AddCheckpoint(context.Background(), request)
				if no, ok := errors.AsType[*RefusedError](err); ok {
					if no.Reason == Conflict {
						known = no.Size
					}
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				answered.Add(1)
				c := mustParse(t, request)
				mu.Lock()
				if before, ok := cosigned[c.Size]; ok && before != c {
					t.Errorf("two roots were cosigned for size %d", c.Size)
				}
				cosigned[c.Size] = c
				mu.Unlock()
				if len(lines) == 0 {
					t.Error("answered without a line")
				}
				known = to
			}
		})
	}
	wg.Wait()
	if answered.Load() < 2 || len(cosigned) < 2 {
		t.Fatalf("%d answers for %d sizes: there was no race", answered.Load(), len(cosigned))
	}
	// All that was cosigned is of one of the two trees.
	for f, fork := range forks {
		whole := true
		for size, c := range cosigned {
			whole = whole && (size == 0 || fork.root(size) == c.Root)
		}
		if whole {
			t.Logf("%d requests, %d cosigned, %d sizes, all of fork %d", racers*rounds, answered.Load(), len(cosigned), f)
			return
		}
	}
	t.Error("what was cosigned is of neither tree alone")
}

func mustParse(t testing.TB, request []byte) checkpoint.Checkpoint {
	r, err := ParseAddRequest(request)
	if err != nil {
		t.Error(err)
		return checkpoint.Checkpoint{}
	}
	return r.Checkpoint
}
