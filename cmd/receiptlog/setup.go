package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"k8s.io/klog/v2"

	"github.com/armalo/receiptlog/client/did"
	"github.com/armalo/receiptlog/client/did/web"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// newLogger logs as configured. Libraries that log by klog or by slog's default
// come along.
func newLogger(c *Config, w io.Writer) (*slog.Logger, error) {
	logger, err := c.Logger(w)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(logger)
	klog.SetSlogLogger(logger.With("library", "tessera"))
	return logger, nil
}

// newTelemetry collects the metrics of the log, of Tessera and of the process,
// and returns the handler that shows them.
func newTelemetry(logger *slog.Logger) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("set up metrics: %w", err)
	}
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("telemetry", "error", err) }))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// newResolver finds DID documents: did:key by itself, then those pinned by
// hand, then did:web over HTTPS.
func newResolver(dir string, c *Config) (did.Resolver, error) {
	path := filepath.Join(dir, issuersName)
	pinned, err := did.NewPinned(os.DirFS(path))
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read pinned documents in %s: %w", path, err), "each *.json file there must be one DID document")
	}
	chain := did.Chain{did.KeyResolver{}, pinned}
	if c.DIDWeb.Enabled {
		chain = append(chain, web.New(web.Options{
			AllowPrivate: c.DIDWeb.AllowPrivate,
			TTL:          time.Duration(c.DIDWeb.CacheFor),
		}))
	}
	return chain, nil
}
