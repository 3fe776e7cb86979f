package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/armalo/receiptlog/witness"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the figures of a witness. No label takes a value from outside: ten
// thousand logs, or ten thousand attackers, make no more series than one.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status
	seconds  *prometheus.HistogramVec // by route
	forks    prometheus.Counter
	bastions *prometheus.GaugeVec // by configured address
	handler  http.Handler
}

const namespace = "receiptwitness"

// NewMetrics returns metrics at zero in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "requests_total",
			Help: "Requests answered, by route and HTTP status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "request_seconds",
			Help: "Time to answer a request, by route.", Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}}, []string{"route"}),
		forks: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "forks_total",
			Help: "Logs found to have signed two trees of one size. Anything but 0 wants a person."}),
		bastions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "bastion_connected",
			Help: "Whether the connection to a bastion stands."}, []string{"bastion"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.forks, m.bastions,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// Forked counts a fork.
func (m *Metrics) Forked() { m.forks.Inc() }

// Bastion notes whether the connection to a configured bastion stands.
func (m *Metrics) Bastion(addr string, connected bool) {
	value := 0.0
	if connected {
		value = 1
	}
	m.bastions.WithLabelValues(addr).Set(value)
}

// Certificate has the time measured until the certificate that is served ends. It is
// called once.
func (m *Metrics) Certificate(notAfter func() time.Time) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "tls_ends_seconds",
		Help: "Time until the certificate that is served ends."}, func() float64 { return time.Until(notAfter()).Seconds() }))
}

func (m *Metrics) watch(w *witness.Witness) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "logs",
		Help: "Logs that are served."}, func() float64 { return float64(w.Served()) }))
}

func (m *Metrics) serve(rw http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(rw, r) }

// count counts the requests of one route.
func (m *Metrics) count(route string, next http.Handler) http.Handler {
	seconds := m.seconds.WithLabelValues(route)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		start := time.Now()
		status := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(status, r)
		seconds.Observe(time.Since(start).Seconds())
		m.requests.WithLabelValues(route, strconv.Itoa(status.status)).Inc()
	})
}

// statusWriter remembers the status of an answer. Statuses are those that this
// package writes, and so few.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
