package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/search"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/httpapi"
	logsearch "github.com/armalo/receiptlog/log/search"
	"github.com/armalo/receiptlog/storage/body"
	"github.com/armalo/receiptlog/storage/driver"
	"github.com/armalo/receiptlog/storage/kv"
)

// measureSearch fills a log, builds its index, and asks.
func measureSearch(ctx context.Context, s settings) error {
	w, err := newWorld(s.dir)
	if err != nil {
		return err
	}
	defer w.remove()
	if err := w.fill(ctx, s); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	began := time.Now()
	l, err := w.open(false)
	if err != nil {
		return err
	}
	defer closed(l)
	everybody := []logsearch.Audience{logsearch.Everybody}
	for {
		_, err := l.Search(ctx, &search.Query{Commit: commitOf(1)}, everybody, 0, 1, func(*log.Stored) error { return nil })
		if err == nil {
			break
		}
		if time.Since(began) > time.Hour {
			return err
		}
	}
	metric("search_build_per_s", float64(s.receipts)/time.Since(began).Seconds(), "1/s")
	h, err := httpapi.New(l, httpapi.Options{Logger: slog.New(slog.DiscardHandler), MaxAge: time.Hour})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := h.Server()
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	base := "http://" + listener.Addr().String()
	if err := profiled(s.profile, func() error { return ask(ctx, base, s) }); err != nil {
		return err
	}
	return stream(ctx, base)
}

// profiled takes a CPU profile of do, if it is wanted.
func profiled(name string, do func() error) error {
	if name == "" {
		return do()
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
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
			{Commit: commitOf(i)},
			{Project: fmt.Sprintf("project-%04d", i%projects), Model: fmt.Sprintf("builder-%02d", i%models)},
			{EvalFailed: fmt.Sprintf("check-of-%03d", i%checks), Org: fmt.Sprintf("org-%02d", i*50%orgs)},
			{Verdict: "block", Model: fmt.Sprintf("juror-%02d", i%models), Provider: "two", ModelVersion: "2026-05"},
			{Repository: fmt.Sprintf("https://git.example/project-%04d", i%projects), Gate: "receipt.publish", GateDecision: "allow", Verdict: "block"},
		}
	}
	if err := askEach(ctx, c, s, "search_", selective); err != nil {
		return err
	}
	return askEach(ctx, c, s, "search_broad_", func(i int) []search.Query {
		return []search.Query{{Model: fmt.Sprintf("juror-%02d", i%models)}, {Issuer: "did:web:issuer.example", Verdict: "approve"}}
	})
}

// askEach asks questions on receipts all over the log, and measures their first
// pages.
func askEach(ctx context.Context, c *api.Client, s settings, name string, questions func(i int) []search.Query) error {
	var times []time.Duration
	before, found := cpu(), 0
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
	metric(name+"cpu_ms", (cpu()-before).Seconds()*1e3/float64(len(times)), "ms")
	slices.Sort(times)
	metric(name+"p50_ms", times[len(times)/2].Seconds()*1e3, "ms")
	metric(name+"p99_ms", times[len(times)*99/100].Seconds()*1e3, "ms")
	metric(name+"hits", float64(found)/float64(len(times)), "receipts a page")
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
	metric("search_stream_per_s", float64(lines)/time.Since(began).Seconds(), "1/s")
	return nil
}

// fill appends receipts by themselves: their signatures are not looked at, and
// nothing is indexed. A log that has some is left as it is.
func (w *world) fill(ctx context.Context, s settings) error {
	n := s.receipts
	db, err := kv.Open(w.data(), kv.Options{Origin: origin})
	if err != nil {
		return err
	}
	if _, err := db.Get(kv.TreeKey()); err == nil {
		return db.Close()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := driver.New(db, driver.Options{})
	opts := tessera.NewAppendOptions().WithCheckpointSigner(w.signers[0]).WithCheckpointInterval(time.Second).WithPushback(1 << 20)
	appender, shutdown, _, err := tessera.NewAppender(ctx, d, opts)
	if err != nil {
		return err
	}
	var futures []tessera.IndexFuture
	settle := func() error {
		for _, f := range futures {
			if _, err := f(); err != nil {
				return err
			}
		}
		futures = futures[:0]
		return nil
	}
	first := entry.Issuer{DID: w.issuer.DID, Document: w.issuer.Document().Canonical(), At: time.Now()}
	futures = append(futures, appender.Add(ctx, tessera.NewEntry(first.Marshal())))
	e := entry.Receipt{Issuer: w.issuer.DID, Key: did.EncodeKey(w.issuer.Key.Public().(ed25519.PublicKey)), Org: strings.Repeat("0", 32), Retain: entry.Indefinite}
	p := &press{issuer: w.issuer, small: s.small, made: make(map[int][]byte)}
	year := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := 0; i < n && err == nil; i++ {
		plain := p.receipt(i)
		var salt [entry.SaltSize]byte
		rand.Read(salt[:])
		e.Commitment, e.At = entry.Commit(salt, plain), year.Add(time.Duration(i)*365*24*time.Hour/time.Duration(n))
		var sealed *body.Sealed
		if sealed, err = body.Seal(e.Commitment, salt, plain); err != nil {
			break
		}
		futures = append(futures, appender.Add(driver.WithRecords(ctx, bodyOnly{sealed}), tessera.NewEntry(e.Marshal())))
		if len(futures) >= 8192 {
			err = settle()
		}
	}
	if err == nil {
		err = settle()
	}
	if err == nil {
		err = shutdown(ctx)
	}
	cancel()
	d.Wait()
	if err != nil {
		return err
	}
	return db.Close()
}

// bodyOnly is a body without any index rows.
type bodyOnly struct{ sealed *body.Sealed }

// Append implements driver.Records.
func (b bodyOnly) Append(batch *kv.Batch, at uint64) error {
	b.sealed.Put(batch, at)
	return nil
}

// Size implements driver.Sized.
func (b bodyOnly) Size() int { return b.sealed.Size() }
