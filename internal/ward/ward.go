// Package ward gives tests of the wires a place to send to: an ingest service on an
// embedded store of its own, with patients.
package ward

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/ingest"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
)

// Cuff and Scale are devices that nobody wears until Wear.
const (
	Cuff  = "00A1C90000000201"
	Scale = "00A1C90000000202"
)

// Open gives a service with Patient/a and Patient/b.
func Open(t testing.TB) *ingest.Service {
	t.Helper()
	parameters := search.NewRegistry(profiles.R4(), "http://127.0.0.1/fhir")
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "v.db"), sqlite.Options{Search: parameters})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, id := range []string{"a", "b"} {
		patient, err := fhir.ParseResource([]byte(`{"resourceType":"Patient","identifier":[{"system":"urn:hosp","value":"MR-` + id + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if o := db.Apply(t.Context(), store.Unit{Writes: []store.Write{interaction.NewWrite(store.Put, fhir.Key{Type: "Patient", ID: id}, patient)}})[0]; o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	return &ingest.Service{Store: db, Adapters: all.Adapters(), Zone: time.UTC, Now: time.Now, Log: slog.New(slog.DiscardHandler), Intake: &ingest.Intake{}}
}

// Wear puts a device on a patient since the beginning of 2020.
func Wear(t testing.TB, s *ingest.Service, device, patient string) {
	t.Helper()
	if _, _, _, err := s.Associate(t.Context(), ingest.Association{Device: device, Patient: "Patient/" + patient, Start: "2020-01-01T00:00:00Z"}); err != nil {
		t.Fatal(err)
	}
}

// Pulse is the heart rate characteristic (2A37) that says n, taken at second at of
// 2026-11-20, from the Cuff.
func Pulse(n byte, at int) ingest.Submission {
	return ingest.Submission{Adapter: "blegatt", Bytes: []byte{0, n}, Device: Cuff, Characteristic: "2A37",
		Received: time.Date(2026, 11, 20, 0, 0, at, 0, time.UTC).Format(time.RFC3339)}
}

// Values are the numbers of the current Observations of a code (MDC or LOINC), and how
// often each is there.
func Values(t testing.TB, s *ingest.Service, code string) map[string]int {
	t.Helper()
	values := map[string]int{}
	err := s.Store.View(t.Context(), func(r store.Reader) error {
		list, err := r.Versions(store.Selection{Type: "Observation"}, 100000)
		if err != nil {
			return err
		}
		for _, v := range list {
			var o struct {
				Code          struct{ Coding []struct{ Code string } }
				ValueQuantity struct{ Value json.Number }
			}
			if v.Deleted || v.VersionID != 1 {
				continue
			}
			if err := json.Unmarshal(v.AppendJSON(nil), &o); err != nil {
				return err
			}
			for _, c := range o.Code.Coding {
				if c.Code == code {
					values[o.ValueQuantity.Value.String()]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}
