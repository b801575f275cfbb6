package template_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/adapters/template"
	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/profiles"
)

// inputs are those of all cases of testdata.
func inputs(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/cases/*/input.*")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, data)
	}
	return list
}

// least is what any frame may cost in bytes before its length counts.
const least = 256 << 10

// attempt holds a template to the contract of adapters for any bytes: it reads or
// refuses them, the same way twice, and allocates no more than 64 times the frame.
func attempt(t testing.TB, tpl *template.Template, data []byte) adapters.Result {
	t.Helper()
	a := tpl.Adapter()
	frame := adapters.Frame{Bytes: data}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	result, err := a.New(nil).Decode(frame)
	spent := time.Since(began)
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; err == nil && made > uint64(64*len(data)+least) {
		t.Fatalf("%s: %d bytes are made of a frame of %d", tpl.Name, made, len(data))
	}
	if spent > 2*time.Second {
		t.Fatalf("%s: %v for %d bytes", tpl.Name, spent, len(data))
	}
	var refused *adapters.Error
	if err != nil && (!errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(data) || result.Reports != nil) {
		t.Fatalf("%#v", err)
	}
	if again, _ := a.New(nil).Decode(frame); !reflect.DeepEqual(again, result) {
		t.Fatal("decoding twice gives two answers")
	}
	return result
}

// Every prefix and every changed bit of every case is read or refused.
func TestTemplates_PrefixesAndBitFlips(t *testing.T) {
	templates := loaded(t)
	for _, data := range inputs(t) {
		for _, tpl := range templates {
			for n := range data {
				_, _ = tpl.Adapter().New(nil).Decode(adapters.Frame{Bytes: data[:n]})
				flipped := append([]byte(nil), data...)
				flipped[n] ^= 1 << (n % 8)
				_, _ = tpl.Adapter().New(nil).Decode(adapters.Frame{Bytes: flipped})
			}
			attempt(t, tpl, data)
		}
	}
}

// Large inputs, honest and hostile, stay within the bounds of memory and time.
func TestTemplates_LargeInputs(t *testing.T) {
	row := "20.11.2026 08:30:00;00A1C9000001;spot;97,5;61;\n"
	csv := "x\nDate;Device;Kind;SpO2;Pulse;Remark\n"
	reading := `{"n":1,"kind":"T","at":"2026-11-20T08:30:00+01:00","value":37.6,"unit":"C"},`
	for name, data := range map[string]string{
		"rows":     csv + strings.Repeat(row, 8000),
		"short":    csv + strings.Repeat("1.1.2026 1:30:00;00A1C9000001;;9\n", 8000),
		"readings": `{"serial":"1","memory":[` + strings.TrimSuffix(strings.Repeat(reading, 4000), ",") + "]}",
		"tiny":     `{"serial":"1","memory":[` + strings.Repeat(`{"kind":"T"},`, 20000) + "1]}",
		"ones":     "[" + strings.Repeat("1,", 200000) + "1]",
		"deep":     strings.Repeat("[", 60) + strings.Repeat("]", 60),
		"elements": "<a>" + strings.Repeat("<b/>", 100000) + "</a>",
		"cells":    csv + strings.Repeat(strings.Repeat(";", 5)+"\n", 50000),
		"hub":      "[" + strings.Repeat(`{"telemetry":{"HR":1},"deviceId":"d","enqueuedTime":"2026-11-20T08:30:00Z"},`, 3000) + "1]",
		"devices":  "[" + strings.Repeat(`{"alarm":1,"id":"d","t":"2026-11-20"},`, 10000) + "1]",
	} {
		read := 0
		for _, tpl := range loaded(t) {
			for _, r := range attempt(t, tpl, []byte(data)).Reports {
				read += len(r.Measurements)
			}
		}
		if honest := map[string]int{"rows": 16000, "readings": 4000, "hub": 3000}; read < honest[name] {
			t.Errorf("%s: %d readings of %d", name, read, honest[name])
		}
	}
}

// What templates make is valid R4, names its template, and survives quarantine.
func TestTemplates_OutputIsValid(t *testing.T) {
	validator := validate.New(profiles.R4(), nil)
	c := mapping.Context{
		Patient: fhir.Key{Type: "Patient", ID: "p"}, Device: fhir.Key{Type: "Device", ID: "d"},
		Received: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), ReceivedKnown: true, FrameHash: "00",
	}
	checked := 0
	valid := func(r *fhir.Resource) {
		checked++
		if issues := validator.Resource(t.Context(), r, nil, validate.Options{ErrorsOnly: true}); !validate.Valid(issues) {
			t.Errorf("%v\n%s", issues, r.JSON())
		}
	}
	for _, tpl := range loaded(t) {
		for _, data := range inputs(t) {
			for _, report := range attempt(t, tpl, data).Reports {
				if report.Template == nil || report.Template.Name != tpl.Name || report.Template.Version != tpl.Version || len(report.Template.Digest) != 12 {
					t.Errorf("%s: %+v", tpl.Name, report.Template)
				}
				kept, err := json.Marshal(report)
				if err != nil {
					t.Fatal(err)
				}
				var back acom.Report
				if err := json.Unmarshal(kept, &back); err != nil || !reflect.DeepEqual(back, report) {
					t.Errorf("a report does not survive quarantine: %v\n%s", err, kept)
				}
				device, err := mapping.ServiceDevice(report.Device, "")
				if err != nil {
					t.Fatal(err)
				}
				valid(device)
				observations, err := mapping.Observations(report, c)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range observations {
					valid(o.Resource)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d resources", checked)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range inputs(f) {
		f.Add(data)
	}
	templates := loaded(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, tpl := range templates {
			attempt(t, tpl, data)
		}
	})
}

// FuzzTemplate reads hostile templates and runs what loads on a hostile input.
func FuzzTemplate(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, input := range inputs(f) {
			f.Add(data, input)
		}
	}
	f.Fuzz(func(t *testing.T, rules, data []byte) {
		_ = template.Mapping(rules, nil)
		if _, err := template.Content(rules); err != nil {
			var invalid *template.Invalid
			if !errors.As(err, &invalid) || len(invalid.Issues) == 0 {
				t.Fatalf("%#v", err)
			}
		}
		if tpl, err := template.Own(rules); err == nil {
			attempt(t, tpl, data)
			_ = tpl.Try(data)
		}
	})
}
