package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/api"
)

// Clients of each kind that load keeps busy.
const (
	singleClients = 12 // wait for their bundle
	asyncClients  = 6  // are content with an index
	batchClients  = 4  // send NDJSON
	batchLines    = 40
)

// load submits receipts from many clients of every kind, and some receipts from
// two clients at once, until ctx ends. What fails is left open: nobody knows
// what became of it. It returns when no request is running any more.
func (l *ledger) load(ctx context.Context, c *api.Client, round int) {
	var clients sync.WaitGroup
	client := func(name string, submit func(*slip)) {
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				// Of every size: within one block of the database, and beyond.
				submit(l.Draw(fmt.Sprintf("%s-%d-%d", name, round, n), rand.IntN(200)*rand.IntN(200)))
			}
		})
	}
	for i := range singleClients {
		client(fmt.Sprint("single", i), func(s *slip) {
			var twice sync.WaitGroup
			for range 1 + i%2 {
				twice.Go(func() { l.single(ctx, c, s) })
			}
			twice.Wait()
		})
	}
	for i := range asyncClients {
		client(fmt.Sprint("async", i), func(s *slip) { l.async(ctx, c, s) })
	}
	for i := range batchClients {
		clients.Go(func() { l.batches(ctx, c, fmt.Sprintf("batch%d-%d", i, round)) })
	}
	clients.Go(func() { l.watch(ctx, c) })
	clients.Wait()
}

func (l *ledger) single(ctx context.Context, c *api.Client, s *slip) {
	if r, err := c.Submit(ctx, s.data); err == nil {
		l.Acknowledge(s, r.Index, r.ReceiptHash)
		l.Hold(s, r.Bundle)
	} else {
		l.refused(ctx, err)
	}
}

func (l *ledger) async(ctx context.Context, c *api.Client, s *slip) {
	if r, err := c.SubmitAsync(ctx, s.data); err == nil {
		l.Acknowledge(s, r.Index, r.ReceiptHash)
	} else {
		l.refused(ctx, err)
	}
}

// batches submits many receipts in one request, and another, and so on.
func (l *ledger) batches(ctx context.Context, c *api.Client, name string) {
	for n := 0; ctx.Err() == nil; n++ {
		var slips []*slip
		for i := range batchLines {
			slips = append(slips, l.Draw(fmt.Sprintf("%s-%d-%d", name, n, i), 100))
		}
		receipts := func(yield func([]byte, error) bool) {
			for _, s := range slips {
				if !yield(s.data, nil) {
					return
				}
			}
		}
		next := 0
		for line, err := range c.SubmitMany(ctx, receipts, n%2 == 0) {
			if err != nil {
				l.refused(ctx, err)
				break
			}
			if s := slips[next]; line.Error != nil {
				l.refused(ctx, line.Error)
			} else {
				l.Acknowledge(s, line.Index, line.ReceiptHash)
				if len(line.Bundle) > 0 {
					l.Hold(s, line.Bundle)
				}
			}
			next++
		}
	}
}

// refused holds that a log refuses a good receipt only because it is busy or
// about to end. To be killed in the middle of an answer is no refusal.
func (l *ledger) refused(ctx context.Context, err error) {
	if ctx.Err() != nil || api.Unreachable(err) {
		time.Sleep(time.Millisecond) // it may be dead; do not spin
		return
	}
	if p, ok := asProblem(err); ok && p.Status >= 500 && p.Code != "storage_full" {
		return
	}
	l.t.Errorf("a good receipt was refused: %v", err)
}

// watch looks at the published checkpoint all the time, as monitors do.
func (l *ledger) watch(ctx context.Context, c *api.Client) {
	for ctx.Err() == nil {
		_ = l.Look(ctx, c) // the server may be dead by now
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}
