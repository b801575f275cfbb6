package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver is who gets the spans, by OTLP over HTTP in its binary form.
type Receiver struct {
	// Endpoint is its base URL; spans are posted to /v1/traces below it.
	Endpoint string
	// Header is sent along, "name=value,name=value" with percent escapes, as
	// OTEL_EXPORTER_OTLP_HEADERS has it.
	Header string
}

// client posts spans. OpenTelemetry's own client brings gRPC into the program, 6 MB
// of it, though OTLP over HTTP is one POST.
type client struct {
	url     string
	header  http.Header
	http    *http.Client
	log     *slog.Logger
	failing atomic.Bool // so the log says it once
}

// Check says what is wrong with a Receiver's settings; it sends nothing.
func (to Receiver) Check() error {
	_, err := newClient(to, nil)
	return err
}

func newClient(to Receiver, log *slog.Logger) (*client, error) {
	base, err := url.Parse(to.Endpoint)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.User != nil {
		return nil, errors.New("the OTLP endpoint must be a URL such as http://localhost:4318")
	}
	c := &client{url: base.JoinPath("v1", "traces").String(), header: http.Header{}, http: &http.Client{Timeout: 10 * time.Second}, log: log}
	for pair := range strings.SplitSeq(to.Header, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, errors.New("the OTLP headers must be name=value pairs, separated by commas")
		}
		c.header.Add(name, value)
	}
	c.header.Set("Content-Type", "application/x-protobuf")
	return c, nil
}

// Start and Stop have nothing to do.
func (c *client) Start(context.Context) error { return nil }

// Stop ends nothing: a request is over when UploadTraces is.
func (c *client) Stop(context.Context) error { return nil }

// UploadTraces posts spans (OTLP §OTLP/HTTP Request). What cannot be delivered is
// dropped, and the log says so once until the receiver is well again.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData is ExportTraceServiceRequest on the wire: field 1 of both is the spans.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	if err = c.post(ctx, body); err == nil {
		c.failing.Store(false)
		return nil
	}
	if !c.failing.Swap(true) {
		c.log.Warn("spans are not delivered", "error", err)
	}
	return nil
}

// post sends once, and again when the receiver asks for that (OTLP §Failures).
func (c *client) post(ctx context.Context, body []byte) error {
	for pause := time.Second; ; pause *= 2 {
		wait, err := c.postOnce(ctx, body)
		if err == nil || wait < 0 || pause > 8*time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(max(wait, pause), 30*time.Second)):
		}
	}
}

// postOnce gives how long to wait before it may be sent again; -1 is never.
func (c *client) postOnce(ctx context.Context, body []byte) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	request.Header = c.header.Clone()
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	switch response.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		wait = time.Duration(min(max(seconds, 0), 30)) * time.Second
	default:
		wait = -1
	}
	return wait, fmt.Errorf("%s answers %s", c.url, response.Status)
}
