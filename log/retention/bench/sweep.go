package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest/bulk"
)

const (
	// submitters is how many receipts are under way at once.
	submitters = 256
	// baseline is how long ingest is measured without a sweep, before it and after.
	baseline = 10 * time.Second
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
	w, err := bulk.New("")
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
		return measureIngest(ctx, l, w, func() { ahead.Store(int64(2*month + time.Hour)) })
	})
}

// measureErase measures a sweep of n receipts, alone.
func measureErase(l *log.Log, n int) error {
	before := bulk.CPU()
	took, err := swept(l)
	if err != nil {
		return err
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
func measureIngest(ctx context.Context, l *log.Log, w *bulk.World, begin func()) error {
	ctx, cancel := context.WithCancel(ctx)
	var acknowledged atomic.Int64
	failure := make(chan error, 1)
	go func() { failure <- submit(ctx, l, w, &acknowledged) }()
	rate := func(wait func() error) (float64, error) {
		began, before := time.Now(), acknowledged.Load()
		err := wait()
		return float64(acknowledged.Load()-before) / time.Since(began).Seconds(), err
	}
	quiet := func() error { time.Sleep(baseline); return nil }
	time.Sleep(2 * time.Second) // until it runs evenly
	before, _ := rate(quiet)
	begin()
	peak, began := ownPeak(), time.Now()
	with, err := rate(func() error { _, err := swept(l); return err })
	if err == nil {
		took, rss := time.Since(began), peak()
		after, _ := rate(quiet)
		fmt.Printf("# swept in %s; %.0f receipts a second before, %.0f meanwhile, %.0f after\n", took.Round(time.Second), before, with, after)
		bulk.Metric("ingest_during_sweep", 2*with/(before+after), "ratio")
		bulk.Metric("sweep_rss_mb", rss, "MB")
	}
	cancel()
	return errors.Join(err, <-failure)
}

// swept waits until what has become due is off the disk.
func swept(l *log.Log) (time.Duration, error) {
	began := time.Now()
	seen := false
	for time.Since(began) < sweepTimeout {
		idle := l.Keeper().Idle()
		seen = seen || !idle
		if seen && idle {
			return time.Since(began), nil
		}
		time.Sleep(idleEvery)
	}
	return 0, errors.New("the sweep does not come to its end")
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
