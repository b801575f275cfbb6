package all_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/all"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/internal/golden"
	"vitalwire/profiles"
)

// supporting are the folders below adapters that are no adapter.
var supporting = []string{"acom", "all", "cursor", "hl7v2", "mapping", "records", "template"}

// Every folder is listed under its own name: no adapter is written and forgotten.
func TestAdapters_AreAllListed(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var found, listed []string
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(supporting, entry.Name()) {
			found = append(found, entry.Name())
		}
	}
	for _, a := range all.Adapters() {
		listed = append(listed, a.Name)
		if a.Standard == "" || a.New == nil {
			t.Errorf("%s names no standard or makes no decoder", a.Name)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(found, listed) {
		t.Errorf("folders %v, listed %v", found, listed)
	}
}

func each(t *testing.T, do func(t *testing.T, a adapters.Adapter, c golden.Case)) {
	for _, a := range all.Adapters() {
		for _, c := range golden.Cases(t, filepath.Join("..", a.Name)) {
			t.Run(a.Name+"/"+c.Name(), func(t *testing.T) { do(t, a, c) })
		}
	}
}

// The golden cases: want.json has what was meant, want.error how it was refused.
func TestAdapters_Golden(t *testing.T) {
	refusals := map[string]int{}
	each(t, func(t *testing.T, a adapters.Adapter, c golden.Case) {
		results, err := c.Play(a)
		if again, _ := c.Play(a); !reflect.DeepEqual(again, results) {
			t.Error("decoding twice gives two answers")
		}
		name, found := "want.json", shown(t, results)
		if err != nil {
			refusals[a.Name]++
			var refused *adapters.Error
			if !errors.As(err, &refused) {
				t.Fatalf("%T is no *adapters.Error", err)
			}
			kind := "malformed"
			if refused.Unprocessable {
				kind = "unprocessable"
			}
			name, found = "want.error", []byte(kind+", "+err.Error()+"\n")
		}
		path := filepath.Join(c.Dir, name)
		if want, err := os.ReadFile(path); err == nil && bytes.Equal(want, found) {
			return
		}
		t.Errorf("%s differs; VITALWIRE_UPDATE=1 rewrites it. Found:\n%s", path, found)
		if os.Getenv("VITALWIRE_UPDATE") == "1" {
			for _, old := range []string{"want.json", "want.error"} {
				_ = os.Remove(filepath.Join(c.Dir, old))
			}
			if err := os.WriteFile(path, found, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, a := range all.Adapters() {
		if cases := golden.Cases(t, filepath.Join("..", a.Name)); len(cases) < 3 || refusals[a.Name] < 1 {
			t.Errorf("%s has %d golden cases and %d refusals; 3 and 1 are the least", a.Name, len(cases), refusals[a.Name])
		}
	}
}

func shown(t *testing.T, results []adapters.Result) []byte {
	t.Helper()
	outcomes := []golden.Outcome{}
	for _, r := range results {
		outcomes = append(outcomes, golden.Show(r))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(outcomes); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every prefix and every flipped bit of the last frame is read or refused, at
// once and without a panic; a refusal lies inside the frame.
func TestAdapters_PrefixesAndBitFlips(t *testing.T) {
	each(t, func(t *testing.T, a adapters.Adapter, c golden.Case) {
		last := len(c.Frames) - 1
		original := c.Frames[last].Bytes
		before := golden.Memory{}
		earlier := c
		earlier.Frames = c.Frames[:last]
		results, err := earlier.Play(a)
		if err != nil {
			return
		}
		for _, r := range results {
			before.Commit(r.Remember)
		}
		try := func(mutant []byte) {
			frame := c.Frames[last]
			frame.Bytes = mutant
			began := time.Now()
			_, err := a.New(before).Decode(frame)
			if spent := time.Since(began); spent > 2*time.Second {
				t.Fatalf("%v for %d bytes", spent, len(mutant))
			}
			var refused *adapters.Error
			if err != nil && (!errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(mutant)) {
				t.Fatalf("odd refusal %#v of %X", err, mutant)
			}
		}
		for n := range original {
			try(original[:n])
		}
		for i := range len(original) * 8 {
			flipped := bytes.Clone(original)
			flipped[i/8] ^= 0x80 >> (i % 8)
			try(flipped)
		}
	})
}

// What the facts become is valid R4, and survives the JSON of quarantine.
func TestAdapters_OutputIsValid(t *testing.T) {
	validator := validate.New(profiles.R4(), nil)
	context := mapping.Context{
		Patient: fhir.Key{Type: "Patient", ID: "p"}, Device: fhir.Key{Type: "Device", ID: "d"},
		Gateway: fhir.Key{Type: "Device", ID: "g"}, DeviceID: "00A1C90000000001",
		Received: time.Date(2026, 11, 20, 8, 0, 0, 0, time.FixedZone("", 3600)), ReceivedKnown: true, FrameHash: "00",
	}
	valid := func(t *testing.T, r *fhir.Resource) {
		t.Helper()
		if issues := validator.Resource(t.Context(), r, nil, validate.Options{ErrorsOnly: true}); !validate.Valid(issues) {
			t.Errorf("%v\n%s", issues, r.JSON())
		}
	}
	each(t, func(t *testing.T, a adapters.Adapter, c golden.Case) {
		results, _ := c.Play(a)
		for _, result := range results {
			for _, report := range result.Reports {
				kept, err := json.Marshal(report)
				if err != nil {
					t.Fatal(err)
				}
				var back acom.Report
				if err := json.Unmarshal(kept, &back); err != nil || !reflect.DeepEqual(back, report) {
					t.Errorf("a report does not survive quarantine: %v", err)
				}
				context := context
				build := func(d acom.Device) (*fhir.Resource, error) { return mapping.SensorDevice(d, context.DeviceID) }
				switch {
				case report.Bedside != nil:
					build = mapping.BedsideDevice
				case report.Service != "":
					build = func(d acom.Device) (*fhir.Resource, error) { return mapping.ServiceDevice(d, context.DeviceID) }
				}
				device, err := build(report.Device)
				if err != nil {
					t.Fatal(err)
				}
				valid(t, device)
				context.Metrics = map[string]fhir.Key{}
				for _, part := range mapping.Parts(report, context.DeviceID) {
					if part.Type == "DeviceMetric" {
						context.Metrics[part.Name] = fhir.Key{Type: "DeviceMetric", ID: "m"}
					}
					r, err := part.Resource(context.Device, context.Device)
					if err != nil {
						t.Fatal(err)
					}
					valid(t, r)
				}
				observations, err := mapping.Observations(report, context)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range observations {
					valid(t, o.Resource)
				}
			}
		}
	})
}
