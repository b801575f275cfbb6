package proto_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"

	"vitalwire/fhir"
	"vitalwire/fhir/proto"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
)

// difference is a place where two JSON values are not the same.
type difference struct {
	at   string
	a, b any
}

// canonical is the JSON with members sorted and numbers as written.
func canonical(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func differ(at string, a, b any, out []difference) []difference {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}
		names := slices.Collect(maps.Keys(a))
		for name := range b {
			if _, both := a[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			out = differ(at+"."+name, a[name], b[name], out)
		}
		return out
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			out = differ(fmt.Sprintf("%s[%d]", at, i), a[i], b[i], out)
		}
		return out
	default:
		if a == b {
			return out
		}
	}
	return append(out, difference{at, a, b})
}

// explained says who is right where the library refuses an example.
var explained = map[string]string{
	"devicemetric-example": "the library is right: R4 DeviceMetric.parent refers to a Device, the example to a DeviceDefinition",
	"parameters-example":   "we are right: R4 has Parameters.parameter.resource; the bridge converts such resources on their own",
	"json-edge-cases":      "we are right: R4 json §2.6.2.3 has null in lists of primitives; the bridge rewrites them for the library",
}

// Our reading of every R4 example against the library's: what it says of the
// bytes themselves, what comes back from its messages, and whether our validator
// refuses what it refuses.
func TestExamples_AgainstOurReading(t *testing.T) {
	if testing.Short() {
		t.Skip("500 examples through a slow library")
	}
	c := codec(t)
	library, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		t.Fatal(err)
	}
	read, accepted, same := 0, 0, 0
	var rows [][]string
	files := examples(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		r, err := fhir.ParseResource(files[name])
		if err != nil {
			t.Errorf("%s: we refuse it: %v", name, err)
			continue
		}
		read++
		if _, err := library.Unmarshal(files[name]); err == nil {
			accepted++
		} else {
			rows = append(rows, []string{name, "refuses it: " + saying(err), explained[name]})
			if explained[name] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		data, err := c.Marshal(r)
		if err != nil {
			t.Errorf("%s: the bridge: %v", name, err)
			continue
		}
		back, err := c.Unmarshal(data)
		if err != nil {
			t.Errorf("%s: the bridge: %v", name, err)
			continue
		}
		found := differ("", canonical(t, back.JSON()), canonical(t, files[name]), nil)
		for _, d := range found {
			t.Errorf("%s%s: %.100q, was %.100q", name, d.at, fmt.Sprint(d.a), fmt.Sprint(d.b))
		}
		if len(found) == 0 {
			same++
		}
	}
	tried, no, missed := damaged(t, c, files)
	rows = append([][]string{
		{"damaged examples: elements deleted, renamed, of another JSON type, with other text", fmt.Sprintf("refuses %d of %d", no, tried),
			fmt.Sprintf("`fhir/validate` refuses %d of those %d", no-missed, no)},
		{"all R4 examples", fmt.Sprintf("accepts %d of %d", accepted, read), "we read all; `Check`, by the bridge, differs only in devicemetric-example"},
		{"all R4 examples, through the bridge to binary protobuf and back", fmt.Sprintf("%d of %d the same value, numbers and times as written", same, read), ""},
	}, append(rows, probes(t, c, library)...)...)
	conformance.Table(t, "proto", "google/fhir/go as a second opinion",
		"Every R4 example and some known traps, read by us and by `github.com/google/fhir/go` v0.7.4 with its validation on; each disagreement is a row.",
		[]string{"what", "the library", "who is right, and what the bridge does"}, rows)
}

// saying is what the library says, each line once.
func saying(err error) string {
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "; ")
}

// probes are the known ways in which the library changes or refuses legal FHIR.
func probes(t *testing.T, c *proto.Codec, library *jsonformat.Unmarshaller) (rows [][]string) {
	t.Helper()
	const refused, kept = "refuses it", "keeps it"
	for _, p := range []struct{ name, json, library, bridge string }{
		{"Parameters.parameter.resource", `{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Basic","code":{"text":"c"}}}]}`,
			refused, kept},
		{"null in a list of primitives", `{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"b"}]}]}`, refused, kept},
		{"instant 2020-01-01T00:00:00.12Z", `{"resourceType":"Patient","meta":{"lastUpdated":"2020-01-01T00:00:00.12Z"}}`, "", `.meta.lastUpdated "2020-01-01T00:00:00.120Z"`},
		{"instant 2020-01-01T00:00:00.123456789Z", `{"resourceType":"Patient","meta":{"lastUpdated":"2020-01-01T00:00:00.123456789Z"}}`, "", `.meta.lastUpdated "2020-01-01T00:00:00.123456Z"`},
		{"offset -00:00", `{"resourceType":"Patient","meta":{"lastUpdated":"2020-01-01T00:00:00-00:00"}}`, "", `.meta.lastUpdated "2020-01-01T00:00:00+00:00"`},
		{"Reference._reference", `{"resourceType":"Patient","managingOrganization":{"reference":"Organization/1","_reference":{"id":"a"}}}`, "", `.managingOrganization._reference "<nil>"`},
		{"decimal 1.500E-3", `{"resourceType":"Basic","code":{"text":"c"},"extension":[{"url":"http://x","valueDecimal":1.500E-3}]}`, "", kept},
	} {
		_, err := library.Unmarshal([]byte(p.json))
		says := "accepts it"
		if err != nil {
			says = refused
		}
		if (p.library == refused) != (err != nil) {
			t.Errorf("%s: %v", p.name, err)
		}
		r, err := fhir.ParseResource([]byte(p.json))
		if err != nil {
			t.Fatal(err)
		}
		bridge := kept
		if data, err := c.Marshal(r); err != nil {
			bridge = err.Error()
		} else if back, err := c.Unmarshal(data); err != nil {
			bridge = err.Error()
		} else if found := differ("", canonical(t, back.JSON()), canonical(t, []byte(p.json)), nil); len(found) > 0 {
			bridge = fmt.Sprintf("%s %q", found[0].at, fmt.Sprint(found[0].a))
		}
		if bridge != p.bridge {
			t.Errorf("%s: the bridge gives %s", p.name, bridge)
		}
		note := "the bridge keeps it"
		if bridge != kept {
			note = "comes back as " + bridge + ": a loss of the library's message, for analytics only"
		}
		rows = append(rows, []string{p.name, says, note})
	}
	return rows
}

// examples are the official JSON examples by stem.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "r4", "r4-examples.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && path.Dir(h.Name) == "json" {
			if files[strings.TrimSuffix(path.Base(h.Name), ".json")], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}
