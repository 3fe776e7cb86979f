package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/logtest"
)

func TestSubmitAndProve(t *testing.T) {
	w := logtest.New(t)
	var bundles []*bundle.Bundle
	for n := range 5 {
		bundles = append(bundles, w.Submit(w.Issuer.Receipt(fmt.Sprint("run-", n))))
	}
	for n, b := range bundles {
		// The issuer's document is entry 0.
		if b.Index != uint64(n+1) || b.Issuer == nil || b.Issuer.Index != 0 {
			t.Errorf("receipt %d: entry %d, issuer %+v", n, b.Index, b.Issuer)
		}
		again, err := w.Log.Bundle(t.Context(), b.Index)
		if err != nil {
			t.Fatal(err)
		}
		w.Verify(again.Marshal())
		if !bytes.Equal(again.Entry, b.Entry) || again.Salt != b.Salt || !bytes.Equal(again.Receipt, b.Receipt) {
			t.Errorf("entry %d reads back differently", b.Index)
		}
	}
	if w.Size() != 6 {
		t.Errorf("%d entries are published, want 6", w.Size())
	}
}

// An acknowledged receipt is there after the process is gone, whatever was
// going on: here it is sequenced and the log is closed without a word.
func TestI1AcknowledgedIsDurable(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) { o.CheckpointInterval = time.Hour })
	acknowledged := make(map[string]uint64)
	for n := range 20 {
		run := fmt.Sprint("run-", n)
		p, err := w.Log.Begin(t.Context(), w.Issuer.Receipt(run))
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged[run], err = p.Index(); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	w.Open()
	for run, index := range acknowledged {
		stored, err := w.Log.Run(t.Context(), run, log.View{All: true})
		if err != nil || len(stored) != 1 || stored[0].Index != index {
			t.Fatalf("%s: %v, %v; want entry %d", run, stored, err, index)
		}
		b, err := w.Log.Bundle(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		w.Verify(b.Marshal())
	}
}

func TestI2HundredAtOnceAreOneLeaf(t *testing.T) {
	w := logtest.New(t)
	data := w.Issuer.Receipt("run-1")
	first := submitAtOnce(t, w, data, 100)
	if first.fresh != 1 {
		t.Errorf("%d submissions were told to be the first", first.fresh)
	}
	if w.Size() != 2 {
		t.Errorf("%d entries, want the issuer's document and one receipt", w.Size())
	}
	w.Close()
	w.Open()
	again := submitAtOnce(t, w, data, 100)
	if again.fresh != 0 || again.index != first.index || w.Size() != 2 {
		t.Errorf("after a restart: %+v in %d entries, before: %+v", again, w.Size(), first)
	}
}

// outcome is what many submitters of one receipt were told.
type outcome struct {
	index uint64
	fresh int
}

func submitAtOnce(t *testing.T, w *logtest.World, data []byte, n int) outcome {
	t.Helper()
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		out     outcome
		indices = make(map[uint64]bool)
	)
	for range n {
		wg.Go(func() {
			p, err := w.Log.Begin(t.Context(), data)
			if err != nil {
				t.Errorf("begin: %v", err)
				return
			}
			b, err := p.Bundle(t.Context())
			if err != nil {
				t.Errorf("bundle: %v", err)
				return
			}
			w.Verify(b.Marshal())
			mu.Lock()
			defer mu.Unlock()
			indices[b.Index] = true
			out.index = b.Index
			if !p.Duplicate() {
				out.fresh++
			}
		})
	}
	wg.Wait()
	if len(indices) != 1 {
		t.Errorf("one receipt was told to be at entries %v", indices)
	}
	return out
}

// The same receipt in another JSON layout is the same receipt.
func TestI2LayoutDoesNotMatter(t *testing.T) {
	w := logtest.New(t)
	data := w.Issuer.Receipt("run-1")
	first := w.Submit(data)
	spaced := bytes.Replace(data, []byte(`{"@context":`), []byte("{\n \"@context\" : "), 1)
	if again := w.Submit(spaced); again.Index != first.Index {
		t.Errorf("entries %d and %d", first.Index, again.Index)
	}
}

