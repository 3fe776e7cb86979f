package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/armalo/receiptlog/cmd/internal/certificate"
	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// secure gives a server its certificate, if one is configured, and looks after it
// until ctx ends. SIGHUP ends the program in neither case.
func secure(ctx context.Context, server *http.Server, dir string, c *Config, logger *slog.Logger) (scheme string, err error) {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	if c.TLS.Cert == "" {
		return "http", nil
	}
	keeper, err := certificate.Load(within(dir, c.TLS.Cert), within(dir, c.TLS.Key), logger)
	if err != nil {
		return "", exit.With(exit.Usage, err, "tls.cert is the certificate with its chain, tls.key its key, both in PEM")
	}
	server.TLSConfig = keeper.Config()
	_, err = otel.Meter("github.com/armalo/receiptlog/cmd/receiptlog").Float64ObservableGauge("receiptlog.tls.ends",
		metric.WithDescription("Time until the certificate that is served ends"), metric.WithUnit("s"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(time.Until(keeper.NotAfter()).Seconds())
			return nil
		}))
	if err != nil {
		return "", fmt.Errorf("register metrics: %w", err)
	}
	go keeper.Watch(ctx, again)
	return "https", nil
}

// within makes a path that is relative so to the log's directory.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
