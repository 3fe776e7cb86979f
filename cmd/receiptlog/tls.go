package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/armalo/receiptlog/cmd/internal/certificate"
)

// secure gives a server its certificate, if one is configured, and has its end
// measured.
func secure(ctx context.Context, server *http.Server, dir string, c *Config, logger *slog.Logger) (scheme string, err error) {
	keeper, err := certificate.Secure(ctx, server, dir, c.TLS, logger)
	if keeper == nil {
		return "http", err
	}
	_, err = otel.Meter("github.com/armalo/receiptlog/cmd/receiptlog").Float64ObservableGauge("receiptlog.tls.ends",
		metric.WithDescription("Time until the certificate that is served ends"), metric.WithUnit("s"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(time.Until(keeper.NotAfter()).Seconds())
			return nil
		}))
	if err != nil {
		return "", fmt.Errorf("register metrics: %w", err)
	}
	return "https", nil
}
