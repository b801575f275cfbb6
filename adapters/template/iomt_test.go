package template

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
)

// files are the templates and inputs of microsoft/iomt-fhir by their path.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "device", "iomt-fhir-templates-and-inputs.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".json") {
			if all[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The files that their own project names invalid, and with what they are refused.
var meantInvalid = map[string]string{
	"CalculatedFunctionContentTemplateValidInvalidAndMissingMembers": "$.template.typeMatchExpression: this is required",
	"CodeValueFhirTemplateInvalid_MissingCodeField":                  "$.template.codes: a code is missing",
	"CodeValueFhirTemplateInvalid_MissingFields":                     "$.template.typeName: this is required",
	"CollectionContentTemplateEmpty":                                 "$.templateType: this is required",
	"CollectionContentTemplateInvalid":                               "$.template[0].template.timestampExpression: this is required",
	"CollectionContentTemplateMixedValidity":                         "$.template[2].template.typeMatchExpression: this is required",
	"CollectionContentTemplateMultipleMocks":                         "$.template[0].templateType: \"mockA\" is no device content template",
	"CollectionFhirTemplateEmpty":                                    "$.templateType: this is required",
	"CollectionFhirTemplateInvalid":                                  "$.template[2].template.typeName: this is required",
	"CollectionFhirTemplateMixedValidity":                            "$.template[1].template.typeName: this is required",
	"CollectionFhirTemplateMultipleMocks":                            "$.template[0].templateType: \"mockA\" is no FHIR mapping template",
	"InvalidCollectionContentTemplateWithNoTemplateArray":            "$.template: an array is meant here",
	"InvalidCollectionFhirTemplateWithNoTemplateArray":               "$.template: an array is meant here",
	"InvalidTemplateType":                                            "\"templateType\" is no",
	"IotCentralJsonPathContentTemplateInvalidMissingTypeMetadata":    "$.template.typeName: this is required",
	"IotCentralJsonPathContentTemplateInvalidMissingValueField":      "$.template.values[0].valueName: this is required",
	"IotJsonPathContentTemplateInvalidMissingTypeMetadata":           "$.template.typeName: this is required",
	"IotJsonPathContentTemplateInvalidMissingValueField":             "$.template.values[0].valueName: this is required",
	"JsonPathContentTemplateInvalidMissingExpression":                "$.template.deviceIdExpression: this is required",
	"CodeValueFhirTemplate_Valid":                                    "$.templateType: this is required", // it is {}
}

// kindOf tells what a file is: content, mapping or input.
func kindOf(data []byte) string {
	text := string(data)
	switch {
	case strings.Contains(text, "CollectionFhir") || strings.Contains(text, "CodeValueFhir"):
		return "mapping"
	case strings.Contains(text, "templateType"):
		return "content"
	}
	return "input"
}

// All files of iomt-fhir: valid templates load, the ones that are meant to be invalid
// are refused with the path of the fault, inputs are read by a template.
func TestIomt_AllFiles(t *testing.T) {
	all := files(t)
	if len(all) != 72 {
		t.Fatalf("%d files, 72 are meant", len(all))
	}
	var table [][]string
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		data := all[name]
		base := strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".json"), "data_")
		kind, result := kindOf(data), "loads"
		var err error
		switch {
		case base == "CodeValueFhirTemplate_Valid", kind == "content" && base != "InvalidTemplateType" && base != "CollectionFhirTemplateEmpty":
			_, err = Content(data)
			if base == "CodeValueFhirTemplate_Valid" {
				kind, err = "mapping", Mapping(data, nil)
			}
		case kind == "input":
			_, err = (&Template{Format: "json"}).document(data)
			result = "read"
		default:
			kind, err = "mapping", Mapping(data, nil)
		}
		want, invalid := meantInvalid[base]
		switch {
		case invalid && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", name, err, want)
		case !invalid && err != nil:
			t.Errorf("%s: %v", name, err)
		case invalid:
			result = "meant to be invalid; refused: " + strings.SplitN(err.Error(), "; ", 2)[0]
		}
		short := strings.TrimPrefix(name, "test/Microsoft.Health.Fhir.")
		table = append(table, []string{short, map[string]string{"content": "device content", "mapping": "FHIR mapping", "input": "input"}[kind], result})
	}
	conformance.Table(t, "iomt-fhir", "Templates of microsoft/iomt-fhir", "Every file of `../shared/data/device/iomt-fhir-templates-and-inputs.tgz`, read by `adapters/template`; paths of tests are shortened by their common beginning.",
		[]string{"file", "what it is", "result"}, table)
}

