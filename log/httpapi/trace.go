package httpapi

import (
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// startSpan starts the span of a request, in the trace of its caller if it is in one.
// It names the route, never the path: that may hold the name of a run or of an
// organisation. Without a tracer there is no span, and no cost.
func (h *Handler) startSpan(w http.ResponseWriter, r *http.Request, route *route) (*http.Request, trace.Span) {
	if h.opts.Tracer == nil {
		return r, nil
	}
	ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	method := r.Method
	if route.methods[method] == nil && method != http.MethodHead && method != http.MethodOptions {
		method = "_OTHER" // SPEC OpenTelemetry HTTP: what a stranger makes up is not a label
	}
	ctx, span := h.opts.Tracer.Start(ctx, method+" "+route.name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method),
		attribute.String("http.route", route.name),
		attribute.String("receiptlog.request", w.Header().Get("X-Request-Id")),
	))
	return r.WithContext(ctx), span
}

// endSpan ends what startSpan started.
func endSpan(span trace.Span, status int) {
	if span == nil {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= 500 {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}
