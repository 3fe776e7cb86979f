package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/outbound"
	"github.com/armalo/receiptlog/client/webhook"
	"github.com/armalo/receiptlog/storage/outbox"
)

const (
	// maxAnswer is how much of an answer is read: enough for a connection to be
	// used again after an honest one.
	maxAnswer = 4 << 10
	// maxRetryAfter bounds how long a receiver may ask to be left alone.
	maxRetryAfter = 24 * time.Hour
	userAgent     = "receiptlog-webhook/1"
)

// send tries to deliver one message and notes in the outbox what became of it.
func (w *worker) send(ctx context.Context, row *outbox.Row) {
	r := w.receiver.Load()
	answer, err := w.post(ctx, r, row)
	if ctx.Err() != nil {
		return // it was not the receiver who broke off
	}
	now := w.h.opts.Now()
	reason := answer.reason(err)
	switch {
	case reason == "":
		w.h.metrics.attempt(ctx, "delivered")
		err = w.h.box.Delivered(row)
	case row.Attempts >= len(w.h.opts.Delays), answer.status == http.StatusGone:
		// SPEC Standard Webhooks: 410 says that the receiver wants no more.
		w.h.metrics.attempt(ctx, "dead")
		w.h.opts.Logger.Warn("a webhook's message is dead", "receiver", r.ID, "name", r.Name, "message", w.h.id(r.ID, &row.Message), "why", reason)
		err = w.h.box.Bury(row, now, reason)
	default:
		w.h.metrics.attempt(ctx, "failed")
		delay := max(jitter(w.h.opts.Delays[row.Attempts]), answer.after)
		err = w.h.box.Postpone(row, now.Add(delay), reason)
	}
	w.note(reason)
	if err != nil {
		w.h.opts.Logger.Error("what became of a webhook's message cannot be noted", "receiver", r.ID, "error", err)
	}
}

// answer is what a receiver said.
type answer struct {
	status int           // 0 if it did not
	after  time.Duration // for how long it wants to be left alone
}

// errUnreadable says that the fault is ours.
var errUnreadable = errors.New("the log could not make the message")

// reason says why a message was not delivered, "" if it was, in words that repeat
// nothing of what the receiver said.
func (a answer) reason(err error) string {
	switch {
	case errors.Is(err, errUnreadable):
		return errUnreadable.Error()
	case err != nil:
		return outbound.Reason(err)
	case a.status < 200 || a.status > 299:
		return fmt.Sprintf("its host answered with status %d", a.status)
	}
	return ""
}

// post makes a message and sends it once.
func (w *worker) post(ctx context.Context, r *Receiver, row *outbox.Row) (a answer, err error) {
	id := w.h.id(r.ID, &row.Message)
	m, err := w.h.describe(ctx, &row.Message)
	if err != nil {
		w.h.opts.Logger.Error("a webhook's message cannot be made", "receiver", r.ID, "message", id, "error", err)
		return a, errUnreadable
	}
	body, err := encode(r, id, m)
	if err != nil {
		return a, errUnreadable
	}
	ctx, cancel := context.WithTimeout(ctx, w.h.opts.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return a, errUnreadable
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if r.Shape == ShapeGeneric {
		now := w.h.opts.Now()
		webhook.Sign(req.Header.Set, id, now, body, r.secrets(now)...)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	a.status, a.after = res.StatusCode, retryAfter(res)
	// What it says beyond its status is none of our business. It counts as said
	// even if it breaks off then.
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	return a, nil
}

// retryAfter reads the number of seconds in a refusal's Retry-After.
func retryAfter(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	seconds, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
