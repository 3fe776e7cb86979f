package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest/bulk"
	logsearch "github.com/armalo/receiptlog/log/search"
)

// measureOverhead takes the same number of receipts in with and without the
// index, in turns, and compares the CPU time of the process.
func measureOverhead(ctx context.Context, s settings) error {
	if s.rounds == 0 {
		return nil
	}
	var ratios []float64
	for round := range s.rounds {
		// Who goes first must not matter.
		without, err := ingest(ctx, s.ingest, round%2 == 0)
		if err != nil {
			return err
		}
		with, err := ingest(ctx, s.ingest, round%2 != 0)
		if err != nil {
			return err
		}
		if round%2 != 0 {
			with, without = without, with
		}
		ratios = append(ratios, float64(with)/float64(without))
	}
	slices.Sort(ratios)
	bulk.Metric("index_overhead", ratios[len(ratios)/2], "ratio")
	return nil
}

// ingest takes n receipts into a new log, as a batch does, until all are
// published and searched, and returns the CPU time.
func ingest(ctx context.Context, n int, noSearch bool) (time.Duration, error) {
	w, err := bulk.New("")
	if err != nil {
		return 0, err
	}
	defer w.Remove()
	receipts := make([][]byte, n)
	for i := range receipts {
		receipts[i] = w.Issuer.Receipt(fmt.Sprint("run-", i), bulk.Varied(i, false))
	}
	l, err := w.Open(func(o *log.Options) { o.NoSearch = noSearch })
	if err != nil {
		return 0, err
	}
	defer bulk.Close(l)
	runtime.GC()
	before := bulk.CPU()
	if err := submit(ctx, l, receipts); err != nil {
		return 0, err
	}
	if !noSearch {
		if _, err := l.Search(ctx, &search.Query{Commit: bulk.Commit(0)}, []logsearch.Audience{logsearch.Everybody}, 0, 1, func(*log.Stored) error { return nil }); err != nil {
			return 0, err
		}
	}
	return bulk.CPU() - before, nil
}

// submit takes receipts in from two goroutines, and waits for every bundle.
func submit(ctx context.Context, l *log.Log, receipts [][]byte) error {
	pending := make(chan *log.Pending, 4096)
	var failed error
	var workers sync.WaitGroup
	var mu sync.Mutex
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = err
	}
	for half := range 2 {
		workers.Go(func() {
			for i := half; i < len(receipts); i += 2 {
				p, err := l.Begin(ctx, receipts[i])
				if err != nil {
					fail(err)
					return
				}
				pending <- p
			}
		})
	}
	go func() { workers.Wait(); close(pending) }()
	for p := range pending {
		if _, err := p.Bundle(ctx); err != nil {
			fail(err)
		}
	}
	return failed
}
