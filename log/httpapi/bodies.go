package httpapi

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/checkpoint"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

// serveBodies answers GET of bodies by their place, one line for each receipt
// entry of the published tree among those asked for. Private ones are shown to
// whom they may be; to others it is said that they are there, as the log itself
// does, since a promise to keep them is public.
func (h *Handler) serveBodies(w http.ResponseWriter, r *http.Request, _ string) error {
	first, count, err := parseBodiesQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	view := viewOf(callerOf(r))
	size := uint64(0)
	if p := h.log.Published(); p != nil {
		size = p.Size()
	}
	w.Header().Set("Content-Type", api.MediaNDJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Authorization")
	rc := http.NewResponseController(w)
	var line []byte
	for at := first; at < min(first+count, size) && r.Context().Err() == nil; at++ {
		body := h.log.Body(r.Context(), at)
		if !body.Receipt {
			continue
		}
		line = appendBody(line, at, body, view)
		if len(line) >= flushBytes {
			_ = rc.SetWriteDeadline(time.Now().Add(h.timeouts.write)) // else the one set at first stands
			if _, err := w.Write(line); err != nil {
				return nil // nobody reads
			}
			line = line[:0]
		}
	}
	w.Write(line)
	return nil
}

// appendBody appends the line for one receipt entry.
func appendBody(dst []byte, at uint64, body log.Body, v log.View) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendUint(dst, at, 10)
	var erased *log.ErasedError
	switch {
	case body.Err == nil && v.Shows(body.Stored.Receipt):
		salt := body.Stored.Salt()
		dst = append(dst, `,"status":200,"receipt":`...)
		dst = append(dst, body.Stored.Receipt.Canonical()...)
		dst = append(dst, `,"salt":"`...)
		dst = append(hex.AppendEncode(dst, salt[:]), '"')
	case body.Err == nil:
		dst = append(dst, `,"status":403,"code":"`+string(api.CodePrivate)+`"`...)
	case errors.As(body.Err, &erased):
		dst = append(dst, `,"status":410,"code":"`+string(verdict.Erased)+`","erasure":`...)
		dst = strconv.AppendUint(dst, erased.Erasure, 10)
	case log.Missing(body.Err):
		dst = append(dst, `,"status":404,"code":"`+string(verdict.NotLogged)+`"`...)
	default:
		dst = append(dst, `,"status":500,"code":"`+string(verdict.Internal)+`"`...)
	}
	return append(dst, '}', '\n')
}

// parseBodiesQuery is as strict as parameters, and wants both.
func parseBodiesQuery(raw string) (first, count uint64, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil || len(values) != 2 || len(values[api.QueryFirst]) != 1 || len(values[api.QueryCount]) != 1 {
		return 0, 0, verdict.Errorf(verdict.Malformed, "query", "must be first and count, once each")
	}
	if first, err = checkpoint.ParseSize(values[api.QueryFirst][0]); err != nil {
		return 0, 0, verdict.Errorf(verdict.Malformed, "query.first", "must be the index of an entry, in decimal")
	}
	if count, err = checkpoint.ParseSize(values[api.QueryCount][0]); err != nil || count == 0 || count > api.MaxBodies {
		return 0, 0, verdict.Errorf(verdict.Malformed, "query.count", "must be from 1 to %d, in decimal", api.MaxBodies)
	}
	return first, count, nil
}

// gone turns the error of reading an erased receipt into the answer: 410 with
// the erasure entry and its proof. Other errors are returned as they are.
func (h *Handler) gone(r *http.Request, err error) error {
	var erased *log.ErasedError
	if !errors.As(err, &erased) {
		return err
	}
	evidence, failure := h.log.Erasure(r.Context(), erased.Erasure)
	if failure != nil {
		return failure
	}
	p := api.NewProblem(http.StatusGone, verdict.Erased, "", erased.Error())
	p.Erasure = evidence.Marshal()
	return p
}
