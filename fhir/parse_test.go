package fhir_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

func TestParse_PrintGivesBackWhatWasWritten(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `1.50`, `1e-22`, `100E+3`, `""`,
		`{"resourceType":"Observation","valueQuantity":{"value":1.50},"a":[null,{"b":[]}]}`,
		`{"z":1,"a":2,"m":{"y":3,"b":4}}`,
		`"\"\\\n\r\t\u0001é😀 </script>&"`,
	} {
		e, err := fhir.ParseElement([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(e.AppendJSON(nil)); got != text {
			t.Errorf("%s came back as %s", text, got)
		}
	}
}

func TestParse_EscapesMeanTheirCharacters(t *testing.T) {
	e, err := fhir.ParseElement([]byte(`"\u0041\/\b\f\ud83d\ude00\u00e9x"`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "A/\b\f😀éx"; e.Text() != want {
		t.Errorf("got %q, want %q", e.Text(), want)
	}
}

func TestParse_RefusesWithLineAndColumn(t *testing.T) {
	deep := strings.Repeat("[", fhir.MaxDepth+1) + strings.Repeat("]", fhir.MaxDepth+1)
	wide := `{`
	for i := range 100 {
		wide += fmt.Sprintf(`"k%d":1,`, i)
	}
	for _, c := range []struct{ text, where, what string }{
		{"", "line 1 column 1", "missing"},
		{"\n  {\"a\":}", "line 2 column 8", "unexpected '}'"},
		{`{"a":1,"a":2}`, "column 8", "twice"},
		{wide + `"k7":2}`, "", "twice"},
		{deep, "column 65", "deeper than 64"},
		{`{"a":1,}`, "column 8", "member name"},
		{`[1,]`, "column 4", "unexpected ']'"},
		{`{"a" 1}`, "column 6", "':'"},
		{`{"a":1 "b":2}`, "column 8", "','"},
		{`01`, "column 2", "zero"},
		{`1.`, "column 3", "decimal point"},
		{`1e`, "column 3", "exponent"},
		{`-`, "column 2", "digit"},
		{`+1`, "column 1", "unexpected"},
		{`NaN`, "column 1", "unexpected"},
		{`Infinity`, "column 1", "unexpected"},
		{`nul`, "column 1", "unexpected"},
		{`"a`, "column 1", "not closed"},
		{"\"a\nb\"", "column 3", "control character"},
		{"\"a\\tb\n\"", "column 6", "control character"},
		{`"\x"`, "column 2", "escape"},
		{`"\u12g4"`, "column 2", "hexadecimal"},
		{`"\ud83d"`, "column 2", "surrogate"},
		{`"\ude00"`, "column 2", "surrogate"},
		{`"\ud83d\u0041"`, "column 2", "surrogate"},
		{"\"\xff\"", "column 2", "UTF-8"},
		{"\"\\n\xc3\x28\"", "column 4", "UTF-8"},
		{"\xef\xbb\xbf{}", "column 1", "byte order mark"},
		{`{} {}`, "column 4", "after the end"},
		{`'a'`, "column 1", "unexpected"},
		{"{\"a\":\xff}", "column 6", "0xFF"},
	} {
		_, err := fhir.ParseElement([]byte(c.text))
		if err == nil {
			t.Errorf("%.40q was taken", c.text)
			continue
		}
		if fhir.SituationOf(err) != fhir.SituationMalformed || !strings.Contains(err.Error(), c.where) || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%.40q: %v; want %s, %s", c.text, err, c.where, c.what)
		}
	}
}

func TestParse_DeepestAllowed(t *testing.T) {
	text := strings.Repeat("[", fhir.MaxDepth) + strings.Repeat("]", fhir.MaxDepth)
	if _, err := fhir.ParseElement([]byte(text)); err != nil {
		t.Error(err)
	}
}

// The shared examples are every R4 example resource there is here: each must
// come back the same value, numbers as written.
func TestParse_EveryR4ExampleComesBack(t *testing.T) {
	n := 0
	eachFile(t, shared.Read(t, "data", "r4", "r4-examples.tgz"), ".json", func(name string, data []byte) {
		r, err := fhir.ParseResource(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if got, want := canonical(t, r.JSON()), canonical(t, data); got != want {
			t.Errorf("%s changed", name)
		}
		again, err := fhir.ParseResource(r.Root().AppendIndented(nil, ""))
		if err != nil || !again.Root().Equal(r.Root()) {
			t.Errorf("%s changed when indented: %v", name, err)
		}
		n++
	})
	if n < 500 {
		t.Errorf("only %d examples were read", n)
	}
}

// canonical is what encoding/json makes of a value with numbers kept as text: the oracle.
func canonical(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func eachFile(t *testing.T, tgz []byte, ending string, do func(name string, data []byte)) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ending) {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			do(h.Name, data)
		}
	}
}

func TestParseResource_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		text string
		code fhir.Code
		at   string
	}{
		{`[]`, fhir.CodeStructure, ""},
		{`{}`, fhir.CodeRequired, ""},
		{`{"resourceType":5}`, fhir.CodeValue, "resourceType"},
		{`{"resourceType":"observation"}`, fhir.CodeValue, "resourceType"},
		{`{"resourceType":"Patient","id":"a b"}`, fhir.CodeValue, "Patient.id"},
		{`{"resourceType":"Patient","id":""}`, fhir.CodeValue, "Patient.id"},
		{`{"resourceType":"Patient","id":"` + strings.Repeat("x", 65) + `"}`, fhir.CodeValue, "Patient.id"},
		{`{"resourceType":"Patient","meta":[]}`, fhir.CodeStructure, "Patient.meta"},
	} {
		_, err := fhir.ParseResource([]byte(c.text))
		var e *fhir.Error
		if !errors.As(err, &e) || e.Issues[0].Code != c.code || e.Issues[0].Expression != c.at {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func TestWithIdentity_PutsIdentityFirstAndDropsServerMeta(t *testing.T) {
	r, err := fhir.ParseResource([]byte(`{"active":true,"meta":{"versionId":"9","profile":["p"],"lastUpdated":"x"},"id":"old","resourceType":"Patient","extension":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.WithIdentity("new").JSON()), `{"resourceType":"Patient","id":"new","meta":{"profile":["p"]},"active":true,"extension":[]}`; got != want {
		t.Errorf("got %s", got)
	}
	if r.ID() != "old" {
		t.Error("the original changed")
	}
	bare, _ := fhir.ParseResource([]byte(`{"resourceType":"Patient","meta":{"versionId":"9"}}`))
	if got := string(bare.WithIdentity("a").JSON()); got != `{"resourceType":"Patient","id":"a"}` {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"resourceType":"Patient","a":[1.50,null,true,"\u00e9\ud83d\ude00"]}`, `[[[]]]`, `"\`, `-1.0e+5`, "\xef\xbb\xbf"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := fhir.ParseElement(data)
		if err != nil {
			if fhir.SituationOf(err) != fhir.SituationMalformed {
				t.Errorf("%v is no Malformed", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Errorf("took what encoding/json does not: %q", data)
		}
		printed := e.AppendJSON(nil)
		again, err := fhir.ParseElement(printed)
		if err != nil || !again.Equal(e) {
			t.Errorf("%q printed as %q does not come back: %v", data, printed, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data := []byte(`{"resourceType":"Observation","id":"bp","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-11-20T07:42:10+01:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":128,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":79,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`)
	b.Run("vitalwire", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := fhir.ParseElement(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
