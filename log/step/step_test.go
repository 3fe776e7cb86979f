package step

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Without traces a step costs no memory, and hardly any time.
func TestNobodyRecords(t *testing.T) {
	ctx, failed := context.WithValue(t.Context(), t, t), errors.New("no")
	if n := testing.AllocsPerRun(1000, func() {
		within, s := Start(ctx, "take in")
		s.Note("size", 1)
		s.Name("witness", "w1")
		s.Link(s.Place())
		s.End(failed)
		_, root := Root(Without(within), nil, "publish")
		root.End(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNobodyRecords(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for b.Loop() {
		_, s := Start(ctx, "take in")
		s.End(nil)
	}
}

func TestSteps(t *testing.T) {
	var spans tracetest.SpanRecorder
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(&spans)).Tracer("test")
	ctx, request := tracer.Start(t.Context(), "request")
	_, root := Root(ctx, tracer, "publish")
	within, s := Start(ctx, "await publication")
	s.Link(root.Place())
	s.End(errors.New("run-1 is secret"))
	if _, none := Start(Without(within), "line of a batch"); none != (Step{}) {
		t.Error("a line of a batch has a step")
	}
	root.End(nil)
	request.End()
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans", len(ended))
	}
	step, publish := ended[0], ended[1]
	if step.Parent().SpanID() != request.SpanContext().SpanID() || len(step.Links()) != 1 || !step.Links()[0].SpanContext.Equal(publish.SpanContext()) {
		t.Errorf("parent %v, links %v", step.Parent(), step.Links())
	}
	if step.Status() != (sdk.Status{Code: codes.Error}) {
		t.Errorf("status %+v", step.Status())
	}
	if publish.Parent().IsValid() || publish.SpanContext().TraceID() == request.SpanContext().TraceID() {
		t.Error("a publication is in the trace of one who waits for it")
	}
}
