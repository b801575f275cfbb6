package ingest_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/fhir"
	"vitalwire/internal/golden"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/store"
)

// TestSubmit_EveryGoldenCase sends what the adapters are held to through ingest, to a patient
// who wears each of the devices: all of it is charted, waits, or is refused with a reason, and
// nothing that an adapter can read fails later.
func TestSubmit_EveryGoldenCase(t *testing.T) {
	s := ward.Open(t)
	worn := map[string]bool{}
	for _, a := range all.Adapters() {
		gateway := "" // what the gateway calls the device where its language does not
		if !strings.HasPrefix(a.Name, "hl7") && a.Name != "biceps" && a.Name != "phd20601" {
			gateway = "00A1C90000000999"
		}
		for _, c := range golden.Cases(t, "../../adapters/"+a.Name) {
			_, err := os.Stat(filepath.Join(c.Dir, "want.error"))
			// What is one connection or one transfer there comes in frames of their own here.
			mayBeRefused := err == nil || c.Fresh || len(c.Frames) > 1
			for i, f := range c.Frames {
				sub := ingest.Submission{Adapter: a.Name, Bytes: f.Bytes, Device: cmp.Or(f.Device, gateway), Gateway: f.Gateway, Characteristic: f.Characteristic, Profile: f.Profile}
				if !f.Received.IsZero() {
					sub.Received = f.Received.Format(time.RFC3339Nano)
				}
				var declined *ingest.DeclinedError
				var wrong *fhir.Error
				_, err := s.Submit(t.Context(), sub)
				if err != nil && (!mayBeRefused || !errors.As(err, &declined) && !errors.As(err, &wrong)) {
					t.Errorf("%s, %s, frame %d: %v", a.Name, c.Name(), i, err)
				}
			}
			waits, err := s.Quarantine(t.Context(), "", "", 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range waits {
				if worn[w.Device] {
					continue
				}
				worn[w.Device] = true
				if _, _, _, err := s.Associate(t.Context(), ingest.Association{Device: resource(t, s, w.Device), Patient: "Patient/a", Start: "1990-01-01T00:00:00Z"}); err != nil {
					t.Errorf("%s, %s: on a patient: %v", a.Name, c.Name(), err)
				}
			}
		}
	}
	charted := 0
	err := s.Store.View(t.Context(), func(r store.Reader) error {
		list, err := r.Versions(store.Selection{Type: "Observation"}, 100000)
		charted = len(list)
		return err
	})
	if err != nil || charted < 500 {
		t.Errorf("%d Observations of %d devices are charted: %v", charted, len(worn), err)
	}
}

// resource is Device/id of a device in the books.
func resource(t *testing.T, s *ingest.Service, device string) string {
	t.Helper()
	list, err := s.Devices(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range list {
		if known.Device == device {
			return known.Resource
		}
	}
	return device
}
