package tracing

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// exporter sends spans as OTLP/HTTP in JSON. It implements sdk.SpanExporter, whose
// caller calls it with one batch at a time.
type exporter struct {
	endpoint string
	header   http.Header
	client   *http.Client
}

// maxReply is how much of a collector's answer is read.
const maxReply = 4 << 10

// ExportSpans implements sdk.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := json.Marshal(requestOf(spans))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = e.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	res, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxReply)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("send traces: the collector answered with status %d", res.StatusCode)
	}
	return nil
}

// Shutdown implements sdk.SpanExporter.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

// The messages of opentelemetry.proto.collector.trace.v1, as far as they are used
// here. SPEC OTLP: in JSON, IDs are hex, 64-bit integers are texts, and enumerations
// are numbers.
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   attributes   `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	scopeSpans struct {
		Scope struct {
			Name    string `json:"name"`
			Version string `json:"version,omitzero"`
		} `json:"scope"`
		Spans []span `json:"spans"`
	}
	attributes struct {
		Attributes []keyValue `json:"attributes,omitzero"`
	}
	span struct {
		TraceID      string     `json:"traceId"`
		SpanID       string     `json:"spanId"`
		ParentSpanID string     `json:"parentSpanId,omitzero"`
		TraceState   string     `json:"traceState,omitzero"`
		Name         string     `json:"name"`
		Kind         int        `json:"kind"`
		Start        uint64     `json:"startTimeUnixNano,string"`
		End          uint64     `json:"endTimeUnixNano,string"`
		Attributes   []keyValue `json:"attributes,omitzero"`
		Events       []event    `json:"events,omitzero"`
		Links        []link     `json:"links,omitzero"`
		Status       status     `json:"status"`
	}
	event struct {
		Time       uint64     `json:"timeUnixNano,string"`
		Name       string     `json:"name"`
		Attributes []keyValue `json:"attributes,omitzero"`
	}
	link struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	status struct {
		Code    int    `json:"code,omitzero"`
		Message string `json:"message,omitzero"`
	}
	keyValue struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		String *string  `json:"stringValue,omitzero"`
		Bool   *bool    `json:"boolValue,omitzero"`
		Int    *string  `json:"intValue,omitzero"`
		Double *float64 `json:"doubleValue,omitzero"`
	}
)

// requestOf groups spans by the library that made them. All are of one resource.
func requestOf(spans []sdk.ReadOnlySpan) request {
	if len(spans) == 0 {
		return request{}
	}
	r := resourceSpans{Resource: attributes{attributesOf(spans[0].Resource().Attributes())}}
	at := make(map[string]int)
	for _, s := range spans {
		scope := s.InstrumentationScope()
		i, ok := at[scope.Name]
		if !ok {
			i = len(r.ScopeSpans)
			at[scope.Name] = i
			r.ScopeSpans = append(r.ScopeSpans, scopeSpans{})
			r.ScopeSpans[i].Scope.Name, r.ScopeSpans[i].Scope.Version = scope.Name, scope.Version
		}
		r.ScopeSpans[i].Spans = append(r.ScopeSpans[i].Spans, spanOf(s))
	}
	return request{[]resourceSpans{r}}
}

func spanOf(s sdk.ReadOnlySpan) span {
	c := s.SpanContext()
	out := span{
		TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), TraceState: c.TraceState().String(),
		Name: s.Name(), Kind: kindOf(s.SpanKind()),
		Start: uint64(s.StartTime().UnixNano()), End: uint64(s.EndTime().UnixNano()),
		Attributes: attributesOf(s.Attributes()), Status: statusOf(s.Status()),
	}
	if s.Parent().SpanID().IsValid() {
		out.ParentSpanID = s.Parent().SpanID().String()
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, event{uint64(e.Time.UnixNano()), e.Name, attributesOf(e.Attributes)})
	}
	for _, l := range s.Links() {
		out.Links = append(out.Links, link{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String()})
	}
	return out
}

// kindOf is the number of a kind: those of the protocol begin with unspecified,
// those of the library too.
func kindOf(k trace.SpanKind) int { return int(k) }

// statusOf gives a status its number in the protocol, which is not the library's.
func statusOf(s sdk.Status) status {
	switch s.Code {
	case codes.Ok:
		return status{Code: 1}
	case codes.Error:
		return status{Code: 2, Message: s.Description}
	}
	return status{}
}

func attributesOf(all []attribute.KeyValue) (out []keyValue) {
	for _, a := range all {
		kv := keyValue{Key: string(a.Key)}
		switch a.Value.Type() {
		case attribute.BOOL:
			kv.Value.Bool = new(a.Value.AsBool())
		case attribute.INT64:
			kv.Value.Int = new(strconv.FormatInt(a.Value.AsInt64(), 10))
		case attribute.FLOAT64:
			kv.Value.Double = new(a.Value.AsFloat64())
		default: // lists are written as their text
			kv.Value.String = new(a.Value.String())
		}
		out = append(out, kv)
	}
	return out
}
