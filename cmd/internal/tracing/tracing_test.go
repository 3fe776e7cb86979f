package tracing

import (
	"context"
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// What a collector gets: one POST of JSON as OTLP says.
func TestSpansAreSent(t *testing.T) {
	bodies := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/base/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer a b" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		bodies <- body
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL+"/base/")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a%20b")
	t.Setenv("OTEL_SERVICE_NAME", "mine")
	tracer, stop, err := Start(t.Context(), "receiptlog")
	if err != nil {
		t.Fatal(err)
	}
	ctx, parent := tracer.Start(t.Context(), "parent", trace.WithSpanKind(trace.SpanKindServer))
	_, child := tracer.Start(ctx, "child", trace.WithAttributes(attribute.Int("n", -7), attribute.Bool("b", true), attribute.Float64("f", 0.5), attribute.StringSlice("l", []string{"x", "y"})))
	child.AddEvent("half")
	child.SetStatus(codes.Error, "broke")
	child.End()
	parent.End()
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got request
	if err := json.Unmarshal(<-bodies, &got, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	r := got.ResourceSpans[0]
	service := ""
	for _, a := range r.Resource.Attributes {
		if a.Key == "service.name" {
			service = *a.Value.String
		}
	}
	if service != "mine" || len(r.ScopeSpans) != 1 || len(r.ScopeSpans[0].Spans) != 2 {
		t.Fatalf("%+v", got)
	}
	c, p := r.ScopeSpans[0].Spans[0], r.ScopeSpans[0].Spans[1]
	if p.Name != "parent" || p.Kind != 2 || p.ParentSpanID != "" || p.Status.Code != 0 || len(p.TraceID) != 32 || p.End < p.Start || p.Start == 0 {
		t.Errorf("parent %+v", p)
	}
	if c.Name != "child" || c.Kind != 1 || c.ParentSpanID != p.SpanID || c.TraceID != p.TraceID || c.Status != (status{2, "broke"}) || len(c.Events) != 1 {
		t.Errorf("child %+v", c)
	}
	text, _ := json.Marshal(c.Attributes)
	if want := `[{"key":"n","value":{"intValue":"-7"}},{"key":"b","value":{"boolValue":true}},{"key":"f","value":{"doubleValue":0.5}},{"key":"l","value":{"stringValue":"[\"x\",\"y\"]"}}]`; string(text) != want {
		t.Errorf("attributes %s", text)
	}
}

func TestEnvironment(t *testing.T) {
	for name, try := range map[string]struct {
		set     map[string]string
		on, bad bool
	}{
		"nothing":          {},
		"disabled":         {set: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}},
		"none":             {set: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}},
		"traces only":      {set: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://x/t"}, on: true},
		"no URL":           {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, bad: true},
		"gRPC":             {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, bad: true},
		"JSON":             {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, on: true},
		"another exporter": {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "zipkin"}, bad: true},
		"timeout":          {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, bad: true},
		"header":           {set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_HEADERS": "secret"}, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range try.set {
				t.Setenv(k, v)
			}
			e, err := fromEnvironment()
			if (err != nil) != try.bad || (e != nil) != try.on {
				t.Errorf("%v, %v", e, err)
			}
		})
	}
}
