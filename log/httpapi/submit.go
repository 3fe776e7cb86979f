package httpapi

import (
	"context"
	"encoding/json/v2"
	"errors"
	"net/http"
	"strconv"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/bundle"
	"github.com/armalo/receiptlog/client/receipt"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
	"github.com/armalo/receiptlog/log/step"
)

// serveSubmissions answers POST to the receipts: one, or many as NDJSON. The
// two have bounds of their own, since a batch costs a thousand times as much.
func (h *Handler) serveSubmissions() serveFunc {
	single, batches := newGate(maxSubmissions), newGate(maxBatches)
	return func(w http.ResponseWriter, r *http.Request, arg string) error {
		media, err := mediaType(r, api.MediaJSON, api.MediaCredential, api.MediaNDJSON)
		if err != nil {
			return err
		}
		gate, serve := single, h.serveSubmit
		if media == api.MediaNDJSON {
			gate, serve = batches, h.serveBatch
		}
		if !gate.enter() {
			return log.ErrOverloaded
		}
		defer gate.leave()
		return serve(w, r, arg)
	}
}

// serveSubmit takes one receipt and answers when it is under a published
// checkpoint, or with Prefer: respond-async when it is durable.
func (h *Handler) serveSubmit(w http.ResponseWriter, r *http.Request, _ string) error {
	prefer := parsePrefer(r.Header["Prefer"])
	pending, err := h.begin(w, r)
	if err != nil {
		return err
	}
	_, sequence := step.Start(r.Context(), "sequence")
	index, err := pending.Index()
	sequence.End(err)
	if err != nil {
		return err
	}
	if prefer.async {
		w.Header().Set("Preference-Applied", api.PreferAsync)
	}
	b, err := h.await(r.Context(), pending, prefer)
	if err != nil {
		return err
	}
	w.Header().Set("Location", bundleURL(pending.RunID(), index))
	w.Header().Set("Cache-Control", "no-store")
	if b == nil {
		return writeSequenced(w, pending, index)
	}
	writeResult(w, pending, b)
	return nil
}

// begin reads a receipt and takes it in.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request) (*log.Pending, error) {
	buf := takeBuffer()
	defer giveBack(buf)
	var err error
	if *buf, err = h.readInto(*buf, w, r, maxReceiptBody); err != nil {
		return nil, err
	}
	if err := h.idempotent.check(r, *buf); err != nil {
		return nil, err
	}
	return h.takeIn(r.Context(), callerOf(r), *buf)
}

// takeIn takes a receipt in from a caller, whose key may be for one organisation
// and for so many receipts a day. Whoever shows none may submit any receipt, if
// anybody may: it says by itself who answers for it.
func (h *Handler) takeIn(ctx context.Context, c access.Caller, data []byte) (*log.Pending, error) {
	if c.Anybody() {
		return h.log.Begin(ctx, data)
	}
	giveBack, err := h.log.Access().Take(c)
	if err != nil {
		return nil, err
	}
	p, err := h.log.BeginFor(ctx, data, func(r *receipt.Receipt) error { return onlyOwn(c, r.Org()) })
	if err != nil {
		giveBack()
	}
	return p, err
}

// await waits for the bundle as long as the client prefers. It returns nil
// where the client would rather not wait longer.
func (h *Handler) await(ctx context.Context, p *log.Pending, prefer preference) (*bundle.Bundle, error) {
	wait := h.timeouts.publish
	if prefer.async {
		if wait = min(prefer.wait, wait); wait == 0 {
			return nil, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	b, err := p.Bundle(ctx)
	if prefer.async && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return b, err
}

// writeSequenced answers 202: durable, with an index, and not yet published.
func writeSequenced(w http.ResponseWriter, p *log.Pending, index uint64) error {
	result := resultOf(p, index)
	body, err := json.Marshal(api.Sequenced{
		Index:       index,
		RunID:       result.RunID,
		Status:      api.StatusSequenced,
		ReceiptHash: result.ReceiptHash,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.MediaJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusAccepted)
	w.Write(body)
	return nil
}

// writeResult answers 201 with the bundle, or 200 where the log had the
// receipt before.
func writeResult(w http.ResponseWriter, p *log.Pending, b *bundle.Bundle) {
	buf := takeBuffer()
	defer giveBack(buf)
	*buf = append(appendResult(append(*buf, '{'), resultOf(p, b.Index), b), '}')
	w.Header().Set("Content-Type", api.MediaJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(*buf)))
	w.WriteHeader(statusOf(p, true))
	w.Write(*buf)
}

// statusOf is the status of a receipt that was taken in.
func statusOf(p *log.Pending, published bool) int {
	switch {
	case !published:
		return http.StatusAccepted
	case p.Duplicate():
		return http.StatusOK
	}
	return http.StatusCreated
}