// The results that iomt-fhir states for its documented examples.
func TestIomt_StatedResults(t *testing.T) {
	for _, name := range []string{"bloodpressure", "heartrate", "multiplematches", "multiplemeasurements", "transformdata"} {
		var file struct {
			Payload  json.RawMessage
			Template json.RawMessage `json:"device_content_template"`
			Expected []struct {
				DeviceID, Type, Time string
				Values               map[string]string
			} `json:"expected_measurements"`
		}
		if err := json.Unmarshal(shared.Read(t, "vectors", "iomt-fhir", "calculated_"+name+".json"), &file); err != nil {
			t.Fatal(err)
		}
		content, err := Content(file.Template)
		if err != nil {
			t.Fatal(err)
		}
		r, err := content.run(file.Payload, trace{}, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.readings) != len(file.Expected) {
			t.Fatalf("%s: %d readings, %d are stated", name, len(r.readings), len(file.Expected))
		}
		for i, want := range file.Expected {
			found := r.readings[i]
			at := instant(found.time).UTC().Format("2006-01-02T15:04:05")
			if want.DeviceID != "" && found.device != want.DeviceID || want.Type != "" && found.rule.kind != want.Type || at != want.Time {
				t.Errorf("%s: %s %s %s, want %+v", name, found.device, found.rule.kind, at, want)
			}
			for value, text := range want.Values {
				if v, _ := found.named(value); v.text != text {
					t.Errorf("%s: %s is %q, want %q", name, value, v.text, text)
				}
			}
		}
	}
}

// tried runs a pair of the archive on an input and gives what is said of it.
func tried(t *testing.T, content, mapping, input []byte) Trial {
	t.Helper()
	template, err := Iomt(content, mapping)
	if err != nil {
		t.Fatal(err)
	}
	template.Name, template.Version, template.sender = "sample", "1", "sample"
	return template.Try(input)
}

func numbers(reports []acom.Report) (list []string) {
	for _, r := range reports {
		for _, m := range r.Measurements {
			for _, v := range append([]acom.Value{m.Value}, values(m)...) {
				switch {
				case v.Number != nil:
					list = append(list, v.Number.Text)
				case v.Samples != nil:
					list = append(list, v.Samples.Decimals...)
				}
			}
		}
	}
	return list
}

func values(m acom.Measurement) (list []acom.Value) {
	for _, c := range m.Components {
		list = append(list, c.Value)
	}
	return list
}

// IotCentralJsonPathContent knows where a message of IoT Central has its device and
// time, IotJsonPathContent where one of IoT Hub has them.
func TestIomt_SandboxPairs(t *testing.T) {
	all := files(t)
	const inputs = "test/Microsoft.Health.Fhir.Ingest.Template.UnitTests/TestInput/data_"
	trial := tried(t, all["sample/templates/sandbox/devicecontent.json"], all["sample/templates/sandbox/fhirmapping.json"], all[inputs+"IotCentralPayloadExampleMultipleMessages.json"])
	if trial.Refused != "" || len(trial.Reports) != 2 {
		t.Fatalf("%s, %d reports", trial.Refused, len(trial.Reports))
	}
	if found := fmt.Sprint(numbers(trial.Reports)); found != "[69 15 14 98.3519900406635 34 43 75 15 47 98.43639286275842 30 62 83 -19]" {
		t.Error(found)
	}
	if local := trial.Reports[0].Device.Local; local != "sample:1qsi9p8t5l2" {
		t.Error(local)
	}
	legacy := []byte(strings.ReplaceAll(string(all["sample/templates/sandbox/legacy/devicecontent.json"]), "HeartRate)", "heartrate)"))
	legacy = []byte(strings.ReplaceAll(string(legacy), "Body.HeartRate\"", "Body.heartrate\""))
	for name, want := range map[string]string{"IotHubPayloadExample": "2019-01-30T22:45:02Z", "IotHubPayloadExampleMissingCreateTime": "2019-02-01T22:46:01Z"} {
		trial = tried(t, legacy, all["sample/templates/sandbox/fhirmapping.json"], all[inputs+name+".json"])
		if trial.Refused != "" || len(trial.Reports) != 1 {
			t.Fatalf("%s: %s, %d reports", name, trial.Refused, len(trial.Reports))
		}
		m := trial.Reports[0].Measurements[0]
		if found := instant(m.Time).UTC().Format("2006-01-02T15:04:05Z"); found != want || m.Metric.Codings[0].Code != "8867-4" {
			t.Errorf("%s: %s, %+v", name, found, m.Metric)
		}
	}
}
