package search_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

var registry = search.NewRegistry(profiles.R4(), "http://h/fhir")

var options = search.Options{Base: "http://h/fhir", Zone: time.FixedZone("", 7200), DefaultCount: 20, MaxCount: 1000}

func parse(t *testing.T, typ, query string) *search.Parsed {
	t.Helper()
	p, err := registry.Parse(typ, query, options)
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, query, err)
	}
	return p
}

func text(s *string) string {
	if s == nil {
		return "any"
	}
	return "'" + *s + "'"
}

// R4 search §3.1.1.5.5: the four forms of a token.
func TestParse_TokenForms(t *testing.T) {
	for value, want := range map[string]string{
		"8867-4":                        "any 8867-4",
		"http://loinc.org|8867-4":       "'http://loinc.org' '8867-4'",
		"|8867-4":                       "'' '8867-4'",
		"http://loinc.org|":             "'http://loinc.org' any",
		`a\|b`:                          "any 'a|b'",
		`urn:x|a\,b\\c\$d`:              `'urn:x' 'a,b\c$d'`,
		"urn:iso:std:iso:11073:10101|1": "'urn:iso:std:iso:11073:10101' '1'",
	} {
		p := parse(t, "Observation", "code="+strings.NewReplacer("|", "%7C").Replace(value))
		o := p.Query.Filter[0].Operands[0]
		got := text(o.System) + " " + text(o.Code)
		if strings.TrimPrefix(want, "any ") == "8867-4" {
			want = "any '8867-4'"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
}

func TestParse_CommaIsOrAndRepetitionIsAnd(t *testing.T) {
	p := parse(t, "Observation", `code=a,b\,c,d&code=e&status=final`)
	if n := len(p.Query.Filter); n != 3 {
		t.Fatalf("%d clauses", n)
	}
	if o := p.Query.Filter[0].Operands; len(o) != 3 || *o[1].Code != "b,c" {
		t.Errorf("got %d operands", len(o))
	}
}

func TestParse_ReferenceForms(t *testing.T) {
	for query, want := range map[string]search.Target{
		"patient=1":                           {Type: "Patient", ID: "1"},
		"patient=Patient/1":                   {Type: "Patient", ID: "1"},
		"patient=http://h/fhir/Patient/1":     {Type: "Patient", ID: "1"},
		"patient=http://other/fhir/Patient/1": {URI: "http://other/fhir/Patient/1"},
		"subject=1":                           {ID: "1"},
		"subject:Device=1":                    {Type: "Device", ID: "1"},
		"subject=Device/1":                    {Type: "Device", ID: "1"},
		"subject=urn:uuid:9d3d6ed4-0ddc-4c5e": {URI: "urn:uuid:9d3d6ed4-0ddc-4c5e"},
		"device=DeviceMetric/m":               {Type: "DeviceMetric", ID: "m"},
		"subject=Patient/1/_history/3":        {Type: "Patient", ID: "1"},
	} {
		p := parse(t, "Observation", query)
		if got := p.Query.Filter[0].Operands[0].Target; got != want {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}

// R4 search §3.1.1.5.10: a value without an offset is in the server's zone, and
// stands for the whole of what it names.
func TestParse_DateRanges(t *testing.T) {
	us := func(text string) int64 {
		d, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return d.UnixMicro()
	}
	for value, want := range map[string]struct {
		prefix    search.Prefix
		low, high int64
	}{
		"2024-03-10":                      {search.Eq, us("2024-03-10T00:00:00+02:00"), us("2024-03-11T00:00:00+02:00")},
		"ge2024":                          {search.Ge, us("2024-01-01T00:00:00+02:00"), us("2025-01-01T00:00:00+02:00")},
		"lt2024-03-10T02:30Z":             {search.Lt, us("2024-03-10T02:30:00Z"), us("2024-03-10T02:31:00Z")},
		"sa2024-03-10T02:30:00-05:00":     {search.Sa, us("2024-03-10T07:30:00Z"), us("2024-03-10T07:30:01Z")},
		"eb2024-03-10T02:30:00%2B05:00":   {search.Eb, us("2024-03-09T21:30:00Z"), us("2024-03-09T21:30:01Z")},
		"ap2024-03-10T02:30:00+05:00":     {search.Ap, us("2024-03-09T21:30:00Z"), us("2024-03-09T21:30:01Z")},
		"eq2024-03-10T02:30:00.123456Z":   {search.Eq, us("2024-03-10T02:30:00.123456Z"), us("2024-03-10T02:30:00.123457Z")},
		"2024-03-10T02:30:00.1234567891Z": {search.Eq, us("2024-03-10T02:30:00.123456Z"), us("2024-03-10T02:30:00.123457Z")},
	} {
		o := parse(t, "Observation", "date="+value).Query.Filter[0].Operands[0]
		if o.Prefix != want.prefix || o.Low != want.low || o.High != want.high {
			t.Errorf("%s: got %s [%d, %d), want %+v", value, o.Prefix, o.Low, o.High, want)
		}
	}
}

func TestParse_Control(t *testing.T) {
	p := parse(t, "Observation", "_count=5000&_sort=-date,_lastUpdated&_total=accurate&_include=Observation:device&_include=Observation:subject:Patient&_format=json&_pretty=true&&status=")
	q := p.Query
	if q.Count != 1000 || !q.Total || len(q.Include) != 2 || q.Include[1].Type != "Patient" || len(q.Sort) != 2 || !q.Sort[0].Descending || q.Sort[1].Descending {
		t.Errorf("got %+v", q)
	}
	if len(p.Applied) != 5 {
		t.Errorf("applied %+v", p.Applied)
	}
	if q := parse(t, "Observation", "_count=0").Query; q.Count != 0 || !q.Total {
		t.Errorf("_count=0 gives %+v", q)
	}
	if q := parse(t, "Patient", "").Query; q.Count != 20 || q.Total {
		t.Errorf("no parameters give %+v", q)
	}
}

func TestParse_RefusesAndLenientLeavesOut(t *testing.T) {
	for _, c := range []struct{ typ, query, says string }{
		{"Observation", "colour=red", "known are _id, _lastUpdated, _content, _profile, _security, _source, _tag, _text, based-on, category, code, code-value-concept"},
		{"Patient", "code=1", "known are _id, _lastUpdated, _content, _profile, _security, _source, _tag, _text, active, address"},
		{"Observation", "code:word=x", "modifier :word"},
		{"Observation", "code:text=-", "a letter or a digit"},
		{"Observation", "code:in=http://x/vs", "no terminology service"},
		{"Observation", "patient:below=1", "is part of another"},
		{"Observation", "_list=$current-problems", "functional lists"},
		{"Observation", "_summary=some", "true, text, data, count or false"},
		{"Observation", "_elements=a b", "names of elements"},
		{"Observation", "_elements=stauts", "has no element stauts"},
		{"Observation", "_contained=maybe", "false, true or both"},
		{"Observation", "_containedType=x", "container or contained"},
		{"Observation", "_type=Patient", "at the base"},
		{"Observation", "_query=x", "_query"},
		{"Observation", "_filter=status", "an operation and a value"},
		{"Observation", "_filter=status eq", "an operation and a value"},
		{"Observation", "_filter=status eq final and", "the name of a search parameter"},
		{"Observation", "_filter=(status eq final", "a closing parenthesis"},
		{"Observation", "_filter=status eq final extra", "the end, and or or"},
		{"Observation", "_filter=status co final", "not one for status"},
		{"Observation", "_filter=colour eq red", "known are"},
		{"Observation", "_filter=code.display eq red", "does not lead"},
		{"Observation", "_sort=subject.nothing", "nothing that subject refers to"},
		{"Observation", "_sort=code-value-quantity", "cannot be sorted by"},
		{"Observation", "patient:Device=1", "can to Patient"},
		{"Observation", "patient=Device/1", "cannot refer to Device"},
		{"Observation", "patient=a b", "must be an id"},
		{"Observation", "date=yesterday", "unknown prefix"},
		{"Observation", "date=2024-13", "must be a date"},
		{"Observation", "date=zz2024", "unknown prefix"},
		{"Observation", "code=a%7Cb%7Cc", "system|code"},
		{"Observation", "code=%7C", "system|code"},
		{"Observation", "code=,", "no value"},
		{"Observation", "_count=-1", "_count"},
		{"Observation", "_count=x", "_count"},
		{"Observation", "_count=1&_count=2", "twice"},
		{"Observation", "_sort=nothing", "known are"},
		{"Observation", "_total=some", "accurate"},
		{"Observation", "_include=Observation:code", "no reference parameter"},
		{"Observation", "_include=Patient:x", "begins at"},
		{"Observation", "_include=device", "Type:parameter"},
		{"Observation", "_include=Observation:device:Patient", "cannot refer to Patient"},
	} {
		_, err := registry.Parse(c.typ, c.query, options)
		if fhir.SituationOf(err) != fhir.SituationBadSearch || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s?%s: %v; want it to say %q", c.typ, c.query, err, c.says)
		}
		lenient := options
		lenient.Lenient = true
		p, err := registry.Parse(c.typ, "status=final&"+c.query, lenient)
		if c.typ == "Patient" {
			p, err = registry.Parse(c.typ, "identifier=1&"+c.query, lenient)
		}
		if err != nil || len(p.Warnings) != 1 || p.Warnings[0].Severity != fhir.Warning {
			t.Errorf("%s?%s lenient: %v", c.typ, c.query, err)
			continue
		}
		if len(p.Query.Filter) != 1 {
			t.Errorf("%s?%s lenient: %d clauses", c.typ, c.query, len(p.Query.Filter))
		}
	}
	for _, query := range []string{"code=%zz", strings.Repeat("code=a&", 101), "code=" + strings.Repeat("a,", 1001)} {
		_, err := registry.Parse("Observation", query, options)
		var e *fhir.Error
		if !errors.As(err, &e) {
			t.Errorf("%.20s: %v", query, err)
		}
	}
}

func extract(t *testing.T, text string) []string {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range registry.Extract(r) {
		if v.By == search.ByText || v.Param.Type == search.TextType {
			got = append(got, v.Param.Code+"~"+v.Text)
			continue
		}
		switch v.Param.Type {
		case search.Token:
			got = append(got, v.Param.Code+"="+v.System+"|"+v.Code)
		case search.ReferenceType:
			got = append(got, v.Param.Code+"="+v.Target.Type+"/"+v.Target.ID+v.Target.URI)
		case search.Date:
			got = append(got, v.Param.Code+"="+time.UnixMicro(v.Low).UTC().Format(time.RFC3339)+".."+time.UnixMicro(v.High).UTC().Format(time.RFC3339))
		}
	}
	return got
}

func TestExtract_Observation(t *testing.T) {
	got := extract(t, `{"resourceType":"Observation","id":"1","status":"final",
	 "identifier":[{"system":"urn:x","value":"7"},{"value":"bare"}],
	 "category":[{"coding":[{"system":"urn:c","code":"vital-signs"},{"code":"phd"}]}],
	 "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"},{"display":"no code"}]},
	 "subject":{"reference":"Patient/p"},"device":{"reference":"http://other/Device/d"},
	 "effectivePeriod":{"start":"2024-03-10T02:30:00Z"}}`)
	want := []string{
		"category=|phd", "category=urn:c|vital-signs", "code=http://loinc.org|8867-4",
		"code~no code",
		"date=2024-03-10T02:30:00Z.." + time.UnixMicro(search.Latest).UTC().Format(time.RFC3339),
		"device=/http://other/Device/d", "identifier=|bare", "identifier=urn:x|7",
		"patient=Patient/p", "status=http://hl7.org/fhir/observation-status|final", "subject=Patient/p",
		"_content~final 7 bare vital signs phd 8867 4 no code",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestExtract_WrongShapesGiveNothing(t *testing.T) {
	got := extract(t, `{"resourceType":"Observation","status":{"a":1},"code":"x","subject":{"reference":"#c"},"device":[{"display":"d"}],"effectiveDateTime":"yesterday","identifier":[[],7]}`)
	if strings.Join(got, " ") != "code=|x device~d _content~x d yesterday" {
		t.Errorf("got %v", got)
	}
	if got := extract(t, `{"resourceType":"Observation","subject":{"reference":"Device/d"}}`); strings.Join(got, " ") != "subject=Device/d" {
		t.Errorf("a device is taken for a patient: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"code=a|b,c&date=ge2024&_sort=-date", `code=a\,b\|c`, "patient=Patient/1&_include=Observation:device", "_count=0&_total=none", "%"} {
		f.Add("Observation", seed)
	}
	f.Fuzz(func(t *testing.T, typ, query string) {
		p, err := registry.Parse(typ, query, options)
		var e *fhir.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", query, err)
		}
		if err == nil {
			for _, clause := range p.Query.Filter {
				if len(clause.Operands) == 0 {
					t.Errorf("%q: a clause without operands", query)
				}
			}
		}
	})
}
