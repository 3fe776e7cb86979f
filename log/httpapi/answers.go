package httpapi

import (
	"context"
	"encoding/json/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/log"
)

// flushBytes is how much of a batch's answers is gathered before it is sent,
// while there is more to gather without waiting.
const flushBytes = 64 << 10

// answers is the writer of a batch.
type answers struct {
	b    *batch
	rc   *http.ResponseController
	buf  []byte
	gone bool // the client does not read any more

	// After one line has waited in vain for a checkpoint, the ones behind it
	// do not wait for the same one again.
	stalled *log.Published
	isStall bool
}

func newAnswers(b *batch, rc *http.ResponseController) *answers {
	return &answers{b: b, rc: rc}
}

// writeAll answers every slot in order, also where nobody reads the answers:
// what was taken in has to reach the log.
func (a *answers) writeAll() {
	a.flush() // the header: the client may wait for it before it sends more
	for s := range a.b.order {
		select {
		case <-s.ready:
		default:
			a.flush()
			<-s.ready
		}
		a.answer(s)
		a.b.room.Release(s.size)
		if len(a.buf) >= flushBytes || len(a.b.order) == 0 {
			a.flush()
		}
	}
	a.flush()
}

// answer appends the line for one slot.
func (a *answers) answer(s *slot) {
	result, b, err := a.outcome(s)
	if a.gone {
		return
	}
	a.buf = append(a.buf, `{"line":`...)
	a.buf = strconv.AppendInt(a.buf, int64(s.number), 10)
	a.buf = append(a.buf, `,"status":`...)
	if err == nil {
		a.buf = strconv.AppendInt(a.buf, int64(statusOf(s.pending, b != nil)), 10)
		a.buf = appendResult(append(a.buf, ','), result, b)
	} else {
		problem, _ := problemOf(err)
		a.buf = strconv.AppendInt(a.buf, int64(problem.Status), 10)
		a.buf = append(a.buf, `,"error":`...)
		text, _ := json.Marshal(problem) // strings and a number: cannot fail
		a.buf = append(a.buf, text...)
	}
	a.buf = append(a.buf, '}', '\n')
}

// outcome waits for what became of a slot. The bundle is nil where nobody waits
// for one.
func (a *answers) outcome(s *slot) (r *api.SubmitResult, b *bundle.Bundle, err error) {
	if s.err != nil {
		return nil, nil, s.err
	}
	index, err := s.pending.Index()
	if err != nil {
		return nil, nil, err
	}
	if !a.b.async && !a.gone {
		if b, err = a.bundle(s.pending, index); err != nil {
			return nil, nil, err
		}
	}
	return resultOf(s.pending, index), b, nil
}

// bundle waits for the receipt's checkpoint, sending first what is gathered.
func (a *answers) bundle(p *log.Pending, index uint64) (*bundle.Bundle, error) {
	ctx := a.b.ctx
	latest := a.b.h.log.Published()
	if latest == nil || latest.Size() <= index {
		if a.isStall && a.stalled == latest {
			return nil, context.DeadlineExceeded
		}
		a.flush()
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.b.h.timeouts.publish)
		defer cancel()
	}
	b, err := p.Bundle(ctx)
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		a.isStall, a.stalled = true, latest
	}
	return b, err
}

// flush sends what is gathered. If the client does not take it in time, the
// batch takes nothing more in.
func (a *answers) flush() {
	if a.gone {
		return
	}
	_ = a.rc.SetWriteDeadline(time.Now().Add(a.b.h.timeouts.write)) // else the one set at first stands
	_, err := a.b.w.Write(a.buf)
	if err == nil {
		err = a.rc.Flush()
	}
	a.buf = a.buf[:0]
	if err != nil {
		a.gone = true
		a.b.stop()
	}
}
