package patch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
	"vitalwire/fhir/path"
	"vitalwire/profiles"
)

const patient = `{"resourceType":"Patient","id":"p","name":[{"family":"A","given":["x",null,"z"],"_given":[{"id":"1"},{"id":"2"},null]},{"text":"B"}],"birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"multipleBirthInteger":2}`

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJSON_ChangesAndKeepsOrder(t *testing.T) {
	for _, c := range []struct{ ops, want string }{
		{`{"op":"replace","path":"/name/0/family","value":"C"}`, `"name":[{"family":"C","given":["x","y"]},{"text":"B"}],"birthDate":"1970"`},
		{`{"op":"add","path":"/name/1","value":{"text":"C"}}`, `"name":[{"family":"A","given":["x","y"]},{"text":"C"},{"text":"B"}],"birthDate":"1970"`},
		{`{"op":"add","path":"/name/-","value":{"text":"C"}}`, `"name":[{"family":"A","given":["x","y"]},{"text":"B"},{"text":"C"}],"birthDate":"1970"`},
		{`{"op":"add","path":"/active","value":true}`, `"name":[{"family":"A","given":["x","y"]},{"text":"B"}],"birthDate":"1970","active":true`},
		{`{"op":"copy","from":"/name/0","path":"/name/0"}`, `"name":[{"family":"A","given":["x","y"]},{"family":"A","given":["x","y"]},{"text":"B"}],"birthDate":"1970"`},
		{`{"op":"move","from":"/name/0","path":"/name/1"}`, `"name":[{"text":"B"},{"family":"A","given":["x","y"]}],"birthDate":"1970"`},
		{`{"op":"move","from":"/name/0/given","path":"/name/1/given"}`, `"name":[{"family":"A"},{"text":"B","given":["x","y"]}],"birthDate":"1970"`},
		{`{"op":"test","path":"/name/0","value":{"given":["x","y"],"family":"A"}}`, `"name":[{"family":"A","given":["x","y"]},{"text":"B"}],"birthDate":"1970"`},
		// What a removal leaves empty goes too: FHIR has no empty list or object.
		{`{"op":"remove","path":"/name/1/text"}`, `"name":[{"family":"A","given":["x","y"]}],"birthDate":"1970"`},
		{`{"op":"remove","path":"/name/0"},{"op":"remove","path":"/name/0"}`, `"birthDate":"1970"`},
		{`{"op":"remove","path":"/name/0"},{"op":"remove","path":"/name/0"},{"op":"add","path":"/name/0","value":{"text":"C"}}`, `"name":[{"text":"C"}],"birthDate":"1970"`},
		{`{"op":"add","path":"/extension","value":[]}`, `"name":[{"family":"A","given":["x","y"]},{"text":"B"}],"birthDate":"1970","extension":[]`},
	} {
		in := resource(t, `{"resourceType":"Patient","name":[{"family":"A","given":["x","y"]},{"text":"B"}],"birthDate":"1970"}`)
		before := in.Clone()
		p, err := patch.ParseJSON([]byte("[" + c.ops + "]"))
		if err != nil {
			t.Errorf("%s: %v", c.ops, err)
			continue
		}
		for range 2 { // a patch may be applied again
			got, err := p.Apply(context.Background(), in)
			if err != nil {
				t.Errorf("%s: %v", c.ops, err)
				continue
			}
			if want := `{"resourceType":"Patient",` + c.want + `}`; string(got.JSON()) != want {
				t.Errorf("%s:\n got %s\nwant %s", c.ops, got.JSON(), want)
			}
			got.Root().Set("name", nil)
		}
		if !in.Root().Equal(before.Root()) {
			t.Errorf("%s: the input changed", c.ops)
		}
	}
}

