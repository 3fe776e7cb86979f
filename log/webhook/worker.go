package webhook

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/outbound"
	"github.com/armalo/receiptlog/storage/outbox"
)

const (
	// senders is how many messages are on their way to one receiver at a time.
	senders = 4
	// page is how many are taken off the queue at a time.
	page = 64
	// probeAfter is after how many failures in a row a receiver is only tried
	// out, with one message at a time and a rest of up to maxRest between.
	probeAfter = 5
	maxRest    = time.Minute
	// pollEvery is how often is looked whether erased text is off the disk.
	pollEvery = 2 * time.Second
	// idle is how long a worker sleeps that waits for nothing.
	idle = time.Hour
)

// worker sends to one receiver.
type worker struct {
	h        *Hooks
	receiver atomic.Pointer[Receiver]
	client   *http.Client
	kick     chan struct{}
	stop     context.CancelFunc

	mu      sync.Mutex
	failing int // attempts in vain, one after another
	since   time.Time
	reason  string
	lastOK  time.Time
}

func newWorker(h *Hooks, r *Receiver) *worker {
	w := &worker{h: h, kick: make(chan struct{}, 1), client: outbound.NewClient(outbound.Options{
		AllowPrivate: h.opts.AllowPrivate, DialTimeout: h.opts.Timeout, Connections: senders,
	})}
	w.receiver.Store(r)
	return w
}

func (w *worker) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// work sends until ctx ends.
func (w *worker) work(ctx context.Context) {
	defer w.client.CloseIdleConnections()
	for ctx.Err() == nil {
		wait := w.round(ctx)
		if rest := w.rest(); rest > 0 && !sleep(ctx, rest) {
			return
		}
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-w.kick:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round sends some of what is due, and returns how long there is nothing to do
// unless somebody wakes the worker.
func (w *worker) round(ctx context.Context) time.Duration {
	id, now := w.receiver.Load().ID, w.h.opts.Now()
	w.own(id, now)
	polls, limit := false, page
	if w.rest() > 0 {
		limit = 1
	}
	rows, next, err := w.h.box.Due(id, now, limit, func(m *outbox.Message) bool {
		ready := w.h.ready(ctx, m)
		polls = polls || !ready && Kind(m.Kind) == ErasureDone
		return ready
	})
	if err != nil {
		w.h.opts.Logger.Error("webhooks are not sent for the moment", "receiver", id, "error", err)
		return pollEvery
	}
	w.sendAll(ctx, rows)
	switch {
	case polls:
		return min(pollEvery, w.until(next, idle))
	case len(rows) > 0:
		return 0
	}
	return w.until(next, idle)
}

func (w *worker) until(next time.Time, otherwise time.Duration) time.Duration {
	if next.IsZero() {
		return otherwise
	}
	return max(next.Sub(w.h.opts.Now()), time.Millisecond)
}

// own queues what says that messages were missed, once there is room.
func (w *worker) own(id uint32, now time.Time) {
	missed, ok := w.h.box.Missed(id)
	if !ok {
		return
	}
	m := outbox.Message{Kind: byte(MessagesMissed), Subject: missed.First, Until: missed.Last, Count: missed.Count, At: now}
	if err := w.h.box.Own(id, m); err != nil {
		w.h.opts.Logger.Error("a webhook's receiver cannot be told what it missed", "receiver", id, "error", err)
		return
	}
	w.h.opts.Logger.Warn("a webhook's queue was full", "receiver", id, "missed", missed.Count, "from", missed.First, "to", missed.Last)
}

// sendAll sends messages, a few at a time, and returns when none is on its way.
func (w *worker) sendAll(ctx context.Context, rows []outbox.Row) {
	var wg sync.WaitGroup
	turn := make(chan struct{}, senders)
	for i := range rows {
		turn <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			w.send(ctx, &rows[i])
		})
	}
	wg.Wait()
}

// note counts attempts in vain.
func (w *worker) note(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.h.opts.Now()
	if reason == "" {
		w.failing, w.since, w.reason, w.lastOK = 0, time.Time{}, "", now
		return
	}
	if w.failing++; w.failing == 1 {
		w.since = now
	}
	w.reason = reason
}

// rest is how long a receiver that takes nothing is left alone: 0 for one that
// does, and after probeAfter failures one second, two, four.
func (w *worker) rest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing < probeAfter {
		return 0
	}
	return jitter(min(time.Second<<min(w.failing-probeAfter, 10), maxRest))
}

// jitter is a duration a fifth shorter or longer, so that receivers that failed
// together are not tried together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
