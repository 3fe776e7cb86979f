package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/client/api"
	"github.com/armalo/receiptlog/client/verdict"
	"github.com/armalo/receiptlog/log"
)

// Options are what a [Handler] needs beside the log.
type Options struct {
	Logger  *slog.Logger // nil means silence
	Metrics http.Handler // serves /metrics; nil: no such route
	Tracer  trace.Tracer // makes a span of each request; nil: none
	// RequireKeys wants a key with the scope receipts:write of whoever submits.
	// Without it any receipt by an issuer of the log is taken, whoever brings it.
	RequireKeys bool
	// Frugal, if not nil, is called when an export begins, and what it returns
	// when that ends: the program may want to save memory meanwhile.
	Frugal func() (end func())
	// MaxAge is how old the published checkpoint may be before /readyz says
	// no.
	MaxAge time.Duration
}

// Handler serves one log. It is safe for concurrent use.
type Handler struct {
	log      *log.Log
	opts     Options
	metrics  *metrics
	routes   routes
	timeouts timeouts
	tag      string // begins the entity tags of this log's tiles

	drainOnce sync.Once
	draining  chan struct{}

	idempotent *idempotency
}

// New returns a handler for l.
func New(l *log.Log, opts Options) (*Handler, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics()
	if err != nil {
		return nil, err
	}
	h := &Handler{log: l, opts: opts, metrics: m, timeouts: defaultTimeouts, tag: l.KeyTag(), draining: make(chan struct{}), idempotent: newIdempotency()}
	h.routes = h.table()
	return h, h.routes.checkNeeds()
}

// Server returns an http.Server for the handler with every bound on time and
// size set. The caller listens and serves.
func (h *Handler) Server() *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(h.opts.Logger.Handler(), slog.LevelDebug),
	}
}

// Drain makes running batches take no further line and answer those they
// took, and lets nobody wait for a quorum of witnesses that is lost. Call it before
// http.Server.Shutdown, which waits for them.
func (h *Handler) Drain() {
	h.drainOnce.Do(func() { close(h.draining) })
	h.log.Drain()
}

// ServeHTTP finds the route, holds the request to its bounds and turns an
// error into a problem document.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("X-Request-Id", newRequestID())
	rec.Header().Set("X-Content-Type-Options", "nosniff")
	route, arg, found := h.routes.match(r.URL.EscapedPath())
	r, span := h.startSpan(rec, r, route)
	defer func() {
		if cause := recover(); cause != nil {
			h.serveFault(rec, r, route, cause)
		}
		h.served(r, route, rec, time.Since(began))
		endSpan(span, rec.status)
	}()
	err := h.deadline(rec, began)
	if err == nil && r.ContentLength != 0 {
		// net/http reads what a handler leaves of a body before it answers. Handlers
		// that read bodies have deadlines of their own.
		err = readDeadline(rec, began.Add(h.timeouts.swallow))
	}
	switch {
	case err != nil:
	case !found:
		err = verdict.Errorf(api.CodeNotFound, "", "no such route")
	default:
		err = h.admit(rec, r, route, arg)
	}
	if err != nil {
		h.refuse(rec, r, route, err)
	}
}

// served counts an answer, and has it in the log of those who look for one request.
func (h *Handler) served(r *http.Request, route *route, w *recorder, took time.Duration) {
	ctx := r.Context()
	h.metrics.served(ctx, route, w.status, took)
	if h.opts.Logger.Enabled(ctx, slog.LevelDebug) {
		h.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "request", slog.String("route", route.name), slog.Int("status", w.status),
			slog.Duration("took", took), slog.String("request", w.Header().Get("X-Request-Id")))
	}
}

// deadline bounds how long the answer may take to be read. Handlers that take
// longer by design push it out.
func (h *Handler) deadline(w http.ResponseWriter, now time.Time) error {
	err := http.NewResponseController(w).SetWriteDeadline(now.Add(h.timeouts.body + h.timeouts.publish + h.timeouts.write))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // not on a real connection
	}
	return err
}

// admit checks the method, makes room and serves.
func (h *Handler) admit(w *recorder, r *http.Request, route *route, arg string) error {
	if route.cors {
		allowOrigins(w.Header())
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http drops the body
	}
	serve := route.methods[method]
	switch {
	case serve != nil:
	case r.Method == http.MethodOptions:
		return serveOptions(w, r, route)
	default:
		w.Header().Set("Allow", route.allow)
		return verdict.Errorf(api.CodeMethodNotAllowed, "", "this route takes %s", route.allow)
	}
	if !route.gate.enter() {
		return verdict.Errorf(api.CodeOverloaded, "", "too many requests of this kind at once")
	}
	defer route.gate.leave()
	r, err := h.identify(r, route.needs[method])
	if err != nil {
		return err
	}
	return serve(w, r, arg)
}

// refuse answers with the problem document for err.
func (h *Handler) refuse(w *recorder, r *http.Request, route *route, err error) {
	problem, retry := problemOf(err)
	// That the disk is full is said once, when it becomes so: saying it for
	// each request would fill it further.
	if problem.Status >= 500 && problem.Code != api.CodeStorageFull {
		h.opts.Logger.Warn("request failed", "route", route.name, "code", problem.Code,
			"error", err, "request", w.Header().Get("X-Request-Id"))
	}
	if w.status != 0 {
		return // too late: the answer had begun
	}
	if problem.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="receiptlog"`)
	}
	if !h.swallow(w, r, err) {
		w.Header().Set("Connection", "close")
	}
	writeProblem(w, problem, retry)
}

// serveFault answers a request whose handler panicked, and says so in the
// operator's log.
func (h *Handler) serveFault(w *recorder, r *http.Request, route *route, cause any) {
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	h.opts.Logger.Error("handler panicked", "route", route.name, "panic", cause,
		"request", w.Header().Get("X-Request-Id"), "stack", string(debug.Stack()))
	if w.status == 0 {
		problem, _ := problemOf(errors.New("panic"))
		writeProblem(w, problem, 0)
	}
}

// newRequestID returns 64 random bits in hex: enough to find one request in a
// day's log.
func newRequestID() string {
	var id [8]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
