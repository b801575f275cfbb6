package server

import (
	"context"
	"errors"
	"math"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/telemetry"
)

// watched is what a store can tell of itself.
type watched interface {
	OnCommit(fn func(writes int, took time.Duration))
	Queued() int
	Size(ctx context.Context) (bytes int64, err error)
}

// measure makes the metrics, with those of the store.
func (s *Server) measure() *telemetry.Metrics {
	m := telemetry.NewMetrics(Version)
	w, ok := s.store.(watched)
	if !ok {
		return m
	}
	w.OnCommit(m.Committed)
	m.Gauge("store_waiting", "Writes that wait for a commit of the store.", func() float64 { return float64(w.Queued()) })
	m.Gauge("store_bytes", "Size of the store's database.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		size, err := w.Size(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(size)
	})
	return m
}

// counting counts the codes that a check of a resource did not find.
func counting(check func(context.Context, *fhir.Resource) ([]fhir.Issue, error), m *telemetry.Metrics) func(context.Context, *fhir.Resource) ([]fhir.Issue, error) {
	return func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error) {
		issues, err := check(ctx, r)
		all := issues
		if known := (*fhir.Error)(nil); errors.As(err, &known) {
			all = known.Issues
		}
		n := 0
		for _, issue := range all {
			if issue.Code == fhir.CodeCodeInvalid {
				n++
			}
		}
		if n > 0 {
			m.UnknownCodes(n)
		}
		return issues, err
	}
}
