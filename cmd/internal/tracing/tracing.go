// Package tracing sends OpenTelemetry traces where the environment says, and does
// nothing where it says nothing.
//
// The variables are those of OpenTelemetry's specification:
// OTEL_EXPORTER_OTLP_ENDPOINT (or ..._TRACES_ENDPOINT) turns traces on;
// OTEL_EXPORTER_OTLP_HEADERS and _TIMEOUT (and ..._TRACES_...),
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_...,
// OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED=true mean what they mean there.
//
// Spans are sent as OTLP over HTTP in JSON, which every collector takes on port
// 4318. The exporter of OpenTelemetry's own would bring gRPC and protobuf into a
// program that has no other use for them; the JSON is two hundred lines. So the one
// protocol is http/json, and another in OTEL_EXPORTER_OTLP_PROTOCOL is an error.
//
// What cannot be sent is dropped, and said in the log: traces never hold up a
// request.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/armalo/receiptlog/cmd/internal/exit"
)

// Start turns traces on, if the environment says so, for all of the process. The
// tracer is nil where it does not. stop sends what is left, within ctx. An error is
// one of the environment.
func Start(ctx context.Context, service string) (tracer trace.Tracer, stop func(context.Context) error, err error) {
	e, err := fromEnvironment()
	if err != nil {
		return nil, nil, exit.With(exit.Usage, fmt.Errorf("set up traces: %w", err), "unset OTEL_EXPORTER_OTLP_ENDPOINT to go without")
	}
	if e == nil {
		return nil, func(context.Context) error { return nil }, nil
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("set up traces: %w", err)
	}
	// The sampler is that of the environment, by default all, or what the caller's
	// trace says.
	provider := sdk.NewTracerProvider(sdk.WithBatcher(e), sdk.WithResource(about))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider.Tracer("github.com/armalo/receiptlog"), provider.Shutdown, nil
}

// stopTimeout bounds how long the last spans hold up the end of a program.
const stopTimeout = 5 * time.Second

// Stop sends the last spans with the function that Start returned. That they are
// lost is no reason to fail.
func Stop(stop func(context.Context) error, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := stop(ctx); err != nil {
		logger.Warn("the last traces are not sent", "error", err)
	}
}

// defaultTimeout: SPEC OTLP exporter: 10 s.
const defaultTimeout = 10 * time.Second

// fromEnvironment returns an exporter, nil if there is to be none.
func fromEnvironment() (*exporter, error) {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && base != "" {
		// SPEC OTLP exporter: the path is relative to the common endpoint, and the
		// traces' own is taken as it is.
		endpoint = strings.TrimRight(base, "/") + "/v1/traces"
	}
	if endpoint == "" {
		return nil, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL")
	}
	if p := variable("PROTOCOL"); p != "" && p != "http/json" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %.40q, and only http/json is spoken here", p)
	}
	if x := os.Getenv("OTEL_TRACES_EXPORTER"); x != "" && x != "otlp" {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %.40q, and only otlp and none are known here", x)
	}
	e := &exporter{endpoint: endpoint, header: make(http.Header), client: &http.Client{Timeout: defaultTimeout}}
	if text := variable("TIMEOUT"); text != "" {
		ms, err := strconv.ParseUint(text, 10, 31)
		if err != nil || ms == 0 {
			return nil, errors.New("OTEL_EXPORTER_OTLP_TIMEOUT must be a number of milliseconds")
		}
		e.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	for pair := range strings.SplitSeq(variable("HEADERS"), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS must be name=value, with commas between") // it may hold a secret
		}
		e.header.Set(strings.TrimSpace(name), value)
	}
	return e, nil
}

// variable returns the exporter's variable for traces, or else that for all
// signals.
func variable(name string) string {
	if v := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + name); v != "" {
		return v
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_" + name)
}