func TestJSON_TestComparesNumbersByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1", "1.0", true}, {"1.50", "1.5", true}, {"100", "1e2", true}, {"0.001", "1E-3", true}, {"-0", "0", true}, {"0e5", "0.0", true},
		{"1", "-1", false}, {"1", "10", false}, {"1e999999999", "1e999999998", false}, {"1e999999999", "10e999999998", true},
		{"1e99999999999999999999", "1e99999999999999999999", true}, {"1e99999999999999999999", "2e99999999999999999999", false},
		{"12345678901234567890.1", "12345678901234567890.2", false}, {"1", `"1"`, false}, {"true", "false", false}, {"null", "null", true},
	} {
		p, err := patch.ParseJSON([]byte(`[{"op":"test","path":"/a","value":` + c.b + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := fhir.ParseElement([]byte(`{"a":` + c.a + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = p.ApplyElement(doc); (err == nil) != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, err)
		}
	}
}

func TestJSON_SaysWhatIsWrong(t *testing.T) {
	long := `{"op":"test","path":"","value":1}` + strings.Repeat(`,{"op":"test","path":"","value":1}`, patch.MaxOperations)
	double := `{"op":"add","path":"/a","value":"` + strings.Repeat("x", 1000) + `"}` + strings.Repeat(`,{"op":"copy","from":"","path":"/b/-"}`, 40)
	for _, c := range []struct {
		ops       string
		situation fhir.Situation
		at, what  string
	}{
		{`1`, fhir.SituationMalformed, "", "operation 0: an operation is an object"},
		{`{}`, fhir.SituationMalformed, "", "operation 0: op is missing"},
		{`{"op":"test","path":"","value":1},{"op":"spam","path":""}`, fhir.SituationMalformed, "", `operation 1: op "spam"`},
		{`{"op":"add","value":1}`, fhir.SituationMalformed, "", "path is missing"},
		{`{"op":"add","path":1,"value":1}`, fhir.SituationMalformed, "", "path is missing"},
		{`{"op":"add","path":"/a"}`, fhir.SituationMalformed, "", "needs a value"},
		{`{"op":"move","path":"/a"}`, fhir.SituationMalformed, "", "from is missing"},
		{`{"op":"add","path":"a","value":1}`, fhir.SituationMalformed, "", "begin with '/'"},
		{`{"op":"add","path":"/~2","value":1}`, fhir.SituationMalformed, "", "~0"},
		{`{"op":"add","op":"add","path":"/~2","value":1}`, fhir.SituationMalformed, "", "twice"},
		{long, fhir.SituationTooCostly, "", "may have 1000"},
		{double, fhir.SituationUnprocessable, "Patient.b", `there is no "b"`},
		{`{"op":"remove","path":"/foo"}`, fhir.SituationUnprocessable, "Patient.foo", `operation 0 (remove /foo): there is no "foo"`},
		{`{"op":"replace","path":"/name/2/family","value":"x"}`, fhir.SituationUnprocessable, "Patient.name[2].family", "index 2 is past the end"},
		{`{"op":"add","path":"/name/3","value":{}}`, fhir.SituationUnprocessable, "Patient.name[3]", "index 3 is past the end"},
		{`{"op":"add","path":"/name/01","value":{}}`, fhir.SituationUnprocessable, "Patient.name[01]", "no index"},
		{`{"op":"add","path":"/name/-1","value":{}}`, fhir.SituationUnprocessable, "Patient.name[-1]", "no index"},
		{`{"op":"add","path":"/name/99999999999999999999","value":{}}`, fhir.SituationUnprocessable, "", "past the end"},
		{`{"op":"remove","path":"/name/-"}`, fhir.SituationUnprocessable, "Patient.name", "behind the last"},
		{`{"op":"add","path":"/birthDate/x","value":{}}`, fhir.SituationUnprocessable, "Patient.birthDate.x", "is a string"},
		{`{"op":"test","path":"/birthDate","value":"1971"}`, fhir.SituationUnprocessable, "Patient.birthDate", "another one"},
		{`{"op":"test","path":"/foo","value":"1971"}`, fhir.SituationUnprocessable, "Patient.foo", "there is no"},
		{`{"op":"move","from":"/name","path":"/name/0/given"}`, fhir.SituationUnprocessable, "", "into itself"},
		{`{"op":"move","from":"/foo","path":"/name/0"}`, fhir.SituationUnprocessable, "Patient.foo", "from /foo"},
		{`{"op":"remove","path":""}`, fhir.SituationUnprocessable, "", "cannot be removed"},
		{`{"op":"replace","path":"","value":{"resourceType":"Observation"}}`, fhir.SituationUnprocessable, "", "type"},
		{`{"op":"replace","path":"/id","value":"q"}`, fhir.SituationUnprocessable, "Patient.id", "change the id"},
		{`{"op":"remove","path":"/id"}`, fhir.SituationUnprocessable, "Patient.id", "change the id"},
		{`{"op":"replace","path":"","value":5}`, fhir.SituationUnprocessable, "", "type"},
		{`{"op":"add","path":"/a","value":` + strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60) + `},{"op":"copy","from":"/a","path":"/a/0/0/0/0/0/0"}`, fhir.SituationUnprocessable, "", "deeper"},
	} {
		p, err := patch.ParseJSON([]byte("[" + c.ops + "]"))
		if err == nil {
			_, err = p.Apply(context.Background(), resource(t, patient))
		}
		var e *fhir.Error
		if !errors.As(err, &e) || e.Situation != c.situation || !strings.Contains(e.Issues[0].Text, c.what) || c.at != "" && e.Issues[0].Expression != c.at {
			t.Errorf("%.100s: %v at %q", c.ops, err, e.Issues[0].Expression)
		}
	}
}

