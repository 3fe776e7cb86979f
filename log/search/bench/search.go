package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log/logtest/bulk"
)

// measureSearch fills a log, builds its index, and asks.
func measureSearch(ctx context.Context, s settings) error {
	w, err := bulk.New(s.dir)
	if err != nil {
		return err
	}
	defer w.Remove()
	if err := w.Fill(ctx, func(f *bulk.Filler) error { return fill(w, f, s) }); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	began := time.Now()
	l, err := w.Open(nil)
	if err != nil {
		return err
	}
	defer bulk.Close(l)
	if err := bulk.Built(ctx, l); err != nil {
		return err
	}
	bulk.Metric("search_build_per_s", float64(s.receipts)/time.Since(began).Seconds(), "1/s")
	base, stop, err := bulk.Serve(l)
	if err != nil {
		return err
	}
	defer stop()
	if err := bulk.Profiled(s.profile, func() error { return ask(ctx, base, s) }); err != nil {
		return err
	}
	return stream(ctx, base)
}

// searchPage is how many receipts a page has: as many as a person looks at.
const searchPage = 20

// ask asks for little, what an incident asks for; and for the first page of much.
func ask(ctx context.Context, base string, s settings) error {
	c, err := api.New(base, api.Options{})
	if err != nil {
		return err
	}
	selective := func(i int) []search.Query {
		return []search.Query{
			{Commit: bulk.Commit(i)},
			{Project: fmt.Sprintf("project-%04d", i%bulk.Projects), Model: fmt.Sprintf("builder-%02d", i%bulk.Models)},
			{EvalFailed: fmt.Sprintf("check-of-%03d", i%bulk.Checks), Org: fmt.Sprintf("org-%02d", i*50%bulk.Orgs)},
			{Verdict: "block", Model: fmt.Sprintf("juror-%02d", i%bulk.Models), Provider: "two", ModelVersion: "2026-05"},
			{Repository: fmt.Sprintf("https://git.example/project-%04d", i%bulk.Projects), Gate: "receipt.publish", GateDecision: "allow", Verdict: "block"},
		}
	}
	if err := askEach(ctx, c, s, "search_", selective); err != nil {
		return err
	}
	return askEach(ctx, c, s, "search_broad_", func(i int) []search.Query {
		return []search.Query{{Model: fmt.Sprintf("juror-%02d", i%bulk.Models)}, {Issuer: "did:web:issuer.example", Verdict: "approve"}}
	})
}

// askEach asks questions on receipts all over the log, and measures their first
// pages.
func askEach(ctx context.Context, c *api.Client, s settings, name string, questions func(i int) []search.Query) error {
	var times []time.Duration
	before, found := bulk.CPU(), 0
	for n := 0; len(times) < s.queries; n++ {
		for _, q := range questions(n * 7919 % s.receipts) {
			began := time.Now()
			page, err := c.SearchPage(ctx, q, "", searchPage)
			if err != nil {
				return err
			}
			times = append(times, time.Since(began))
			found += len(page.Receipts)
		}
	}
	bulk.Metric(name+"cpu_ms", (bulk.CPU()-before).Seconds()*1e3/float64(len(times)), "ms")
	slices.Sort(times)
	bulk.Metric(name+"p50_ms", times[len(times)/2].Seconds()*1e3, "ms")
	bulk.Metric(name+"p99_ms", times[len(times)*99/100].Seconds()*1e3, "ms")
	bulk.Metric(name+"hits", float64(found)/float64(len(times)), "receipts a page")
	return nil
}

// stream asks for all receipts of a model.
func stream(ctx context.Context, base string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+api.RouteSearch+"?model=builder-07&limit=50000", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", api.MediaNDJSON)
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines, buf := 0, make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		lines += strings.Count(string(buf[:n]), "\n")
		if err != nil {
			break
		}
	}
	bulk.Metric("search_stream_per_s", float64(lines)/time.Since(began).Seconds(), "1/s")
	return nil
}

// fill appends receipts of a year.
func fill(w *bulk.World, f *bulk.Filler, s settings) error {
	press := w.NewPress(s.small)
	year := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := range s.receipts {
		e := w.ReceiptEntry("")
		e.At = year.Add(time.Duration(i) * 365 * 24 * time.Hour / time.Duration(s.receipts))
		if err := f.Receipt(e, press.Receipt(i)); err != nil {
			return err
		}
	}
	return nil
}
