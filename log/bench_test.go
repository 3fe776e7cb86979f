package log_test

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

// BenchmarkIngest takes receipts of 3 KB from bytes to a marshalled bundle, as
// a batch does: workers begin them, one goroutine answers them in order.
func BenchmarkIngest(b *testing.B) {
	w := logtest.New(b, func(o *log.Options) {
		o.CheckpointInterval = log.DefaultCheckpointInterval
		o.Storage.MemTableBytes, o.Storage.CacheBytes = 0, 0
	})
	receipts := make([][]byte, b.N)
	for i := range receipts {
		receipts[i] = w.Issuer.Receipt(fmt.Sprint("run-", i), threeKilobytes)
	}
	w.Submit(w.Issuer.Receipt("first"))
	b.ReportAllocs()
	b.ResetTimer()
	work := make(chan *slot)
	order := make(chan *slot, 1024)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for s := range work {
				var err error
				if s.pending, err = w.Log.Begin(b.Context(), s.data); err != nil {
					b.Error(err)
				}
				close(s.ready)
			}
		})
	}
	go func() {
		defer close(order)
		defer close(work)
		for _, data := range receipts {
			s := &slot{data: data, ready: make(chan struct{})}
			order <- s
			work <- s
		}
	}()
	for s := range order {
		<-s.ready
		bundle, err := s.pending.Bundle(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		bundle.Marshal()
	}
	workers.Wait()
}

type slot struct {
	data    []byte
	pending *log.Pending
	ready   chan struct{}
}

// BenchmarkFloor is the bare cost under BenchmarkIngest: canonical form, hash
// and signature of the same receipts.
func BenchmarkFloor(b *testing.B) {
	i := logtest.NewIssuer("did:web:issuer.example")
	doc := i.Document()
	data := i.Receipt("run-1", threeKilobytes)
	b.ReportAllocs()
	for b.Loop() {
		r, err := receipt.Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		sha256.Sum256(r.Canonical())
		if _, err := r.Verify(doc); err != nil {
			b.Fatal(err)
		}
	}
}

// threeKilobytes fills a receipt up to the size of a usual one.
func threeKilobytes(c *receipt.Credential) {
	build := &c.CredentialSubject.Build
	build.PlanSummary = strings.Repeat("what this change is meant to do. ", 20)
	for i := range 16 {
		build.AuditTrail = append(build.AuditTrail, receipt.Event{
			At: time.Date(2026, 5, 12, 10, 0, i, 0, time.UTC).Format(time.RFC3339), Event: "gate.decided", Gate: receipt.GateDispatch, Detail: strings.Repeat("detail ", 6),
		})
	}
}