func TestAnotherReceiptOfARunIsEvidence(t *testing.T) {
	w := logtest.New(t)
	one := w.Submit(w.Issuer.Receipt("run-1"))
	two := w.Submit(w.Issuer.Receipt("run-1", logtest.Summary("another story")))
	stored, err := w.Log.Run(t.Context(), "run-1", log.View{All: true})
	if err != nil || len(stored) != 2 || stored[0].Index != one.Index || stored[1].Index != two.Index {
		t.Fatalf("run-1 has %v, %v; want entries %d and %d", stored, err, one.Index, two.Index)
	}
	if stored, err := w.Log.Run(t.Context(), "run-2", log.View{All: true}); err != nil || len(stored) != 0 {
		t.Errorf("run-2 has %v, %v", stored, err)
	}
}

func TestRefusals(t *testing.T) {
	w := logtest.New(t)
	unlisted := logtest.NewIssuer("did:web:unlisted.example")
	w.Resolver.Publish(unlisted.Document())
	other := logtest.NewIssuer(w.Issuer.DID) // the same name, another key
	good := w.Issuer.Receipt("run-1")
	for _, tt := range []struct {
		name string
		data []byte
		want verdict.Code
	}{
		{"not JSON", []byte("receipt"), verdict.Malformed},
		{"duplicate names", bytes.Replace(good, []byte(`{"@context"`), []byte(`{"id":"urn:x","@context"`), 1), verdict.Malformed},
		{"a field missing", []byte(`{}`), verdict.SchemaInvalid},
		{"changed after signing", bytes.Replace(good, []byte("acme"), []byte("emca"), 1), verdict.SignatureInvalid},
		{"issuer not configured", unlisted.Receipt("run-1"), verdict.IssuerUntrusted},
		{"another's key", other.Receipt("run-1"), verdict.SignatureInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Log.Begin(t.Context(), tt.data)
			if got := verdict.CodeOf(err); got != tt.want {
				t.Errorf("got %v (%v), want %s", got, err, tt.want)
			}
		})
	}
	w.Submit(good)
	if w.Size() != 2 {
		t.Errorf("%d entries, want the issuer's document and the good receipt", w.Size())
	}
}

func TestKeyNotUnderAssertionMethod(t *testing.T) {
	w := logtest.New(t)
	w.Resolver.Publish(w.Issuer.DocumentWithout())
	_, err := w.Log.Begin(t.Context(), w.Issuer.Receipt("run-1"))
	if got := verdict.CodeOf(err); got != verdict.KeyNotAuthorized {
		t.Errorf("got %s (%v)", got, err)
	}
	if size := w.Size(); size != 0 {
		t.Errorf("%d entries; a document that was not relied on is not archived", size)
	}
}

func TestDIDKeyIssuerNeedsNoDocument(t *testing.T) {
	issuer := logtest.NewKeyIssuer()
	w := logtest.New(t, func(o *log.Options) { o.Issuers = append(o.Issuers, issuer.DID) })
	if b := w.Submit(issuer.Receipt("run-1")); b.Index != 0 || b.Issuer != nil {
		t.Errorf("entry %d, issuer evidence %+v", b.Index, b.Issuer)
	}
}

// A changed document is archived before the first receipt that relies on it,
// and receipts logged before keep the one they were verified with.
func TestDocumentsAreArchivedWhenTheyChange(t *testing.T) {
	w := logtest.New(t)
	old := w.Submit(w.Issuer.Receipt("run-1"))
	w.Issuer.Rotate()
	w.Resolver.Publish(w.Issuer.Document())
	fresh := w.Submit(w.Issuer.Receipt("run-2"))
	w.Submit(w.Issuer.Receipt("run-3"))
	if fresh.Issuer.Index != old.Index+1 || fresh.Index != old.Index+2 || w.Size() != 5 {
		t.Errorf("documents at %d and %d, receipts at %d and %d of %d", old.Issuer.Index, fresh.Issuer.Index, old.Index, fresh.Index, w.Size())
	}
	w.Close()
	w.Open() // the latest document is remembered
	w.Submit(w.Issuer.Receipt("run-4"))
	if w.Size() != 6 {
		t.Errorf("%d entries after a restart and one receipt, want 6", w.Size())
	}
	again, err := w.Log.Bundle(t.Context(), old.Index)
	if err != nil {
		t.Fatal(err)
	}
	w.Verify(again.Marshal())
	if again.Issuer.Index != old.Issuer.Index {
		t.Errorf("the old receipt now relies on the document at %d", again.Issuer.Index)
	}
}

