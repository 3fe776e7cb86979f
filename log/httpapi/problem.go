package httpapi

import (
	"context"
	"encoding/json/v2"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
	"github.com/armalo/receiptlog/log/access"
)

// statuses maps every code that this server answers with to its status.
var statuses = map[verdict.Code]int{
	verdict.Malformed:     http.StatusBadRequest,
	verdict.TooLarge:      http.StatusRequestEntityTooLarge,
	verdict.SchemaInvalid: http.StatusUnprocessableEntity,

	verdict.ProofMissing:      http.StatusUnprocessableEntity,
	verdict.SignatureInvalid:  http.StatusUnprocessableEntity,
	verdict.KeyUnknown:        http.StatusUnprocessableEntity,
	verdict.KeyNotAuthorized:  http.StatusUnprocessableEntity,
	verdict.IssuerUntrusted:   http.StatusForbidden,
	verdict.IssuerUnavailable: http.StatusServiceUnavailable,

	verdict.NotLogged: http.StatusNotFound,
	verdict.Erased:    http.StatusGone,
	verdict.Internal:  http.StatusInternalServerError,

	api.CodePrivate:              http.StatusForbidden,
	api.CodeUnauthorized:         http.StatusUnauthorized,
	api.CodeForbidden:            http.StatusForbidden,
	api.CodeRateLimited:          http.StatusTooManyRequests,
	api.CodeQuotaExceeded:        http.StatusTooManyRequests,
	api.CodeNoSuchKey:            http.StatusNotFound,
	api.CodeNoSuchWebhook:        http.StatusNotFound,
	api.CodeKeyEnded:             http.StatusConflict,
	api.CodeTooManyKeys:          http.StatusConflict,
	api.CodeNotFound:             http.StatusNotFound,
	api.CodeMethodNotAllowed:     http.StatusMethodNotAllowed,
	api.CodeUnsupportedMediaType: http.StatusUnsupportedMediaType,
	api.CodeOverloaded:           http.StatusServiceUnavailable,
	api.CodeTimeout:              http.StatusServiceUnavailable,
	api.CodeStorageFull:          http.StatusInsufficientStorage,
	api.CodeNotSigning:           http.StatusServiceUnavailable,
	api.CodeFrozen:               http.StatusForbidden,
	api.CodeIdempotencyReused:    http.StatusUnprocessableEntity,
	api.CodeCursorInvalid:        http.StatusBadRequest,
	api.CodeIndexBehind:          http.StatusServiceUnavailable,
	codeNotAcceptable:            http.StatusNotAcceptable,
}

// codeNotAcceptable answers a request whose Accept-Encoding excludes all that
// the server could send.
const codeNotAcceptable verdict.Code = "not_acceptable"

// How long a client is asked to wait before it tries again.
const (
	retryBusy    = 1 * time.Second  // the queue drains in a fraction of that
	retryClosing = 5 * time.Second  // a restart takes a few seconds
	retryIssuer  = 30 * time.Second // somebody's web site has to come back
	retryBehind  = 10 * time.Second // some ten thousand entries a second
	retryFull    = 60 * time.Second // somebody has to make room
	retryRefuses = 10 * time.Minute // somebody has to find out what happened
)

// problemOf turns any error of a handler into the problem document for it, and
// how long to wait before trying again (0: trying again does not help).
func problemOf(err error) (*api.Problem, time.Duration) {
	var problem *api.Problem
	var coded *verdict.Error
	var tooLarge *http.MaxBytesError
	var limit *access.LimitError
	switch {
	case errors.As(err, &problem):
		return problem, retryAfter(problem.Code)
	case errors.As(err, &limit):
		return refusal(limit.Coded), limit.Wait
	case errors.As(err, &coded):
		return refusal(coded), retryAfter(coded.Code)
	case errors.As(err, &tooLarge):
		return refusal(verdict.Errorf(verdict.TooLarge, "", "the body may have at most %d bytes", tooLarge.Limit)), 0
	case errors.Is(err, log.ErrOverloaded):
		return refusal(verdict.Errorf(api.CodeOverloaded, "", "%v", err)), retryBusy
	case errors.Is(err, log.ErrClosed):
		return refusal(verdict.Errorf(api.CodeOverloaded, "", "%v", err)), retryClosing
	case errors.Is(err, log.ErrUnpublished):
		return refusal(verdict.Errorf(api.CodeTimeout, "", "%v", err)), retryClosing
	case errors.Is(err, log.ErrRefuses):
		return refusal(verdict.Errorf(api.CodeNotSigning, "", "%v", err)), retryRefuses
	case errors.Is(err, log.ErrSearchBehind):
		return refusal(verdict.Errorf(api.CodeIndexBehind, "", "%v", err)), retryBehind
	case errors.Is(err, log.ErrFrozen):
		return refusal(verdict.Errorf(api.CodeFrozen, "", "%v", err)), 0 // trying again does not help
	case errors.Is(err, log.ErrFull):
		return refusal(verdict.Errorf(api.CodeStorageFull, "", "%v", err)), retryFull
	case errors.Is(err, os.ErrDeadlineExceeded):
		return api.NewProblem(http.StatusRequestTimeout, api.CodeTimeout, "", "the request came too slowly"), 0
	case errors.Is(err, context.DeadlineExceeded):
		return refusal(verdict.Errorf(api.CodeTimeout, "", "the receipt is durable in the log, but no checkpoint over it was published in time; ask again")), retryBusy
	case errors.Is(err, context.Canceled):
		return refusal(verdict.Errorf(api.CodeTimeout, "", "the client went away")), 0
	}
	// What went wrong inside is for the operator's log, not for the client.
	return refusal(verdict.Errorf(verdict.Internal, "", "the log failed to answer; its operator's log says why")), 0
}

func refusal(e *verdict.Error) *api.Problem {
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusUnprocessableEntity
	}
	return api.NewProblem(status, e.Code, e.Path, e.Detail)
}

func retryAfter(code verdict.Code) time.Duration {
	switch code {
	case api.CodeOverloaded:
		return retryBusy
	case verdict.IssuerUnavailable:
		return retryIssuer
	}
	return 0
}

// writeProblem answers with a problem document. Nothing may have been written
// before.
func writeProblem(w http.ResponseWriter, p *api.Problem, retry time.Duration) {
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.Title, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", api.MediaProblem)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Del("ETag")
	h.Del("Content-Encoding")
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(retry/time.Second)))
	}
	w.WriteHeader(p.Status)
	w.Write(body)
}
