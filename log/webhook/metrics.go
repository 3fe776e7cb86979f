package webhook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are what an operator should know of receivers. The label is their
// number, of which there are at most MaxReceivers at a time.
type metrics struct {
	attempts metric.Int64Counter
	gauges   metric.Registration
}

func newMetrics(h *Hooks) (*metrics, error) {
	meter := otel.Meter("github.com/armalo/receiptlog/log/webhook")
	m := new(metrics)
	var errs [5]error
	m.attempts, errs[0] = meter.Int64Counter("receiptlog.webhook.attempts",
		metric.WithDescription("Attempts to send a webhook's message, by what became of it: delivered, failed or dead"))
	gauge := func(i int, name, description string) metric.Int64ObservableGauge {
		g, err := meter.Int64ObservableGauge(name, metric.WithDescription(description))
		errs[i] = err
		return g
	}
	queued := gauge(1, "receiptlog.webhook.queued", "Messages that wait to be sent to a receiver")
	dead := gauge(2, "receiptlog.webhook.dead", "Messages to a receiver that are dead")
	missed := gauge(3, "receiptlog.webhook.missed", "Messages that a receiver's full queue did not take, and that it was not told of yet")
	failing, err := meter.Float64ObservableGauge("receiptlog.webhook.failing",
		metric.WithDescription("Time since which a receiver takes nothing; 0 while it does"), metric.WithUnit("s"))
	errs[4] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	for _, outcome := range []string{"delivered", "failed", "dead"} {
		m.attempts.Add(context.Background(), 0, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	m.gauges, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := h.opts.Now()
		for _, s := range h.List() {
			label := metric.WithAttributes(attribute.String("receiver", strconv.FormatUint(uint64(s.ID), 10)))
			o.ObserveInt64(queued, int64(s.Queued), label)
			o.ObserveInt64(dead, int64(s.Dead), label)
			o.ObserveInt64(missed, int64(s.Missed), label)
			o.ObserveFloat64(failing, secondsSince(s.FailingSince, now), label)
		}
		return nil
	}, queued, dead, missed, failing)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// secondsSince is 0 for the zero time.
func secondsSince(t, now time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return now.Sub(t).Seconds()
}

func (m *metrics) attempt(ctx context.Context, outcome string) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

// close unregisters the callback, which holds on to the hooks.
func (m *metrics) close() { _ = m.gauges.Unregister() } // fails never, by its implementation
