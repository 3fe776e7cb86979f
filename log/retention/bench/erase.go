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
	"github.com/armalo/receiptlog/storage/kv"
)

const (
	// submitters is how many receipts are under way at once.
	submitters = 256
	// baseline is how long ingest is measured without a sweep.
	baseline = 4 * time.Second
	// sweepsTimeout ends a sweep that does not come to its end.
	sweepsTimeout = 5 * time.Minute
)

// measureErase sweeps a log twice: once alone, and once while receipts come in.
func measureErase(ctx context.Context, s settings) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.remove()
	var ahead atomic.Int64
	l, err := w.open(func(o *log.Options) {
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		o.Retention.Interval, o.Retention.ScrubEvery = 100*time.Millisecond, time.Second
		o.MaxOutstanding = 4 * submitters
		o.Storage = kv.Options{}
	})
	if err != nil {
		return err
	}
	defer closed(l)
	rules := entry.Rules{Class: entry.ClassLog, Applies: entry.AppliesLater, Asked: "bench"}
	if _, _, err := l.Keeper().SetRules(ctx, "due", rules); err != nil {
		return err
	}
	g := &generator{w: w}
	if err := g.submit(ctx, l, "due", s.erase); err != nil {
		return err
	}
	ahead.Add(int64(200 * 24 * time.Hour))
	took, err := swept(l)
	if err != nil {
		return err
	}
	metric("erase_per_s", float64(s.erase)/took.Seconds(), "1/s")
	return measureIngest(ctx, s, l, g, &ahead)
}

// measureIngest compares the rate of ingest just before a sweep with that
// during it.
func measureIngest(ctx context.Context, s settings, l *log.Log, g *generator, ahead *atomic.Int64) error {
	if err := g.submit(ctx, l, "due", s.erase); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	var failure atomic.Value
	done.Go(func() {
		if err := g.submit(ctx, l, "kept", 1<<30); err != nil && ctx.Err() == nil {
			failure.Store(err)
		}
	})
	rate := func(wait func() error) (float64, error) {
		began, before := time.Now(), g.acknowledged.Load()
		err := wait()
		return float64(g.acknowledged.Load()-before) / time.Since(began).Seconds(), err
	}
	time.Sleep(time.Second) // until it runs evenly
	without, err := rate(func() error { time.Sleep(baseline); return nil })
	if err == nil {
		ahead.Add(int64(200 * 24 * time.Hour))
		var with float64
		with, err = rate(func() error { _, err := swept(l); return err })
		metric("ingest_during_sweep", with/without, "ratio")
	}
	cancel()
	done.Wait()
	if f, ok := failure.Load().(error); ok {
		err = errors.Join(err, f)
	}
	return err
}

// swept waits until what has become due is off the disk.
func swept(l *log.Log) (time.Duration, error) {
	began := time.Now()
	seen := false
	for time.Since(began) < sweepsTimeout {
		idle := l.Keeper().Idle()
		seen = seen || !idle
		if seen && idle {
			return time.Since(began), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, errors.New("the sweep does not come to its end")
}

// generator signs and submits receipts of about 3 KB.
type generator struct {
	w            *world
	made         atomic.Int64
	acknowledged atomic.Int64
}

// submit submits n receipts of an organisation, many at a time, until ctx ends.
func (g *generator) submit(ctx context.Context, l *log.Log, org string, n int) error {
	var workers sync.WaitGroup
	var left atomic.Int64
	var failure atomic.Value
	left.Store(int64(n))
	for range submitters {
		workers.Go(func() {
			for ctx.Err() == nil && left.Add(-1) >= 0 && failure.Load() == nil {
				p, err := l.Begin(ctx, g.receipt(org))
				if err == nil {
					_, err = p.Index()
				}
				if err != nil && ctx.Err() == nil {
					failure.Store(err)
					return
				}
				g.acknowledged.Add(1)
			}
		})
	}
	workers.Wait()
	if err, ok := failure.Load().(error); ok {
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}

func (g *generator) receipt(org string) []byte {
	return g.w.issuer.Receipt(fmt.Sprint("run-", g.made.Add(1)), func(c *receipt.Credential) {
		b := &c.CredentialSubject.Build
		b.Org = org
		for i := range 20 {
			b.AuditTrail = append(b.AuditTrail, receipt.Event{At: "2026-05-12T10:00:00Z", Event: "gate", Gate: receipt.GatePublish, Detail: fmt.Sprintf("step %d of the run was looked at and found in order", i)})
		}
	})
}
