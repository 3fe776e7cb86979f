package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest/bulk"
)

const (
	// submitters is how many receipts are under way at once.
	submitters = 256
	// baseline is how long ingest is measured without a sweep, before it and after.
	baseline = 10 * time.Second
	// window is how long ingest is measured during a sweep, at the most.
	window = 3 * time.Minute
	// sweepTimeout ends a sweep that does not come to its end.
	sweepTimeout = time.Hour
	// idleEvery is how often the log is asked whether it has come to its end.
	idleEvery = 20 * time.Millisecond
	// month is how far apart the two sweeps are by the log's clock.
	month = 30 * 24 * time.Hour
)

// measureSweeps sweeps a log twice: once alone, and once while receipts come in.
func measureSweeps(ctx context.Context, s settings) error {
	if s.erase+s.sweep == 0 {
		return nil
	}
	w, err := bulk.New(s.dir)
	if err != nil {
		return err
	}
	defer w.Remove()
	now := time.Now()
	if err := w.Fill(ctx, func(f *bulk.Filler) error { return due(w, f, s, now) }); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	var ahead atomic.Int64
	l, err := w.Open(func(o *log.Options) {
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		o.Retention.Interval, o.Retention.ScrubEvery = 100*time.Millisecond, s.scrub
		o.MaxOutstanding = 4 * submitters
	})
	if err != nil {
		return err
	}
	defer bulk.Close(l)
	if err := bulk.Built(ctx, l); err != nil {
		return err
	}
	return bulk.Profiled(s.profile, func() error {
		if s.erase > 0 {
			ahead.Store(int64(month + time.Hour))
			if err := measureErase(l, s.erase); err != nil {
				return err
			}
		}
		if s.sweep == 0 {
			return nil
		}
		return measureIngest(ctx, l, w, s, func() { ahead.Store(int64(2*month + time.Hour)) })
	})
}

// measureErase measures a sweep of n receipts, alone.
func measureErase(l *log.Log, n int) error {
	before := bulk.CPU()
	took, done := swept(l, sweepTimeout)
	if !done {
		return errors.New("the sweep does not come to its end")
	}
	fmt.Printf("# erased with %s of CPU each\n", (bulk.CPU()-before)/time.Duration(n))
	bulk.Metric("erase_per_s", float64(n)/took.Seconds(), "1/s")
	return nil
}

// due appends receipts, some that are due in a month, and some in two.
func due(w *bulk.World, f *bulk.Filler, s settings, now time.Time) error {
	press := w.NewPress(false)
	for i := range s.erase + s.sweep {
		e := w.ReceiptEntry("")
		e.At = now
		e.Retain = entry.FormatTime(now.Add(month))
		if i >= s.erase {
			e.Retain = entry.FormatTime(now.Add(2 * month))
		}
		if err := f.Receipt(e, press.Receipt(i)); err != nil {
			return err
		}
	}
	return nil
}

// measureIngest compares the rate of ingest during a sweep with that just before
// and just after it.
func measureIngest(ctx context.Context, l *log.Log, w *bulk.World, s settings, begin func()) error {
	ctx, cancel := context.WithCancel(ctx)
	var acknowledged atomic.Int64
	failure := make(chan error, 1)
	go func() { failure <- submit(ctx, l, w, &acknowledged) }()
	rate := func(during func()) float64 {
		began, before := time.Now(), acknowledged.Load()
		during()
		return float64(acknowledged.Load()-before) / time.Since(began).Seconds()
	}
	quiet := func() { time.Sleep(baseline) }
	time.Sleep(2 * time.Second) // until it runs evenly
	stalled := watchStalls(&acknowledged)
	before := rate(quiet)
	usual := stalled()
	begin()
	peak := ownPeak()
	stalled = watchStalls(&acknowledged)
	var took time.Duration
	var done bool
	with := rate(func() { took, done = swept(l, window) })
	stall, rss, erased, after := stalled(), peak(), countErased(ctx, l, s), before
	if done {
		after = rate(quiet)
	}
	cancel()
	fmt.Printf("# %d erased in %s; %.0f receipts a second before, %.0f meanwhile, %.0f after; none for %s at most before\n",
		erased, took.Round(time.Second), before, with, after, usual.Round(time.Millisecond))
	bulk.Metric("ingest_during_sweep", 2*with/(before+after), "ratio")
	bulk.Metric("ingest_stall_ms", stall.Seconds()*1e3, "ms")
	bulk.Metric("sweep_rss_mb", rss, "MB")
	return <-failure
}

// watchStalls begins to watch for times in which nothing is acknowledged, and
// returns what says how long the longest was.
func watchStalls(acknowledged *atomic.Int64) func() time.Duration {
	longest, stop := make(chan time.Duration, 1), make(chan struct{})
	go func() {
		var most time.Duration
		seen, since := acknowledged.Load(), time.Now()
		for {
			select {
			case <-stop:
				longest <- most
				return
			case <-time.After(time.Millisecond):
			}
			most = max(most, time.Since(since))
			if n := acknowledged.Load(); n != seen {
				seen, since = n, time.Now()
			}
		}
	}()
	return func() time.Duration { close(stop); return <-longest }
}

// countErased returns how many of the receipts that were due last are erased:
// they are erased in the order of their entries, some thousand at a time, so
// this is right to so many.
func countErased(ctx context.Context, l *log.Log, s settings) int {
	return sort.Search(s.sweep, func(n int) bool {
		err := l.Body(ctx, uint64(1+s.erase+n)).Err // behind the issuer's document
		return verdict.CodeOf(err) != verdict.Erased
	})
}

// swept waits until what has become due is off the disk, or for so long.
func swept(l *log.Log, most time.Duration) (took time.Duration, done bool) {
	began, seen := time.Now(), false
	for time.Since(began) < most {
		idle := l.Keeper().Idle()
		seen = seen || !idle
		if seen && idle {
			return time.Since(began), true
		}
		time.Sleep(idleEvery)
	}
	return time.Since(began), false
}

// submit submits new receipts that are kept, many at a time, until ctx ends.
func submit(ctx context.Context, l *log.Log, w *bulk.World, acknowledged *atomic.Int64) error {
	var workers sync.WaitGroup
	var made atomic.Int64
	var failure atomic.Value
	for range submitters {
		workers.Go(func() {
			for ctx.Err() == nil && failure.Load() == nil {
				n := int(made.Add(1))
				p, err := l.Begin(ctx, w.Issuer.Receipt(fmt.Sprint("kept-", n), bulk.Varied(n, false), func(c *receipt.Credential) { c.CredentialSubject.Build.Org = "kept" }))
				if err == nil {
					_, err = p.Index()
				}
				if err != nil && ctx.Err() == nil {
					failure.Store(err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	workers.Wait()
	if err, ok := failure.Load().(error); ok {
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}
