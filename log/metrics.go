package log

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/armalo/receiptlog/client/verdict"
)

// metrics are what the log counts. Labels are codes of package verdict only,
// of which there are a few dozen.
type metrics struct {
	refusals  metric.Int64Counter
	pushbacks metric.Int64Counter
	unquorate metric.Int64Counter
	gauges    metric.Registration
	witnesses metric.Registration
	issuers   metric.Registration
}

// newMetrics registers the instruments with OpenTelemetry's global meter, which
// does nothing unless a program installs a provider.
func newMetrics(l *Log) (*metrics, error) {
	meter := otel.Meter("github.com/armalo/receiptlog/log")
	m := new(metrics)
	var errs [7]error
	m.refusals, errs[0] = meter.Int64Counter("receiptlog.receipts.refused",
		metric.WithDescription("Receipts that were not taken in, by code"))
	m.pushbacks, errs[1] = meter.Int64Counter("receiptlog.receipts.pushback",
		metric.WithDescription("Receipts that were not taken in because too many were waiting"))
	size, err := meter.Int64ObservableGauge("receiptlog.published.size",
		metric.WithDescription("Entries under the published checkpoint"))
	errs[2] = err
	age, err := meter.Float64ObservableGauge("receiptlog.published.age",
		metric.WithDescription("Time since the last publication"), metric.WithUnit("s"))
	errs[3] = err
	failed, err := meter.Int64ObservableGauge("receiptlog.failed",
		metric.WithDescription("1 once the log has stopped after a failure"))
	errs[4] = err
	full, err := meter.Int64ObservableGauge("receiptlog.storage.full",
		metric.WithDescription("1 while receipts are refused because the disk is nearly full"))
	errs[5] = err
	frozen, err := meter.Int64ObservableGauge("receiptlog.frozen",
		metric.WithDescription("1 where the log is frozen for good"))
	errs[6] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	m.pushbacks.Add(context.Background(), 0) // it is there before it counts
	m.gauges, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if p := l.Published(); p != nil {
			o.ObserveInt64(size, int64(p.Size()))
			o.ObserveFloat64(age, l.clock().Sub(p.At).Seconds())
		}
		o.ObserveInt64(failed, one(l.Failure() != nil))
		o.ObserveInt64(full, one(l.Full()))
		o.ObserveInt64(frozen, one(l.frozen))
		return nil
	}, size, age, failed, full, frozen)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := m.watchWitnesses(meter, l); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := m.watchIssuers(meter, l); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// refused counts a receipt that was not taken in.
func (m *metrics) refused(ctx context.Context, err error) {
	m.refusals.Add(ctx, 1, metric.WithAttributes(attribute.String("code", string(verdict.CodeOf(err)))))
}

// pushback counts a receipt that found the queue full.
func (m *metrics) pushback() { m.pushbacks.Add(context.Background(), 1) }

// close unregisters the callbacks, which hold on to the log.
func (m *metrics) close() {
	_ = m.gauges.Unregister() // fails never, by its implementation
	_ = m.witnesses.Unregister()
	_ = m.issuers.Unregister()
}
