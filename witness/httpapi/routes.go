package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/witness"
)

func (a *API) serveAddCheckpoint(rw http.ResponseWriter, r *http.Request) {
	a.answer(rw, r, a.w.AddCheckpoint)
}

func (a *API) serveSignSubtree(rw http.ResponseWriter, r *http.Request) {
	if !a.w.SignsSubtrees() {
		http.NotFound(rw, r) // SPEC tlog-witness: "It is OPTIONAL for a witness to support this API."
		return
	}
	a.answer(rw, r, a.w.SignSubtree)
}

// answer reads a request's body, has it processed and writes the lines or the
// refusal.
func (a *API) answer(rw http.ResponseWriter, r *http.Request, process func(context.Context, []byte) ([]byte, error)) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, witness.MaxRequestBytes))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		http.Error(rw, fmt.Sprintf("request body is longer than %d bytes", tooLong.Limit), http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		http.Error(rw, "request body did not arrive", http.StatusBadRequest)
		return
	}
	lines, err := process(r.Context(), body)
	if err != nil {
		a.refuse(rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(lines) // a client that went away is no error of ours
}

// statuses are what SPEC tlog-witness answers for each reason.
var statuses = map[witness.Reason]int{
	witness.Malformed:    http.StatusBadRequest,
	witness.UnknownLog:   http.StatusNotFound,
	witness.Untrusted:    http.StatusForbidden,
	witness.Conflict:     http.StatusConflict,
	witness.Inconsistent: http.StatusUnprocessableEntity,
	witness.TooMany:      http.StatusTooManyRequests,
}

func (a *API) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	var no *witness.RefusedError
	switch {
	case !errors.As(err, &no):
		if r.Context().Err() == nil {
			a.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "request", rw.Header().Get(requestID), "err", err)
		}
		retryLater(rw, http.StatusInternalServerError, 10*time.Second, "internal error")
	case no.Reason == witness.Conflict:
		// SPEC tlog-witness: "The response body MUST consist of the tree size of the
		// latest cosigned checkpoint in decimal, followed by a newline", of type
		// text/x.tlog.size.
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(rw, "%d\n", no.Size)
	case no.Reason == witness.TooMany:
		retryLater(rw, statuses[no.Reason], no.RetryAfter, no.Detail)
	default:
		http.Error(rw, no.Detail, statuses[no.Reason])
	}
}

// serveCheckpoint is the monitoring endpoint.
func (a *API) serveCheckpoint(rw http.ResponseWriter, r *http.Request) {
	signed, err := a.w.Latest(r.PathValue("hash"))
	if err != nil {
		a.refuse(rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Access-Control-Allow-Origin", "*")
	// SPEC tlog-witness: delays of up to an hour are allowed, so that caches may
	// stand in front; monitors like it fresher.
	rw.Header().Set("Cache-Control", "public, max-age=5")
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(signed))
}
