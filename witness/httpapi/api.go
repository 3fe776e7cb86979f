package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"github.com/armalo/receiptlog/witness"
)

// Options say how a witness is put on HTTP.
type Options struct {
	// PerClientPerSecond and PerClientBurst bound what one client may ask: one
	// IPv4 address, or one IPv6 network of 64 bits. 0 means any number.
	PerClientPerSecond float64
	PerClientBurst     int

	// Now is the clock of the limits. Nil means time.Now.
	Now func() time.Time

	// Logger gets what the operator should know. Nil means silence.
	Logger *slog.Logger

	// Metrics are counted and served. Nil means fresh ones.
	Metrics *Metrics
}

// API serves one witness, on one or more listeners.
type API struct {
	w       *witness.Witness
	log     *slog.Logger
	metrics *Metrics
	clients *witness.Limiter
	slots   slots
}

// New returns the API of w.
func New(w *witness.Witness, o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	o.Metrics.watch(w)
	return &API{
		w:       w,
		log:     o.Logger,
		metrics: o.Metrics,
		clients: witness.NewLimiter(o.PerClientPerSecond, o.PerClientBurst, o.Now),
		slots:   slots{clients: make(map[string]int)},
	}
}

// Handler returns the API for one listener. Clients are told apart by the address
// they connect from, or, where a proxy or bastion that we trust stands before us,
// by the last address of X-Forwarded-For.
func (a *API) Handler(forwarded bool) http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, name string, serve http.HandlerFunc) {
		mux.Handle(pattern, a.metrics.count(name, identify(a.guard(forwarded, serve))))
	}
	route("POST /add-checkpoint", "add-checkpoint", a.serveAddCheckpoint)
	route("POST /sign-subtree", "sign-subtree", a.serveSignSubtree)
	route("GET /{hash}/checkpoint", "checkpoint", a.serveCheckpoint)
	route("GET /{$}", "status", a.serveStatus)
	route("GET /metrics", "metrics", a.metrics.serve)
	route("GET /healthz", "healthz", serveHealth)
	return mux
}

// requestID is the header that names a request, in its answer, in the log of errors
// and in traces.
const requestID = "X-Request-Id"

// identify names a request. What a client calls it does not matter.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var id [8]byte
		rand.Read(id[:]) // never fails: crypto/rand ends the process instead
		rw.Header().Set(requestID, hex.EncodeToString(id[:]))
		next.ServeHTTP(rw, r)
	})
}

// Timeouts of a request. A witness answers in milliseconds; the rest is the
// network's. Logs keep connections, as the specification asks both sides to.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10 // no route looks at more than two headers
)

// NewServer returns an HTTP server with timeouts fit for the open internet.
func NewServer(h http.Handler, l *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(l.Handler(), slog.LevelDebug),
	}
}

func serveHealth(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write([]byte("ok\n")) // a client that went away is no error of ours
}
