package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what /metrics shows, in the Prometheus text format. A nil Metrics
// counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	running  prometheus.Gauge
	commits  prometheus.Histogram
	commit   prometheus.Histogram
	unknown  prometheus.Counter
	devices  *prometheus.CounterVec
	glass    *prometheus.CounterVec
}

// NewMetrics makes the metrics of one server; version is the program's.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vitalwire_requests_total", Help: "Requests answered, by interaction and status."}, []string{"interaction", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vitalwire_request_seconds", Help: "Time to answer a request, by interaction.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"interaction"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vitalwire_requests_running", Help: "Requests being served."}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vitalwire_commit_writes", Help: "Writes (resources and records) in one commit of the store.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 14)}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vitalwire_commit_seconds", Help: "Time of one commit of the store.", Buckets: prometheus.ExponentialBuckets(.0005, 2, 16)}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vitalwire_unknown_codes_total", Help: "Codes in what was written or sent by devices that validation did not find where they have to be."}),
		devices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vitalwire_ingest_unknown_codes_total", Help: "Codes of readings of devices that nobody knows but their sender, by adapter; GET /ingest/unknown-codes lists them."}, []string{"adapter"}),
		glass: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vitalwire_break_glass_total", Help: "Glasses that were broken, by the role of who did so and what he was there for; /auth/glass lists them."}, []string{"role", "purpose"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "vitalwire_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.latency, m.running, m.commits, m.commit, m.unknown, m.devices, m.glass, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Begin counts a request in; what it gives counts it out.
func (m *Metrics) Begin() func(call *Call, status int, took time.Duration) {
	if m == nil {
		return func(*Call, int, time.Duration) {}
	}
	m.running.Inc()
	return func(call *Call, status int, took time.Duration) {
		m.running.Dec()
		name := call.Interaction
		if name == "" {
			name = "other"
		}
		m.requests.WithLabelValues(name, strconv.Itoa(status)).Inc()
		m.latency.WithLabelValues(name).Observe(took.Seconds())
	}
}

// Committed is told of every commit of the store: its writes and its time.
func (m *Metrics) Committed(writes int, took time.Duration) {
	m.commits.Observe(float64(writes))
	m.commit.Observe(took.Seconds())
}

// UnknownCodes is told how many codes of a resource validation did not find.
func (m *Metrics) UnknownCodes(n int) { m.unknown.Add(float64(n)) }

// UnknownOfDevice is told of each code of a reading that is not known.
func (m *Metrics) UnknownOfDevice(adapter string) { m.devices.WithLabelValues(adapter).Inc() }

// GlassBroken counts a glass that was broken, by the role of a user and his other purposes.
func (m *Metrics) GlassBroken(role, purpose string) {
	if m != nil {
		m.glass.WithLabelValues(role, purpose).Inc()
	}
}

// Gauge shows a number that is asked for at each scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vitalwire_" + name, Help: help}, value))
}

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}
