package audit

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
)

// BenchmarkCost times a write of 100 Observations in one unit without and with its
// events, and what a read costs more.
func BenchmarkCost(b *testing.B) {
	known := search.NewRegistry(profiles.R4(), "http://here/fhir")
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "test.db"), sqlite.Options{Search: known})
	if err != nil {
		b.Fatal(err)
	}
	life, stop := context.WithCancel(b.Context())
	l, err := Open(b.Context(), life, s, Options{Base: "http://here/fhir", Dir: b.TempDir(), Bound: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		stop()
		_ = l.Wait(context.Background())
		_ = s.Close()
	}()
	n := 0
	for name, to := range map[string]store.Store{"write plain": s, "write audited": Around(s, l, "http://here/fhir")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var unit store.Unit
				for range 100 {
					n++
					r, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2026-01-01T00:00:00Z","valueQuantity":{"value":70,"unit":"/min"}}`, n, n%50))
					if err != nil {
						b.Fatal(err)
					}
					unit.Writes = append(unit.Writes, store.Write{Op: store.Create, Key: r.Key(), Body: r.JSON(), Resource: r})
				}
				if o := to.Apply(b.Context(), unit)[0]; o.Err != nil {
					b.Fatal(o.Err)
				}
			}
		})
	}
	b.Run("read plain", func(b *testing.B) {
		for b.Loop() {
			_ = s.Glance(b.Context(), func(r store.Reader) error {
				_, err := r.Read(fhir.Key{Type: "Observation", ID: "o1"})
				return err
			})
		}
	})
	b.Run("tell", func(b *testing.B) {
		for b.Loop() {
			if err := l.Tell(b.Context(), Done{Kind: Read, What: "Observation/o1/_history/1", Patients: []string{"p1"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
