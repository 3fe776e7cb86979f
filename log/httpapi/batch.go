package httpapi

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/step"
)

// batch is one NDJSON submission on its way through three stages that run at
// once: a reader cuts the body into lines, workers take the receipts in, and a
// writer answers them in order. Between reader and writer there are at most
// maxLinesInFlight lines and maxBytesInFlight bytes.
type batch struct {
	h     *Handler
	w     http.ResponseWriter
	ctx   context.Context
	async bool
	by    access.Caller

	lines *lineReader
	work  chan *slot          // reader to workers
	order chan *slot          // reader to writer
	room  *semaphore.Weighted // bytes in flight
	stop  context.CancelFunc  // the client is gone

	readDone chan struct{} // closed when nothing reads the body any more
}

// slot is one line and, once ready is closed, what became of it.
type slot struct {
	number int
	buf    *[]byte // the line, until a worker is done with it
	size   int64

	ready   chan struct{}
	pending *log.Pending
	err     error
}

// serveBatch takes many receipts, one a line, and answers each on a line of
// its own, in order. A line that is refused does not spoil the others. Answers
// begin while the body is still being sent.
func (h *Handler) serveBatch(w http.ResponseWriter, r *http.Request, _ string) error {
	rc := http.NewResponseController(w)
	// Without this net/http would stop reading the body at the first answer.
	// HTTP/2 needs no asking and says that it is not supported.
	_ = rc.EnableFullDuplex()
	// net/http cancels a request's context when its body cannot be read on;
	// what came before that is answered all the same.
	ctx, stop := context.WithCancel(context.WithoutCancel(step.Without(r.Context())))
	defer stop()
	b := &batch{
		h:     h,
		w:     w,
		ctx:   ctx,
		async: parsePrefer(r.Header["Prefer"]).async,
		by:    callerOf(r),
		lines: newLineReader(r.Body, maxReceiptBody),
		work:  make(chan *slot, runtime.GOMAXPROCS(0)),
		order: make(chan *slot, maxLinesInFlight),
		room:  semaphore.NewWeighted(maxBytesInFlight),
		stop:  stop,

		readDone: make(chan struct{}),
	}
	w.Header().Set("Content-Type", api.MediaNDJSON)
	w.Header().Set("Cache-Control", "no-store")
	if b.async {
		w.Header().Set("Preference-Applied", api.PreferAsync)
	}
	w.WriteHeader(http.StatusOK)
	b.run(rc)
	return nil
}

// run runs the stages and returns when every line that was taken in has been
// answered, or at least is durable.
func (b *batch) run(rc *http.ResponseController) {
	var stages sync.WaitGroup
	stages.Go(b.read)
	for range runtime.GOMAXPROCS(0) {
		stages.Go(b.takeIn)
	}
	stages.Go(func() { b.wake(rc) })
	newAnswers(b, rc).writeAll()
	b.stop()
	stages.Wait()
}

// wake ends the reader's wait for a slow or idle client once the server drains
// or the client is gone, by a deadline in the past.
func (b *batch) wake(rc *http.ResponseController) {
	select {
	case <-b.h.draining:
	case <-b.ctx.Done():
	case <-b.readDone:
		return
	}
	select {
	case <-b.readDone: // the connection is free for another request
	default:
		_ = rc.SetReadDeadline(time.Unix(1, 0))
	}
}

// read cuts the body into slots until it ends, breaks off, or the server
// drains.
func (b *batch) read() {
	defer close(b.order)
	defer close(b.work)
	defer close(b.readDone)
	for {
		buf := takeBuffer()
		line, err := b.nextLine(*buf)
		s := &slot{number: b.lines.number, ready: make(chan struct{})}
		if err == nil {
			*buf = line
			s.buf, s.size = buf, int64(len(line))
			if b.room.Acquire(b.ctx, s.size) != nil {
				return
			}
			b.order <- s
			b.work <- s
			continue
		}
		if err == io.EOF || b.ctx.Err() != nil {
			return
		}
		if verdict.CodeOf(err) == verdict.TooLarge {
			b.refuse(s, err)
			continue
		}
		s.number = b.lines.number + 1 // the line that did not come
		b.refuse(s, bodyError(b.orClosed(err)))
		return
	}
}

// orClosed turns the error of a reader that was woken by draining into the
// reason for it.
func (b *batch) orClosed(err error) error {
	select {
	case <-b.h.draining:
		return log.ErrClosed
	default:
		return err
	}
}

// refuse puts a slot before the writer that no worker sees.
func (b *batch) refuse(s *slot, err error) {
	s.err = err
	close(s.ready)
	b.order <- s
}

// takeIn is a worker: it begins receipts as they come.
func (b *batch) takeIn() {
	for s := range b.work {
		s.pending, s.err = b.begin(*s.buf)
		giveBack(s.buf)
		s.buf = nil
		close(s.ready)
	}
}

// begin takes one receipt in. A fault in one line is that line's alone.
func (b *batch) begin(data []byte) (p *log.Pending, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b.h.opts.Logger.Error("receipt made the log panic", "panic", cause)
			err = verdict.Errorf(verdict.Internal, "", "the log failed to answer; its operator's log says why")
		}
	}()
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx)
	}
	return b.h.takeIn(b.ctx, b.by, data)
}

// nextLine reads one line, in the memory of dst as far as that goes. It must
// arrive in time.
func (b *batch) nextLine(dst []byte) ([]byte, error) {
	if err := readDeadline(b.w, time.Now().Add(b.h.timeouts.line)); err != nil {
		return nil, err
	}
	select {
	case <-b.h.draining:
		return nil, log.ErrClosed
	case <-b.ctx.Done():
		return nil, context.Cause(b.ctx)
	default:
	}
	data, err := b.lines.next(dst)
	if err == io.EOF {
		// From here on net/http listens for the client going away; it may take
		// as long as the answers do.
		return nil, cmp.Or(readDeadline(b.w, time.Time{}), io.EOF)
	}
	return data, err
}
