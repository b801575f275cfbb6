package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes a span of every request and sends them to an OTLP receiver in the
// background. A span tells what was done, of which resource type, how many and how
// long, never an id, a value of a search or a text of an error: they may be of a
// patient. A nil Tracer makes no spans.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// NewTracer sends to a receiver. What is sampled, the name of the service and more
// about it are taken from the environment variables of OpenTelemetry's SDK
// (OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_...).
func NewTracer(ctx context.Context, to Receiver, version string, log *slog.Logger) (*Tracer, error) {
	client, err := newClient(to, log)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, err
	}
	of, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "vitalwire"), attribute.String("service.version", version)),
		resource.WithFromEnv()) // the last one wins
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(of))
	return &Tracer{provider, provider.Tracer("vitalwire"), log}, nil
}

// Close sends what waits and ends the Tracer. A receiver that does not answer keeps
// nobody waiting for long.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last spans were not delivered", "error", err)
	}
}

// traceContext is W3C Trace Context, the header fields traceparent and tracestate. Baggage is not
// taken over: nothing here reads it, and it may say anything.
var traceContext = propagation.TraceContext{}

// Begin begins the span of a request, below the one that its header names (W3C
// Trace Context); what it gives ends it. Without a Tracer the trace of the header is
// taken over all the same, for the log.
func (t *Tracer) Begin(ctx context.Context, header http.Header) (_ context.Context, end func(call *Call, method string, status int)) {
	ctx = traceContext.Extract(ctx, propagation.HeaderCarrier(header))
	if t == nil {
		return ctx, func(*Call, string, int) {}
	}
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(call *Call, method string, status int) {
		if span.IsRecording() {
			describe(span, call, method, status)
		}
		span.End()
	}
}

// describe names a request's span, and its attributes as OpenTelemetry's semantic
// conventions of HTTP do.
func describe(span trace.Span, call *Call, method string, status int) {
	if !slices.Contains(knownMethods, method) {
		method = "_OTHER"
	}
	name := method
	if call.Interaction != "" {
		name = call.Interaction
		span.SetAttributes(attribute.String("fhir.interaction", call.Interaction))
	}
	if call.Type != "" {
		name += " " + call.Type
		span.SetAttributes(attribute.String("fhir.type", call.Type))
	}
	span.SetName(name)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.Int("http.response.status_code", status),
		attribute.String("vitalwire.request", call.ID))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

var knownMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Pass writes the span of a context into a header, so that what is done later
// belongs to it.
func Pass(ctx context.Context, header http.Header) {
	traceContext.Inject(ctx, propagation.HeaderCarrier(header))
}

// Span is a part of the work of a request. A nil Span is of a request that is not traced.
type Span struct{ of trace.Span }

// Step begins a part of a request's work: nothing, when that is not traced.
func Step(ctx context.Context, name string) (context.Context, *Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	ctx, span := parent.TracerProvider().Tracer("vitalwire").Start(ctx, name)
	return ctx, &Span{span}
}

// Type says which resource type it is about.
func (s *Span) Type(name string) {
	if s != nil {
		s.of.SetAttributes(attribute.String("fhir.type", name))
	}
}

// Count says how many there were of something.
func (s *Span) Count(what string, n int) {
	if s != nil {
		s.of.SetAttributes(attribute.Int("vitalwire."+what, n))
	}
}

// End ends it; of an error only that there was one is told.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.of.SetStatus(codes.Error, "")
	}
	s.of.End()
}
