// Package telemetry is what the operator sees of the running server: which
// request a log line belongs to, metrics and traces. None of it holds patient
// data: no ids, no queries, no bodies.
package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// Call is what is known of one request while it is served.
type Call struct {
	// ID is that of X-Request-Id.
	ID string
	// Interaction is a code of R4 restful-interaction, "$" and the code of an
	// operation, or the name of a route outside FHIR; Type the resource type.
	Interaction, Type string
	// Address is the IP address of who asks; "" when it is not known.
	Address string
	// Told: the audit log was told what became of it.
	Told atomic.Bool
}

type callKey struct{}

// WithCall is a context that carries a call.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf is the call of a context; outside of requests it is one of nobody.
func CallOf(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{}
}

// LogHandler adds the request, and the trace that it belongs to, to each log line
// that is written with its context.
func LogHandler(to slog.Handler) slog.Handler { return logHandler{to} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := CallOf(ctx).ID; id != "" {
		record.AddAttrs(slog.String("request", id))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
