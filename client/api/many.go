package api

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"iter"
	"net/http"

	"github.com/armalo/receiptlog/client/verdict"
)

// Bounds of one NDJSON request. A batch is sent again as a whole after a lost
// connection, so it is kept small enough to hold in memory and to redo.
const (
	batchLines = 1024    // so that a few batches keep a log busy from checkpoint to checkpoint
	batchBytes = 4 << 20 // as many receipts of usual size, or three of the largest
	// batchesInFlight keeps the log busy while a batch waits for its
	// checkpoint; more buys nothing, since one checkpoint covers them all.
	batchesInFlight = 4
)

// SubmitMany logs receipts as they come and yields one [Line] for each, in
// order, numbered from 1. Refused receipts are lines with an Error and do not
// stop the others.
//
// Receipts travel as NDJSON in batches, a few at a time; what a lost
// connection or a busy log leaves unanswered is sent again within
// Options.Attempts. The sequence ends with an error where receipts yields one
// or the log stops answering; every line before it stands. Memory is bounded
// whatever the number of receipts. async asks for answers as soon as receipts
// are sequenced: lines then have status 202 and may have no bundle.
//
// The sequence receipts is read by another goroutine, somewhat ahead of the
// lines yielded, and not at all once the caller has stopped and it has
// returned from its last receipt.
func (c *Client) SubmitMany(ctx context.Context, receipts iter.Seq2[[]byte, error], async bool) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := make(chan *batch, batchesInFlight-1)
		go c.sendBatches(ctx, receipts, async, queue)
		for b := range queue {
			<-b.done
			for _, line := range b.answered() {
				if !yield(line, nil) {
					return
				}
			}
			if b.err != nil {
				yield(nil, b.err)
				return
			}
		}
	}
}

// sendBatches cuts receipts into batches and submits each in its own
// goroutine, at most as many at once as queue has room for.
func (c *Client) sendBatches(ctx context.Context, receipts iter.Seq2[[]byte, error], async bool, queue chan<- *batch) {
	defer close(queue)
	for b := range cut(receipts) {
		select {
		case queue <- b:
		case <-ctx.Done():
			return
		}
		go func() {
			defer close(b.done)
			if err := c.submitBatch(ctx, b, async); err != nil {
				b.err = err
			}
		}()
	}
}

// batch is some receipts on their way. lines[i] answers receipts[i].
type batch struct {
	first    int // number of the first line
	receipts [][]byte
	lines    []*Line
	size     int
	err      error // ends the whole submission, after the lines answered
	done     chan struct{}
}

// answered returns the lines up to the first that has no answer.
func (b *batch) answered() []*Line {
	for i, line := range b.lines {
		if line == nil {
			return b.lines[:i]
		}
	}
	return b.lines
}

// add puts one receipt, of any JSON layout, on a line of its own. What is not
// JSON is answered on the spot: it could spoil the lines after it.
func (b *batch) add(receipt []byte) {
	value := jsontext.Value(append([]byte(nil), receipt...))
	var line *Line
	if err := value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		p := NewProblem(http.StatusBadRequest, verdict.Malformed, "", err.Error())
		line = &Line{Line: b.first + len(b.lines), Status: p.Status, Error: p}
		value = nil
	}
	b.receipts = append(b.receipts, value)
	b.lines = append(b.lines, line)
	b.size += len(value) + 1
}

func (b *batch) full() bool { return len(b.lines) >= batchLines || b.size >= batchBytes }

// cut groups receipts into batches. An error of receipts ends the last one.
func cut(receipts iter.Seq2[[]byte, error]) iter.Seq[*batch] {
	return func(yield func(*batch) bool) {
		next := &batch{first: 1, done: make(chan struct{})}
		for receipt, err := range receipts {
			if err != nil {
				next.err = fmt.Errorf("read receipts: %w", err)
				break
			}
			next.add(receipt)
			if next.full() {
				if !yield(next) {
					return
				}
				next = &batch{first: next.first + len(next.lines), done: make(chan struct{})}
			}
		}
		if len(next.lines) > 0 || next.err != nil {
			yield(next)
		}
	}
}
