package log

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// watchWitnesses registers what an operator should know about the witnesses. The
// only label is their name in the policy, which is bounded.
func (m *metrics) watchWitnesses(meter metric.Meter, l *Log) error {
	var errs [5]error
	m.unquorate, errs[0] = meter.Int64Counter("receiptlog.published.without.quorum",
		metric.WithDescription("Checkpoints published although the quorum of witnesses did not cosign"))
	open, err := meter.Int64ObservableGauge("receiptlog.witnesses.fail.open",
		metric.WithDescription("1 where checkpoints are published without a quorum, as configured"))
	errs[1] = err
	lost, err := meter.Float64ObservableGauge("receiptlog.witnesses.quorum.lost",
		metric.WithDescription("Time since which there is no quorum of witnesses; 0 while there is"), metric.WithUnit("s"))
	errs[2] = err
	failing, err := meter.Float64ObservableGauge("receiptlog.witness.failing",
		metric.WithDescription("Time since which a witness does not cosign; 0 while it does"), metric.WithUnit("s"))
	errs[3] = err
	refused, err := meter.Int64ObservableGauge("receiptlog.refuses",
		metric.WithDescription("1 where the log signs nothing: it was rolled back, or is not the log of its keys"))
	errs[4] = err
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	m.unquorate.Add(context.Background(), 0)
	m.witnesses, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := l.clock()
		_, since := l.Quorum()
		o.ObserveInt64(open, one(l.opts.FailOpen))
		o.ObserveFloat64(lost, secondsSince(since, now))
		o.ObserveInt64(refused, one(l.Refused() != nil))
		for _, w := range l.Witnesses() {
			o.ObserveFloat64(failing, secondsSince(w.FailingSince, now),
				metric.WithAttributes(attribute.String("witness", strings.Join(w.Names, "+"))))
		}
		return nil
	}, open, lost, failing, refused)
	return err
}

// unwitnessed counts a checkpoint that is shown without its quorum.
func (m *metrics) unwitnessed() { m.unquorate.Add(context.Background(), 1) }

// secondsSince is 0 for the zero time.
func secondsSince(t, now time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return now.Sub(t).Seconds()
}
