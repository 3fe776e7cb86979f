// Package step says in traces where the time of a request goes: a [Step] is a span
// inside the span of a request, or of a publication.
//
// A submission has the steps "take in", "sequence", "await publication" and "prove".
// A publication is a trace of its own, since it is of all who wait for it: "publish"
// with the steps "sign", "cosign", in which each witness has one, and "store". Who
// waited is linked to it.
//
// Steps are made only in a context whose span is recorded. In any other they are
// nothing: they allocate nothing and cost some nanoseconds.
package step

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name under which collectors show who made a span.
const scope = "github.com/armalo/receiptlog/log"

// Step is a step under way. The zero Step is one that nobody records.
type Step struct{ span trace.Span }

// Start begins a step of what the context's span is about, and returns the context
// for steps within it.
func Start(ctx context.Context, name string) (context.Context, Step) {
	under := trace.SpanFromContext(ctx)
	if !under.IsRecording() {
		return ctx, Step{}
	}
	ctx, span := under.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Step{span}
}

// Root begins a step that is part of no request.
func Root(ctx context.Context, tracer trace.Tracer, name string) (context.Context, Step) {
	if tracer == nil {
		return ctx, Step{}
	}
	ctx, span := tracer.Start(ctx, name, trace.WithNewRoot())
	return ctx, Step{span}
}

// Without returns the context for work whose steps would be too many to record, such
// as the lines of a batch.
func Without(ctx context.Context) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(context.Background()))
}

// Place is a place in a trace that others can be linked to.
type Place = trace.SpanContext

// Place returns where the step is; its zero value where nobody records it.
func (s Step) Place() Place {
	if s.span == nil {
		return Place{}
	}
	return s.span.SpanContext()
}

// Link says that the step waited for what happened at another place.
func (s Step) Link(to Place) {
	if s.span != nil && to.IsValid() {
		s.span.AddLink(trace.Link{SpanContext: to})
	}
}

// Note notes a number about the step.
func (s Step) Note(name string, n uint64) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int64("receiptlog."+name, int64(n)))
	}
}

// Name notes a name about the step: one of a fixed set.
func (s Step) Name(name, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String("receiptlog."+name, value))
	}
}

// End ends the step, which failed if err is not nil. What the error says stays in the
// operator's log: it may name a run.
func (s Step) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