// Many first receipts of an issuer at once, while its document changes back
// and forth, archive each change once and never leave a receipt behind a
// document that it was not verified with.
func TestDocumentsUnderConcurrency(t *testing.T) {
	w := logtest.New(t)
	docs := []*did.Document{w.Issuer.Document(), withService(w.Issuer)}
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			w.Resolver.Publish(docs[n/20%2])
			w.Submit(w.Issuer.Receipt(fmt.Sprint("run-", n)))
		})
	}
	wg.Wait()
	// Each bundle was verified; that the archive is in order, fsck says.
}

func TestFirstReceiptsAtOnceArchiveOneDocument(t *testing.T) {
	w := logtest.New(t)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() { w.Submit(w.Issuer.Receipt(fmt.Sprint("run-", n))) })
	}
	wg.Wait()
	if w.Size() != 51 {
		t.Errorf("%d entries, want 50 receipts and one document", w.Size())
	}
}

func TestOneHandlePerOrganisation(t *testing.T) {
	w := logtest.New(t)
	handles := make(map[string]bool)
	for n := range 4 {
		b := w.Submit(w.Issuer.Receipt(fmt.Sprint("run-", n)))
		parsed, err := entry.Parse(b.Entry)
		if err != nil {
			t.Fatal(err)
		}
		handles[parsed.(entry.Receipt).Org] = true
		if n == 1 {
			w.Close()
			w.Open()
		}
	}
	if len(handles) != 1 {
		t.Errorf("one organisation has the handles %v", handles)
	}
}

func TestOverloadIsSaidAndPasses(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) { o.MaxOutstanding = 4 })
	w.Submit(w.Issuer.Receipt("first"))
	var (
		mu       sync.Mutex
		wg       sync.WaitGroup
		refused  int
		accepted int
	)
	for n := range 200 {
		data := w.Issuer.Receipt(fmt.Sprint("run-", n))
		wg.Go(func() {
			p, err := w.Log.Begin(t.Context(), data)
			if err == nil {
				_, err = p.Index()
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				accepted++
			case errors.Is(err, log.ErrOverloaded):
				refused++
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	w.Submit(w.Issuer.Receipt("last"))
	if want := uint64(accepted) + 3; w.Size() != want {
		t.Errorf("%d entries, want %d: %d accepted, %d refused", w.Size(), want, accepted, refused)
	}
}

func TestClosedLogTakesNothing(t *testing.T) {
	w := logtest.New(t)
	l := w.Log
	w.Close()
	if _, err := l.Begin(t.Context(), w.Issuer.Receipt("run-1")); !errors.Is(err, log.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A submitter who gives up waiting has a durable receipt all the same.
func TestGivingUpWaiting(t *testing.T) {
	w := logtest.New(t, func(o *log.Options) { o.CheckpointInterval = time.Hour })
	p, err := w.Log.Begin(t.Context(), w.Issuer.Receipt("run-1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.Bundle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if stored, err := w.Log.Run(t.Context(), "run-1", log.View{All: true}); err != nil || len(stored) != 1 {
		t.Errorf("got %v, %v", stored, err)
	}
}

// withService is the issuer's document with something added to it.
func withService(i *logtest.Issuer) *did.Document {
	text := i.Document().Canonical()
	text = append(text[:len(text)-1:len(text)-1], `,"service":[]}`...)
	return logtest.Must(did.ParseDocument(text))
}