func TestJSON_FailingTestIsAConflict(t *testing.T) {
	p, err := patch.ParseJSON([]byte(`[{"op":"test","path":"/birthDate","value":"1971"}]`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Apply(context.Background(), resource(t, patient))
	var e *fhir.Error
	if !errors.As(err, &e) || e.Issues[0].Code != fhir.CodeConflict || strings.Contains(e.Error(), "1970") {
		t.Errorf("%v", err)
	}
}

func TestNarrative(t *testing.T) {
	const text = `"text":{"status":"generated","div":"<div>x</div>"}`
	for _, c := range []struct {
		was, now string
		stale    bool
	}{
		{`{"resourceType":"Patient",` + text + `,"active":true}`, `{"resourceType":"Patient",` + text + `,"active":false}`, true},
		{`{"resourceType":"Patient",` + text + `,"active":true}`, `{"resourceType":"Patient",` + text + `,"active":true}`, false},
		{`{"resourceType":"Patient",` + text + `,"meta":{"tag":[]}}`, `{"resourceType":"Patient",` + text + `}`, false},
		{`{"resourceType":"Patient",` + text + `,"active":true}`, `{"resourceType":"Patient","text":{"status":"generated","div":"<div>y</div>"},"active":false}`, false},
		{`{"resourceType":"Patient","active":true}`, `{"resourceType":"Patient","active":false}`, false},
	} {
		if got := patch.StaleNarrative(resource(t, c.was), resource(t, c.now)); got != c.stale {
			t.Errorf("%s to %s: %v", c.was, c.now, got)
		}
	}
}

func TestJSON_GrowthIsBounded(t *testing.T) {
	ops := []string{`{"op":"add","path":"/x","value":["` + strings.Repeat("x", 1000) + `"]}`}
	for range 40 {
		ops = append(ops, `{"op":"copy","from":"/x","path":"/y"}`, `{"op":"copy","from":"/y/0","path":"/x/-"}`, `{"op":"add","path":"/z","value":[]}`,
			`{"op":"copy","from":"/x","path":"/z/-"}`, `{"op":"copy","from":"/x","path":"/z/-"}`, `{"op":"move","from":"/z","path":"/x"}`)
	}
	p, err := patch.ParseJSON([]byte("[" + strings.Join(ops, ",") + "]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(context.Background(), resource(t, patient)); fhir.SituationOf(err) != fhir.SituationTooCostly && fhir.SituationOf(err) != fhir.SituationUnprocessable {
		t.Errorf("%v", err)
	}
}

// op is a FHIRPath Patch operation as JSON.
func op(typ, path string, parts ...string) string {
	return fmt.Sprintf(`{"name":"operation","part":[{"name":"type","valueCode":%q},{"name":"path","valueString":%q}%s]}`, typ, path, strings.Join(append([]string{""}, parts...), ","))
}

func part(name, value string) string { return fmt.Sprintf(`{"name":%q,%s}`, name, value) }

func parse(t testing.TB, ops ...string) (*patch.FHIRPath, error) {
	t.Helper()
	return patch.ParseFHIRPath(resource(t, `{"resourceType":"Parameters","parameter":[`+strings.Join(ops, ",")+`]}`), profiles.R4(), path.NewModel(profiles.R4()))
}

func TestFHIRPath_Changes(t *testing.T) {
	const rest = `"birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"multipleBirthInteger":2`
	const name0 = `{"family":"A","given":["x",null,"z"],"_given":[{"id":"1"},{"id":"2"},null]}`
	const names = `"name":[` + name0 + `,{"text":"B"}],`
	for _, c := range []struct{ op, want string }{
		// Lists of primitives keep values and their "_" siblings together.
		{op("delete", "Patient.name[0].given[0]"), `"name":[{"family":"A","given":[null,"z"],"_given":[{"id":"2"},null]},{"text":"B"}],` + rest},
		{op("delete", "Patient.name[0].given[1]"), `"name":[{"family":"A","given":["x","z"],"_given":[{"id":"1"},null]},{"text":"B"}],` + rest},
		{op("insert", "Patient.name[0].given", part("index", `"valueInteger":1`), part("value", `"valueString":"n"`)),
			`"name":[{"family":"A","given":["x","n",null,"z"],"_given":[{"id":"1"},null,{"id":"2"},null]},{"text":"B"}],` + rest},
		{op("add", "Patient.name[1]", part("name", `"valueString":"given"`), part("value", `"valueString":"n"`)), `"name":[` + name0 + `,{"text":"B","given":["n"]}],` + rest},
		{op("add", "Patient.name[1]", part("name", `"valueString":"given"`), part("value", `"valueString":"n","_valueString":{"id":"i"}`)),
			`"name":[` + name0 + `,{"text":"B","given":["n"],"_given":[{"id":"i"}]}],` + rest},
		{op("move", "Patient.name[0].given", part("source", `"valueInteger":2`), part("destination", `"valueInteger":0`)),
			`"name":[{"family":"A","given":["z","x",null],"_given":[null,{"id":"1"},{"id":"2"}]},{"text":"B"}],` + rest},
		{op("replace", "Patient.name[0].given[1]", part("value", `"valueString":"y"`)), `"name":[{"family":"A","given":["x","y","z"],"_given":[{"id":"1"},null,null]},{"text":"B"}],` + rest},
		{op("insert", "Patient.name[1].given", part("index", `"valueInteger":0`), part("value", `"valueString":"n"`)), `"name":[` + name0 + `,{"text":"B","given":["n"]}],` + rest},
		// Choices.
		{op("replace", "Patient.multipleBirth", part("value", `"valueBoolean":true`)), names + `"birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]},"multipleBirthBoolean":true`},
		{op("add", "Patient", part("name", `"valueString":"deceased"`), part("value", `"valueDateTime":"2020"`)), names + rest + `,"deceasedDateTime":"2020"`},
		{op("add", "Patient", part("name", `"valueString":"deceasedBoolean"`), part("value", `"valueBoolean":false`)), names + rest + `,"deceasedBoolean":false`},
		// Extensions of primitives.
		{op("delete", "Patient.birthDate.extension"), names + `"birthDate":"1970-01-01","multipleBirthInteger":2`},
		{op("add", "Patient.birthDate", part("name", `"valueString":"id"`), part("value", `"valueString":"i"`)),
			names + `"birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"u","valueCode":"c"}],"id":"i"},"multipleBirthInteger":2`},
		{op("add", "Patient.multipleBirth", part("name", `"valueString":"extension"`), part("value", `"valueExtension":{"url":"u","valueCode":"c"}`)), ""},
		{op("add", "Patient.name[0].given[2]", part("name", `"valueString":"id"`), part("value", `"valueString":"3"`)),
			`"name":[{"family":"A","given":["x",null,"z"],"_given":[{"id":"1"},{"id":"2"},{"id":"3"}]},{"text":"B"}],` + rest},
		{op("replace", "Patient.birthDate", part("value", `"valueDate":"1971"`)), names + `"birthDate":"1971","multipleBirthInteger":2`},
		// Deletion.
		{op("delete", "Patient.photo"), names + rest},
		{op("delete", "Patient.name[1].text"), `"name":[` + name0 + `],` + rest},
		{op("delete", "Patient.name.where(text = 'B')"), `"name":[` + name0 + `],` + rest},
		// Anonymous types and resources.
		{op("add", "Patient", part("name", `"valueString":"contact"`), part("value", `"part":[{"name":"name","valueHumanName":{"text":"C"}},{"name":"telecom","part":[{"name":"value","valueString":"1"}]},{"name":"telecom","valueContactPoint":{"value":"2"}}]`)),
			names + rest + `,"contact":[{"name":{"text":"C"},"telecom":[{"value":"1"},{"value":"2"}]}]`},
		{op("add", "Patient", part("name", `"valueString":"contained"`), part("value", `"resource":{"resourceType":"Basic","id":"b"}`)), names + rest + `,"contained":[{"resourceType":"Basic","id":"b"}]`},
	} {
		if c.want == "" {
			c.want = names + rest + `,"_multipleBirthInteger":{"extension":[{"url":"u","valueCode":"c"}]}`
		}
		p, err := parse(t, c.op)
		if err != nil {
			t.Errorf("%s: %v", c.op, err)
			continue
		}
		in := resource(t, patient)
		got, err := p.Apply(context.Background(), in)
		if err != nil {
			t.Errorf("%s: %v", c.op, err)
			continue
		}
		if want := `{"resourceType":"Patient","id":"p",` + c.want + `}`; string(got.JSON()) != want {
			t.Errorf("%s:\n got %s\nwant %s", c.op, got.JSON(), want)
		}
		if string(in.JSON()) != patient {
			t.Errorf("%s: the input changed", c.op)
		}
	}
}

func TestFHIRPath_SaysWhatIsWrong(t *testing.T) {
	name := func(s string) string { return part("name", `"valueString":"`+s+`"`) }
	str := part("value", `"valueString":"x"`)
	zero := part("index", `"valueInteger":0`)
	for _, c := range []struct {
		op        string
		situation fhir.Situation
		at, what  string
	}{
		{`{"name":"other"}`, fhir.SituationMalformed, "Parameters.parameter[0]", "called operation"},
		{op("spam", "Patient"), fhir.SituationMalformed, "Parameters.parameter[0]", `type "spam"`},
		{op("add", "Patient", str), fhir.SituationMalformed, "Parameters.parameter[0]", "needs the part name"},
		{op("add", "Patient", name("active")), fhir.SituationMalformed, "Parameters.parameter[0]", "needs the part value"},
		{op("delete", ""), fhir.SituationMalformed, "Parameters.parameter[0]", "needs the part path"},
		{op("delete", "Patient.("), fhir.SituationMalformed, "Parameters.parameter[0]", "syntax"},
		{op("delete", "Patient", part("foo", `"valueString":"x"`)), fhir.SituationMalformed, "Parameters.parameter[0]", `"foo"`},
		{op("insert", "Patient.name", str, part("index", `"valueInteger":-1`)), fhir.SituationMalformed, "Parameters.parameter[0]", "0 or more"},
		{op("insert", "Patient.name", str, part("index", `"valueString":"1"`)), fhir.SituationMalformed, "Parameters.parameter[0]", "integer"},
		{op("replace", "Patient.name", part("value", `"valueString":"1","valueCode":"2"`)), fhir.SituationMalformed, "Parameters.parameter[0]", "needs one value"},
		{op("delete", "Patient.name"), fhir.SituationUnprocessable, "", "selects 2 elements"},
		{op("delete", "Patient"), fhir.SituationUnprocessable, "", "resource itself"},
		{op("delete", "Patient.name.count()"), fhir.SituationUnprocessable, "", "computed"},
		{op("delete", "Patient.id"), fhir.SituationUnprocessable, "Patient.id", "change the id"},
		{op("replace", "Patient.photo", str), fhir.SituationUnprocessable, "", "selects nothing"},
		{op("replace", "Patient.birthDate", part("value", `"valueInteger":5`)), fhir.SituationUnprocessable, "Patient.birthDate", "type date was expected"},
		{op("replace", "Patient.name[0]", str), fhir.SituationUnprocessable, "Patient.name[0]", "type HumanName was expected"},
		{op("replace", "Patient.multipleBirth", str), fhir.SituationUnprocessable, "Patient.multipleBirth", "must not be of type String"},
		{op("add", "Patient", name("foo"), str), fhir.SituationUnprocessable, "Patient", `no element "foo"`},
		{op("add", "Patient", name("birthDate"), str), fhir.SituationUnprocessable, "Patient.birthDate", "use replace"},
		{op("add", "Patient", name("multipleBirth"), part("value", `"valueBoolean":true`)), fhir.SituationUnprocessable, "Patient.multipleBirth", "use replace"},
		{op("add", "Patient", name("contact"), part("value", `"part":[{"name":"foo","valueString":"x"}]`)), fhir.SituationUnprocessable, "Patient.contact", `part "foo"`},
		{op("add", "Patient", name("contact"), part("value", `"part":[{"name":"gender","valueCode":"x"},{"name":"gender","valueCode":"x"}]`)), fhir.SituationUnprocessable, "Patient.contact", "twice"},
		{op("add", "Patient", name("contact"), str), fhir.SituationUnprocessable, "Patient.contact", "a list of parts was expected"},
		{op("insert", "Patient.name", part("value", `"valueHumanName":{"text":"x"}`), part("index", `"valueInteger":3`)), fhir.SituationUnprocessable, "Patient.name", "past the end"},
		{op("insert", "Patient.birthDate", str, zero), fhir.SituationUnprocessable, "Patient.birthDate", "not in a list"},
		{op("insert", "Patient.gender", str, zero), fhir.SituationUnprocessable, "Patient.gender", "no list"},
		{op("insert", "Patient.photo", str, part("index", `"valueInteger":1`)), fhir.SituationUnprocessable, "Patient.photo", "empty"},
		{op("insert", "Patient.name.where(text='B')", part("value", `"valueHumanName":{"text":"x"}`), zero), fhir.SituationUnprocessable, "Patient.name", "whole of one list"},
		{op("move", "Patient.name", part("source", `"valueInteger":2`), part("destination", `"valueInteger":0`)), fhir.SituationUnprocessable, "Patient.name", "below the list's length"},
	} {
		p, err := parse(t, c.op)
		if err == nil {
			_, err = p.Apply(context.Background(), resource(t, patient))
		}
		var e *fhir.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.op, err)
			continue
		}
		if e.Situation != c.situation || !strings.Contains(e.Issues[0].Text, c.what) || e.Issues[0].Expression != c.at {
			t.Errorf("%s: %v at %q", c.op, err, e.Issues[0].Expression)
		}
	}
	if _, err := patch.ParseFHIRPath(resource(t, patient), profiles.R4(), path.NewModel(profiles.R4())); fhir.SituationOf(err) != fhir.SituationMalformed {
		t.Error(err)
	}
}

func TestFHIRPath_IsBoundedAndCancelled(t *testing.T) {
	p, err := parse(t, op("delete", "Patient.descendants().descendants().descendants().where(descendants().descendants().count() > 100000)"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Apply(ctx, resource(t, patient)); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	many := make([]string, patch.MaxOperations+1)
	for i := range many {
		many[i] = op("delete", "Patient.photo")
	}
	if _, err := parse(t, many...); fhir.SituationOf(err) != fhir.SituationTooCostly {
		t.Error(err)
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`[{"op":"add","path":"/name/0/given/-","value":"x"},{"op":"remove","path":"/name/1"}]`,
		`[{"op":"copy","from":"","path":"/contained"},{"op":"move","from":"/name/0","path":"/name/1"},{"op":"test","path":"/~01","value":1.0e5}]`,
		`[{"op":"remove","path":"/name/1/text"},{"op":"replace","path":"","value":{"resourceType":"Patient","id":"p"}}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := patch.ParseJSON(data)
		if err != nil {
			return
		}
		in := resource(t, patient)
		got, err := p.Apply(context.Background(), in)
		check(t, in, got, err)
	})
}

func FuzzFHIRPath(f *testing.F) {
	f.Add("delete", "Patient.name[0].given[1]", "given", `"valueString":"x"`, uint8(0), uint8(1))
	f.Add("add", "Patient.birthDate", "extension", `"valueExtension":{"url":"u"}`, uint8(0), uint8(1))
	f.Add("insert", "Patient.name.given", "x", `"part":[{"name":"text","valueString":"x"}]`, uint8(2), uint8(1))
	f.Add("move", "Patient.name", "x", `"resource":{"resourceType":"Basic"}`, uint8(1), uint8(0))
	f.Add("replace", "multipleBirth | name.text.div", "x", `"valueBoolean":true,"_valueBoolean":{"id":"a"}`, uint8(1), uint8(0))
	model := path.NewModel(profiles.R4())
	f.Fuzz(func(t *testing.T, typ, expr, name, value string, a, b uint8) {
		parts := []*fhir.Element{}
		add := func(name string, value *fhir.Element) {
			parts = append(parts, fhir.NewObject(fhir.S("name", name), fhir.M("valueString", value)))
		}
		add("type", fhir.NewString(typ))
		add("path", fhir.NewString(expr))
		add("name", fhir.NewString(name))
		for n, v := range map[string]uint8{"index": a, "source": a, "destination": b} {
			parts = append(parts, fhir.NewObject(fhir.S("name", n), fhir.M("valueInteger", fhir.NewNumber(fmt.Sprint(v)))))
		}
		e, err := fhir.ParseElement([]byte(`{"name":"value",` + value + `}`))
		if err != nil {
			return
		}
		parts = append(parts, e)
		root := fhir.NewObject(fhir.S("resourceType", "Parameters"), fhir.M("parameter",
			fhir.NewArray(fhir.NewObject(fhir.S("name", "operation"), fhir.M("part", fhir.NewArray(parts...))))))
		params, err := fhir.AsResource(root)
		if err != nil {
			t.Fatal(err)
		}
		p, err := patch.ParseFHIRPath(params, profiles.R4(), model)
		if err != nil {
			return
		}
		in := resource(t, patient)
		got, err := p.Apply(context.Background(), in)
		check(t, in, got, err)
	})
}

// check holds what is true of every patch.
func check(t *testing.T, in, got *fhir.Resource, err error) {
	t.Helper()
	if string(in.JSON()) != patient {
		t.Error("the input changed")
	}
	if err != nil {
		if s := fhir.SituationOf(err); s != fhir.SituationUnprocessable && s != fhir.SituationTooCostly {
			t.Errorf("%v", err)
		}
		return
	}
	if again, err := fhir.ParseResource(got.JSON()); err != nil || !again.Root().Equal(got.Root()) {
		t.Errorf("%s: %v", got.JSON(), err)
	}
}
