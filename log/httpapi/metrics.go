package httpapi

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are what the server counts. Labels are the names of routes and the
// classes of status, so there are few of them whatever is asked for.
type metrics struct {
	requests metric.Float64Histogram
}

// durations are bucket bounds in seconds: from a cached tile to a submission
// that waits for its checkpoint.
var durations = []float64{0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60}

func newMetrics() (*metrics, error) {
	meter := otel.Meter("github.com/armalo/receiptlog/log/httpapi")
	requests, err := meter.Float64Histogram("receiptlog.http.duration",
		metric.WithDescription("Duration of requests, by route and class of status"),
		metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(durations...))
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return &metrics{requests: requests}, nil
}

// classes names the classes of status, 0 being an answer that never began.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// labels are what a route's answers are counted under, by class of status.
type labels [len(classes)]metric.MeasurementOption

func newLabels(route string) (l labels) {
	for i, class := range classes {
		l[i] = metric.WithAttributeSet(attribute.NewSet(attribute.String("route", route), attribute.String("status", class)))
	}
	return l
}

// served counts a request.
func (m *metrics) served(ctx context.Context, r *route, status int, took time.Duration) {
	m.requests.Record(ctx, took.Seconds(), r.labels[status/100])
}
