package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/store/storetest"
)

// BenchmarkSearch times the main searches over many Observations:
// VITALWIRE_ROWS of them (default 20,000), 1,000 patients, 200 devices, 10 codes.
// docs/adr/0003 has the figures for a million.
func BenchmarkSearch(b *testing.B) {
	rows := 20_000
	if text := os.Getenv("VITALWIRE_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	ctx := context.Background()
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			var s store.Store
			var err error
			if name == "sqlite" {
				s, err = sqlite.Open(ctx, b.TempDir()+"/store.db", sqlite.Options{Search: storetest.Parameters()})
			} else {
				s, err = postgres.Open(ctx, pgtest.Start(b), postgres.Options{Search: storetest.Parameters()})
			}
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			start := time.Now()
			middle := fill(b, s, rows)
			b.Logf("%d rows in %v", rows, time.Since(start).Round(time.Millisecond))
			for _, query := range []string{
				"patient=p7&code=http://loinc.org|8872-4&_sort=-date", "patient=p7&_sort=-date", "patient=p7", "device=d7&_sort=-date",
				"device=d7", "identifier=urn:r|r" + strconv.Itoa(rows/2), "code=8867-4", "code=8867-4&_sort=-date", "code=8867-4&_sort=date",
				"_sort=-date", "_sort=-_lastUpdated", "_lastUpdated=ge" + middle, "_lastUpdated=lt" + middle, "date=ge2024-01-01&code=8867-4&_sort=-date",
				"patient=p7&date=ge2023-12-01&date=lt2024-02-01", "code=8867-4,8868-4&status=final&_sort=-date", "patient=p7&status=amended", "code=8867-4&status=amended",
				"patient=p7&_total=accurate&_count=20", "code=8867-4&_total=accurate",
			} {
				b.Run(query, func(b *testing.B) { benchmarkQuery(ctx, b, s, query, search.Everything) })
			}
			// What one patient sees, all of it or some categories.
			for view, sight := range map[string]search.Sight{"seen by p7 ": ownOnly("p7"), "seen by p7 in part ": ownOnly("p7", "vital-signs", "laboratory")} {
				for _, query := range []string{
					"", "code=8867-4", "code=8867-4&_sort=-date", "_sort=-date", "_sort=_lastUpdated", "status=final&_total=accurate", "date=ge2023-12-01", "patient=p7&code=8867-4&_sort=-date",
					"patient=p8", "device=d7", "code=8867-4,8868-4&_sort=date&_total=accurate", "_total=accurate&_count=0",
				} {
					b.Run(view+query, func(b *testing.B) { benchmarkQuery(ctx, b, s, query, sight) })
				}
			}
			b.Run("read", func(b *testing.B) {
				for n := 0; b.Loop(); n++ {
					if err := s.View(ctx, func(r store.Reader) error {
						_, err := r.Read(fhir.Key{Type: "Observation", ID: "o" + strconv.Itoa(n*7919%rows)})
						return err
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("history", func(b *testing.B) {
				for n := 0; b.Loop(); n++ {
					if err := s.View(ctx, func(r store.Reader) error {
						_, err := r.Versions(store.Selection{Type: "Observation", ID: "o" + strconv.Itoa(n*7919%rows)}, 20)
						return err
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func benchmarkQuery(ctx context.Context, b *testing.B, s store.Store, query string, sight search.Sight) {
	p, err := storetest.Parameters().Parse("Observation", query, search.Options{Zone: time.UTC, DefaultCount: 20, MaxCount: 1000})
	if err != nil {
		b.Fatal(err)
	}
	p.Query.Sight = sight
	for b.Loop() {
		if err := s.View(ctx, func(r store.Reader) error {
			_, err := r.Search(p.Query)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// ownOnly is what a patient sees of his Observations, only of some categories if there
// are any.
func ownOnly(patient string, categories ...string) search.Sight {
	own, _ := storetest.Parameters().Compartment("Patient").Clause("Observation", patient)
	view := search.View{Any: []search.Clause{own}}
	for i := range categories {
		category := search.Clause{Param: storetest.Parameters().Lookup("Observation", "category"), Operands: []search.Operand{{Code: &categories[i]}}}
		both := search.Clause{Group: &search.Group{Op: search.All, Clauses: []search.Clause{own, category}}}
		if view.Any = append(view.Any, both); i == 0 {
			view.Any = []search.Clause{both}
		}
	}
	return func(string) search.View { return view }
}

// fill writes the rows and gives the moment of the middle one.
func fill(b *testing.B, s store.Store, rows int) (middle string) {
	const each = 1000
	for from := 0; from < rows; from += each {
		writes := make([]store.Write, each)
		for i := range writes {
			n := from + i
			r, err := fhir.ParseResource([]byte(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","identifier":[{"system":"urn:r","value":"r%d"}],"status":"final",`+
				`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],`+
				`"code":{"coding":[{"system":"http://loinc.org","code":"%d-4"}]},"subject":{"reference":"Patient/p%d"},"device":{"reference":"Device/d%d"},`+
				`"effectiveDateTime":"%s","valueQuantity":{"value":%d.5,"unit":"/min"}}`,
				n, n, 8867+n/7%10, n*7919%1000, n%200, time.Unix(1_700_000_000+int64(n)*11, 0).UTC().Format(time.RFC3339), n%100)))
			if err != nil {
				b.Fatal(err)
			}
			writes[i] = store.Write{Op: store.Create, Key: r.Key(), Body: r.JSON(), Resource: r}
		}
		out := s.Apply(context.Background(), store.Unit{Writes: writes})[0]
		if out.Err != nil {
			b.Fatal(out.Err)
		}
		if from <= rows/2 {
			middle = out.Versions[0].LastUpdated().Format("2006-01-02T15:04:05.000Z")
		}
	}
	return middle
}
