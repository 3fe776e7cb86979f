package log

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// watchIssuers registers what an operator should know about issuers' documents.
// Which issuers they are, of whom there may be thousands, /readyz says.
func (m *metrics) watchIssuers(meter metric.Meter, l *Log) error {
	failing, err1 := meter.Int64ObservableGauge("receiptlog.issuers.failing",
		metric.WithDescription("Issuers whose DID document cannot be had, so that the log goes by the last one it saw"))
	age, err2 := meter.Float64ObservableGauge("receiptlog.issuers.evidence.age",
		metric.WithDescription("Time since the DID document was seen that was not seen for the longest"), metric.WithUnit("s"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var err error
	m.issuers, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(failing, int64(len(l.IssuerFailures())))
		o.ObserveFloat64(age, secondsSince(l.oldestSighting(), l.clock()))
		return nil
	}, failing, age)
	return err
}
