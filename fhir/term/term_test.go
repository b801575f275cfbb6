package term_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/profiles"
)

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// ask makes a request of name, type, value triples such as "code", "Code", "a".
func ask(t testing.TB, parameters ...string) term.Request {
	t.Helper()
	list := fhir.NewArray()
	for i := 0; i < len(parameters); i += 3 {
		p := fhir.NewObject(fhir.S("name", parameters[i]))
		switch typ, text := parameters[i+1], parameters[i+2]; typ {
		case "resource":
			p.Set("resource", resource(t, text).Root())
		case "Integer":
			p.Set("valueInteger", fhir.NewNumber(text))
		case "Boolean":
			p.Set("valueBoolean", fhir.NewBool(text == "true"))
		case "Coding", "CodeableConcept":
			e, err := fhir.ParseElement([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			p.Set("value"+typ, e)
		default:
			p.Set("value"+typ, fhir.NewString(text))
		}
		list.Append(p)
	}
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", list)
	return term.Request{Parameters: r}
}

// get is a parameter's value as text, "" when absent.
func get(r *fhir.Resource, name string) string {
	for _, p := range r.Get("parameter").Items() {
		if p.Get("name").Text() == name {
			for _, m := range p.Members() {
				if strings.HasPrefix(m.Name, "value") {
					return m.Value.Text()
				}
			}
		}
	}
	return ""
}

// codes are the codes of an expansion, children in brackets.
func codes(list *fhir.Element) string {
	var out []string
	for _, c := range list.Items() {
		text := c.Get("code").Text()
		if inner := c.Get("contains"); inner != nil {
			text += "[" + codes(inner) + "]"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

const animals = `{"resourceType":"CodeSystem","url":"http://example.org/animals","version":"1.0.0","name":"Animals","status":"active",
"content":"complete","property":[{"code":"legs","type":"integer"},{"code":"parent","type":"code","uri":"http://hl7.org/fhir/concept-properties#parent"}],
"concept":[
 {"code":"animal","display":"Animal","concept":[
  {"code":"mammal","display":"Mammal","concept":[
    {"code":"dog","display":"Dog","property":[{"code":"legs","valueInteger":4}]},
    {"code":"bat","display":"Bat","property":[{"code":"legs","valueInteger":2},{"code":"parent","valueCode":"flyer"}]}]},
  {"code":"bird","display":"Bird","property":[{"code":"legs","valueInteger":2}]},
  {"code":"flyer","display":"Flying thing"}]},
 {"code":"stone","display":"Stone"}]}`

func set(include string) string {
	return `{"resourceType":"ValueSet","url":"http://example.org/set","status":"active","compose":` + include + `}`
}

func TestExpand_Filters(t *testing.T) {
	service := term.New(memory{resource(t, animals)})
	filter := func(property, op, value string) string {
		return fmt.Sprintf(`{"include":[{"system":"http://example.org/animals","filter":[{"property":%q,"op":%q,"value":%q}]}]}`, property, op, value)
	}
	for name, c := range map[string][2]string{
		"is-a":             {filter("concept", "is-a", "mammal"), "mammal dog bat"},
		"descendent-of":    {filter("concept", "descendent-of", "mammal"), "dog bat"},
		"is-not-a":         {filter("concept", "is-not-a", "animal"), "stone"},
		"generalizes":      {filter("concept", "generalizes", "bat"), "animal mammal bat flyer"},
		"child-of":         {filter("concept", "child-of", "animal"), "mammal bird flyer"},
		"descendent-leaf":  {filter("concept", "descendent-leaf", "animal"), "dog bat bird"},
		"second parent":    {filter("concept", "descendent-of", "flyer"), "bat"},
		"regex":            {filter("code", "regex", "[ab].*"), "animal bat bird"},
		"regex is whole":   {filter("code", "regex", "b"), ""},
		"property =":       {filter("legs", "=", "2"), "bat bird"},
		"property in":      {filter("legs", "in", "2,4"), "dog bat bird"},
		"property not-in":  {filter("legs", "not-in", "2,4"), "animal mammal flyer stone"},
		"property exists":  {filter("legs", "exists", "false"), "animal mammal flyer stone"},
		"display":          {filter("display", "regex", ".*thing"), "flyer"},
		"unknown ancestor": {filter("concept", "is-a", "plant"), ""},
		"exclude": {`{"include":[{"system":"http://example.org/animals"}],"exclude":[{"system":"http://example.org/animals",
			"filter":[{"property":"concept","op":"is-a","value":"animal"}]}]}`, "stone"},
		"exclude all": {`{"include":[{"system":"http://example.org/animals"}],"exclude":[{"system":"http://example.org/animals"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := service.Expand(t.Context(), ask(t, "valueSet", "resource", set(c[0]), "excludeNested", "Boolean", "true"))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(out.Path("expansion", "contains")); got != c[1] {
				t.Errorf("%q, want %q", got, c[1])
			}
		})
	}
}

func TestExpand_TreeAndPages(t *testing.T) {
	service := term.New(memory{resource(t, strings.Replace(animals, `,{"code":"parent","valueCode":"flyer"}`, "", 1))})
	whole := set(`{"include":[{"system":"http://example.org/animals"}]}`)
	for name, c := range map[string]struct {
		more  []string
		codes string
		total string
	}{
		"tree":        {nil, "animal[mammal[dog bat] bird flyer] stone", "7"},
		"flat":        {[]string{"excludeNested", "Boolean", "true"}, "animal mammal dog bat bird flyer stone", "7"},
		"page":        {[]string{"count", "Integer", "2", "offset", "Integer", "3"}, "bat bird", "7"},
		"last page":   {[]string{"count", "Integer", "5", "offset", "Integer", "5"}, "flyer stone", "7"},
		"beyond":      {[]string{"count", "Integer", "5", "offset", "Integer", "50"}, "", "7"},
		"only count":  {[]string{"count", "Integer", "0"}, "", "7"},
		"as in a GET": {[]string{"count", "String", "1"}, "animal", "7"},
		"filter":      {[]string{"filter", "String", "fly THING"}, "flyer", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := service.Expand(t.Context(), ask(t, append([]string{"valueSet", "resource", whole}, c.more...)...))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(out.Path("expansion", "contains")); got != c.codes {
				t.Errorf("%q, want %q", got, c.codes)
			}
			if got := out.Path("expansion", "total").Text(); got != c.total {
				t.Errorf("total %s, want %s", got, c.total)
			}
		})
	}
}

func TestExpand_ImportsIntersectAndExclude(t *testing.T) {
	two := `{"resourceType":"ValueSet","url":"http://example.org/two-legs","version":"1","status":"active","compose":{"include":[
		{"system":"http://example.org/animals","filter":[{"property":"legs","op":"=","value":"2"}]}]}}`
	mammals := `{"resourceType":"ValueSet","url":"http://example.org/mammals","version":"1","status":"active","compose":{"include":[
		{"system":"http://example.org/animals","filter":[{"property":"concept","op":"is-a","value":"mammal"}]}]}}`
	service := term.New(memory{resource(t, animals), resource(t, two), resource(t, mammals)})
	for compose, want := range map[string]string{
		`{"include":[{"valueSet":["http://example.org/two-legs","http://example.org/mammals"]}]}`:                                                    "bat",
		`{"include":[{"valueSet":["http://example.org/two-legs"]},{"valueSet":["http://example.org/mammals"]}]}`:                                     "bat bird mammal dog",
		`{"include":[{"system":"http://example.org/animals","valueSet":["http://example.org/mammals"]}]}`:                                            "mammal dog bat",
		`{"include":[{"valueSet":["http://example.org/mammals"]}],"exclude":[{"valueSet":["http://example.org/two-legs"]}]}`:                         "mammal dog",
		`{"include":[{"system":"http://example.org/animals","concept":[{"code":"dog"},{"code":"stone"},{"code":"unicorn"}]}]}`:                       "dog stone",
		`{"include":[{"valueSet":["http://example.org/mammals|1"]}],"exclude":[{"system":"http://example.org/animals","concept":[{"code":"dog"}]}]}`: "mammal bat",
	} {
		out, err := service.Expand(t.Context(), ask(t, "valueSet", "resource", set(compose)))
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(out.Path("expansion", "contains")); got != want {
			t.Errorf("%s: %q, want %q", compose, got, want)
		}
		// Every way of asking agrees.
		listed := strings.Fields(want)
		for _, code := range []string{"animal", "mammal", "dog", "bat", "bird", "flyer", "stone", "unicorn"} {
			in := slices.Contains(listed, code)
			answer, err := service.ValidateCode(t.Context(), ask(t, "valueSet", "resource", set(compose),
				"coding", "Coding", `{"system":"http://example.org/animals","code":"`+code+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			if get(answer, "result") != fmt.Sprint(in) {
				t.Errorf("%s: %s is %s", compose, code, answer.JSON())
			}
			member := term.New(memory{resource(t, animals), resource(t, two), resource(t, mammals), resource(t, set(compose))}).
				InValueSet(t.Context(), "http://example.org/set", "http://example.org/animals", code)
			if (member == term.In) != in || member == term.Unknown {
				t.Errorf("%s: %s is %s", compose, code, member)
			}
		}
	}
}

func TestErrors_SaySituationAndDetail(t *testing.T) {
	many := `{"resourceType":"CodeSystem","url":"http://example.org/many","status":"active","content":"complete","concept":[`
	for i := range 1200 {
		many += fmt.Sprintf(`{"code":"c%d"},`, i)
	}
	many = strings.TrimSuffix(many, ",") + "]}"
	service := term.New(memory{resource(t, animals), resource(t, many)})
	for name, c := range map[string]struct {
		parameters []string
		situation  fhir.Situation
		code       string
	}{
		"no value set":       {[]string{"count", "Integer", "1"}, fhir.SituationMalformed, "invalid"},
		"unknown value set":  {[]string{"url", "Uri", "http://example.org/none"}, fhir.SituationUnprocessable, "not-found"},
		"unknown system":     {[]string{"valueSet", "resource", set(`{"include":[{"system":"http://example.org/none"}]}`)}, fhir.SituationUnprocessable, "not-found"},
		"too costly":         {[]string{"valueSet", "resource", set(`{"include":[{"system":"http://example.org/many"}]}`)}, fhir.SituationTooCostly, "too-costly"},
		"bad count":          {[]string{"url", "Uri", "x", "count", "Integer", "-1"}, fhir.SituationMalformed, "invalid"},
		"bad language":       {[]string{"url", "Uri", "x", "displayLanguage", "Code", "?"}, fhir.SituationMalformed, "processing"},
		"unsupported":        {[]string{"url", "Uri", "x", "exclude-system", "Canonical", "y"}, fhir.SituationMalformed, "not-supported"},
		"filter":             {[]string{"valueSet", "resource", set(`{"include":[{"system":"http://example.org/animals","filter":[{"property":"wings","op":"=","value":"2"}]}]}`)}, fhir.SituationMalformed, "not-supported"},
		"modifier extension": {[]string{"valueSet", "resource", set(`{"modifierExtension":[{"url":"http://example.org/x"}],"include":[{"system":"http://example.org/animals"}]}`)}, fhir.SituationUnprocessable, "not-supported"},
		"circle":             {[]string{"valueSet", "resource", set(`{"include":[{"valueSet":["http://example.org/set"]}]}`), "tx-resource", "resource", set(`{"include":[{"valueSet":["http://example.org/set"]}]}`)}, fhir.SituationUnprocessable, "processing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := service.Expand(t.Context(), ask(t, c.parameters...))
			var e *fhir.Error
			if !errors.As(err, &e) || e.Situation != c.situation {
				t.Fatalf("%v: situation %d, want %d", err, fhir.SituationOf(err), c.situation)
			}
			outcome, ok := term.Outcome(err)
			if !ok || outcome.Path("issue", "code").Text() != c.code {
				t.Errorf("%v: outcome %v", err, outcome)
			}
		})
	}
	// With a count the same expansion is paged.
	if _, err := service.Expand(t.Context(), ask(t, "valueSet", "resource", set(`{"include":[{"system":"http://example.org/many"}]}`),
		"count", "Integer", "10")); err != nil {
		t.Error(err)
	}
}

func TestValidateCode_SpecialSystems(t *testing.T) {
	service := term.New(profiles.R4())
	for name, c := range map[string]struct {
		valueSet, system, code, result string
		information                    bool
	}{
		"unit":                     {"ucum-units", "http://unitsofmeasure.org", "mm[Hg]", "true", false},
		"composed unit":            {"ucum-units", "http://unitsofmeasure.org", "mL/min/{1.73_m2}", "true", false},
		"no unit":                  {"ucum-units", "http://unitsofmeasure.org", "mmHgg", "false", false},
		"listed unit":              {"ucum-vitals-common", "http://unitsofmeasure.org", "Cel", "true", false},
		"unlisted unit":            {"ucum-vitals-common", "http://unitsofmeasure.org", "K", "false", false},
		"unit of a dimension":      {"all-time-units", "http://unitsofmeasure.org", "wk", "true", false},
		"unit of another":          {"all-time-units", "http://unitsofmeasure.org", "kg", "false", false},
		"mime type":                {"mimetypes", "urn:ietf:bcp:13", "application/fhir+json; charset=utf-8", "true", false},
		"no mime type":             {"mimetypes", "urn:ietf:bcp:13", "json", "false", false},
		"language":                 {"all-languages", "urn:ietf:bcp:47", "de-CH-1996", "true", false},
		"no language":              {"all-languages", "urn:ietf:bcp:47", "german language", "false", false},
		"country":                  {"iso3166-1-3", "urn:iso:std:iso:3166", "CHE", "true", false},
		"no country":               {"iso3166-1-3", "urn:iso:std:iso:3166", "XYZ", "false", false},
		"two-letter country there": {"iso3166-1-3", "urn:iso:std:iso:3166", "CH", "false", false},
		"currency":                 {"currencies", "urn:iso:std:iso:4217", "EUR", "true", false},
		"no currency":              {"currencies", "urn:iso:std:iso:4217", "EURO", "false", false},
		"MDC we know":              {"devicemetric-type", "urn:iso:std:iso:11073:10101", "150456", "true", false},
		"SNOMED CT by filter":      {"condition-code", "http://snomed.info/sct", "38341003", "true", true},
		"LOINC, all of it":         {"observation-codes", "http://loinc.org", "8867-4", "true", true},
		"LOINC that is listed":     {"doc-section-codes", "http://loinc.org", "10154-3", "true", false},
		"LOINC that is not":        {"doc-section-codes", "http://loinc.org", "1-8", "false", false},
		"another system there":     {"observation-codes", "http://example.org/x", "1", "false", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := service.ValidateCode(t.Context(), ask(t, "url", "Uri", "http://hl7.org/fhir/ValueSet/"+c.valueSet,
				"system", "Uri", c.system, "code", "Code", c.code))
			if err != nil {
				t.Fatal(err)
			}
			if get(out, "result") != c.result {
				t.Errorf("%s", out.JSON())
			}
			if said := strings.Contains(string(out.JSON()), `"severity":"information"`) && strings.Contains(string(out.JSON()), "unknown whether"); said != c.information {
				t.Errorf("information %v: %s", said, out.JSON())
			}
		})
	}
}

func TestExpand_SpecialSystems(t *testing.T) {
	service := term.New(profiles.R4())
	for valueSet, want := range map[string]string{
		"ucum-units":            "% %/100{WBC} %{0to3Hours}",
		"iso3166-1-3":           "AND ARE AFG",
		"currencies":            "AED AFN ALL",
		"all-languages":         "ar bn cs",
		"administrative-gender": "male female other",
	} {
		out, err := service.Expand(t.Context(), ask(t, "url", "Uri", "http://hl7.org/fhir/ValueSet/"+valueSet, "count", "Integer", "3"))
		if err != nil {
			t.Errorf("%s: %v", valueSet, err)
			continue
		}
		if got := codes(out.Path("expansion", "contains")); got != want {
			t.Errorf("%s: %q, want %q", valueSet, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	service := term.New(memory{resource(t, animals)})
	out, err := service.Lookup(t.Context(), ask(t, "system", "Uri", "http://example.org/animals", "code", "Code", "bat"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"name": "Animals", "version": "1.0.0", "display": "Bat"} {
		if got := get(out, name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	for _, want := range []string{
		`"part":[{"name":"code","valueCode":"legs"},{"name":"value","valueInteger":2}]`,
		`"part":[{"name":"code","valueCode":"parent"},{"name":"value","valueCode":"mammal"},{"name":"description","valueString":"Mammal"}]`,
		`"part":[{"name":"code","valueCode":"parent"},{"name":"value","valueCode":"flyer"},{"name":"description","valueString":"Flying thing"}]`,
	} {
		if !strings.Contains(string(out.JSON()), want) {
			t.Errorf("no %s in %s", want, out.JSON())
		}
	}
	_, err = service.Lookup(t.Context(), ask(t, "system", "Uri", "http://example.org/animals", "code", "Code", "unicorn"))
	if fhir.SituationOf(err) != fhir.SituationNotFound {
		t.Errorf("unknown code: %v", err)
	}
}

func TestSubsumes(t *testing.T) {
	service := term.New(memory{resource(t, animals)})
	for codes, want := range map[[2]string]string{
		{"animal", "dog"}: "subsumes", {"dog", "animal"}: "subsumed-by", {"dog", "dog"}: "equivalent",
		{"dog", "bird"}: "not-subsumed", {"flyer", "bat"}: "subsumes",
	} {
		out, err := service.Subsumes(t.Context(), ask(t, "system", "Uri", "http://example.org/animals",
			"codeA", "Code", codes[0], "codeB", "Code", codes[1]))
		if err != nil {
			t.Fatal(err)
		}
		if got := get(out, "outcome"); got != want {
			t.Errorf("%v: %s, want %s", codes, got, want)
		}
	}
}

func TestTranslate_R4(t *testing.T) {
	const maps = `{"resourceType":"ConceptMap","url":"http://example.org/map","version":"2","status":"active",
		"sourceUri":"http://example.org/from-set","group":[{"source":"http://example.org/from","target":"http://example.org/to",
		"element":[{"code":"a","target":[{"code":"x","equivalence":"wider"},{"code":"y","equivalence":"equivalent"}]},
			{"code":"n","target":[{"equivalence":"unmatched"}]}],
		"unmapped":{"mode":"fixed","code":"other"}}]}`
	service := term.New(memory{resource(t, maps)})
	for name, c := range map[string]struct {
		parameters []string
		result     string
		contains   []string
	}{
		"by code": {[]string{"url", "Uri", "http://example.org/map", "system", "Uri", "http://example.org/from", "code", "Code", "a"}, "true",
			[]string{`"valueCode":"wider"`, `"code":"x"`, `"code":"y"`, `"valueUri":"http://example.org/map|2"`}},
		"found by systems": {[]string{"coding", "Coding", `{"system":"http://example.org/from","code":"a"}`, "targetsystem", "Uri", "http://example.org/to"}, "true",
			[]string{`"code":"x"`}},
		"another target":   {[]string{"coding", "Coding", `{"system":"http://example.org/from","code":"a"}`, "targetsystem", "Uri", "http://example.org/else"}, "false", nil},
		"unmatched":        {[]string{"url", "Uri", "http://example.org/map", "system", "Uri", "http://example.org/from", "code", "Code", "n"}, "false", []string{`"unmatched"`}},
		"unmapped":         {[]string{"url", "Uri", "http://example.org/map", "system", "Uri", "http://example.org/from", "code", "Code", "z"}, "true", []string{`"code":"other"`}},
		"reverse":          {[]string{"url", "Uri", "http://example.org/map", "system", "Uri", "http://example.org/to", "code", "Code", "x", "reverse", "Boolean", "true"}, "true", []string{`"code":"a"`}},
		"codeable concept": {[]string{"codeableConcept", "CodeableConcept", `{"coding":[{"system":"http://example.org/q","code":"a"},{"system":"http://example.org/from","code":"a"}]}`}, "true", []string{`"code":"y"`}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := service.Translate(t.Context(), ask(t, c.parameters...))
			if err != nil {
				t.Fatal(err)
			}
			if get(out, "result") != c.result {
				t.Errorf("%s", out.JSON())
			}
			for _, want := range c.contains {
				if !strings.Contains(string(out.JSON()), want) {
					t.Errorf("no %s in %s", want, out.JSON())
				}
			}
		})
	}
}

// TestR4_ExpansionAndMembershipAgree asks every value set of R4 that can be
// expanded whether it has the codes that it has, and one that none has.
func TestR4_ExpansionAndMembershipAgree(t *testing.T) {
	service := term.New(profiles.R4())
	expanded := 0
	for r, err := range profiles.R4().All("ValueSet") {
		if err != nil {
			t.Fatal(err)
		}
		url := r.Get("url").Text()
		out, err := service.Expand(t.Context(), ask(t, "url", "Uri", url, "count", "Integer", "20", "excludeNested", "Boolean", "true"))
		if err != nil {
			var e *fhir.Error
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", url, err)
			}
			continue
		}
		expanded++
		if !json.Valid(out.JSON()) {
			t.Errorf("%s: bad JSON", url)
		}
		for _, c := range out.Path("expansion", "contains").Items() {
			system, code := c.Get("system").Text(), c.Get("code").Text()
			if m := service.InValueSet(t.Context(), url, system, code); m != term.In {
				t.Errorf("%s: %s|%s is %s", url, system, code, m)
			}
			if m := service.InValueSet(t.Context(), url, "", code); m != term.In {
				t.Errorf("%s: %s without its system is %s", url, code, m)
			}
		}
		unclosed := strings.Contains(string(out.JSON()), "valueset-unclosed")
		if m := service.InValueSet(t.Context(), url, "http://example.org/none", "x"); m != term.Out && !unclosed {
			t.Errorf("%s: a code of another system is %s", url, m)
		}
	}
	if expanded < 1200 {
		t.Errorf("only %d value sets can be expanded", expanded)
	}
}

func TestInSystem(t *testing.T) {
	service := term.New(profiles.R4())
	const gender = "http://hl7.org/fhir/administrative-gender"
	for _, c := range []struct {
		system, code, display string
		want                  term.SystemAnswer
	}{
		{gender, "male", "", term.SystemAnswer{Membership: term.In}},
		{gender, "male", "male", term.SystemAnswer{Membership: term.In}},
		{gender, "male", "Boy", term.SystemAnswer{Membership: term.In, Display: "Male"}},
		{gender, "m", "", term.SystemAnswer{Membership: term.Out}},
		{"http://snomed.info/sct", "1", "", term.SystemAnswer{}},
		{"http://example.org/none", "1", "", term.SystemAnswer{}},
		{"http://unitsofmeasure.org", "mg", "milligram", term.SystemAnswer{Membership: term.In}},
		{"http://unitsofmeasure.org", "mgg", "", term.SystemAnswer{Membership: term.Out}},
		{"http://hl7.org/fhir/CodeSystem/example-supplement", "1", "", term.SystemAnswer{Supplement: true}},
	} {
		if got := service.InSystem(t.Context(), c.system, "", c.code, c.display); got != c.want {
			t.Errorf("%s#%s %q: %+v, want %+v", c.system, c.code, c.display, got, c.want)
		}
	}
}

func TestInValueSet_DoesNotAllocate(t *testing.T) {
	service := term.New(profiles.R4())
	ctx := t.Context()
	check := func() {
		if service.InValueSet(ctx, "http://hl7.org/fhir/ValueSet/observation-status|4.0.1", "", "final") != term.In {
			t.Fatal("final is a status")
		}
	}
	check()
	if n := testing.AllocsPerRun(100, check); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkInValueSet(b *testing.B) {
	service := term.New(profiles.R4())
	ctx := b.Context()
	for b.Loop() {
		service.InValueSet(ctx, "http://hl7.org/fhir/ValueSet/observation-status|4.0.1", "", "final")
	}
}

// changing is a source of which the content changes.
type changing struct {
	memory
	generation uint64
}

func (c *changing) Generation() uint64 { return c.generation }

func TestInValueSet_SeesChangedDefinitions(t *testing.T) {
	list := func(code string) *fhir.Resource {
		return resource(t, set(`{"include":[{"system":"http://example.org/s","concept":[{"code":"`+code+`"}]}]}`))
	}
	source := &changing{memory: memory{list("a")}}
	service := term.New(source)
	if m := service.InValueSet(t.Context(), "http://example.org/set", "", "a"); m != term.In {
		t.Fatalf("a is %s", m)
	}
	source.memory, source.generation = memory{list("b")}, 1
	if m := service.InValueSet(t.Context(), "http://example.org/set", "", "a"); m != term.Out {
		t.Errorf("a is %s after the change", m)
	}
}

// TestBudgets_HostileDefinitions: what costs without end is refused in time.
func TestBudgets_HostileDefinitions(t *testing.T) {
	var source memory
	for i := range 40 { // each imports the next twice: 2^40 ways
		source = append(source, resource(t, fmt.Sprintf(`{"resourceType":"ValueSet","url":"http://example.org/v%d","status":"active",
			"compose":{"include":[{"valueSet":["http://example.org/v%d"]},{"valueSet":["http://example.org/v%d"]}]}}`, i, i+1, i+1)))
	}
	source = append(source, resource(t, `{"resourceType":"ValueSet","url":"http://example.org/v40","status":"active","compose":{"include":[]}}`))
	service := term.New(source, term.WithLimits(term.Limits{Work: 50_000, Depth: 100}))
	if _, err := service.Expand(t.Context(), ask(t, "url", "Uri", "http://example.org/v0")); fhir.SituationOf(err) != fhir.SituationTooCostly {
		t.Errorf("expand: %v", err)
	}
	if _, err := service.ValidateCode(t.Context(), ask(t, "url", "Uri", "http://example.org/v0", "system", "Uri", "s:x", "code", "Code", "c")); fhir.SituationOf(err) != fhir.SituationTooCostly {
		t.Errorf("validate: %v", err)
	}
	service.InValueSet(t.Context(), "http://example.org/v0", "s:x", "c")
}

// parsing is a source that parses anew at every question, as a store does.
type parsing struct{ texts map[string]string }

func (p parsing) Find(typ, canonical string) (*fhir.Resource, bool) {
	url, _, _ := strings.Cut(canonical, "|")
	text, ok := p.texts[typ+" "+url]
	if !ok {
		return nil, false
	}
	r, err := fhir.ParseResource([]byte(text))
	return r, err == nil
}

func TestStored_AnotherVersionIsSeen(t *testing.T) {
	system := func(version, code string) string {
		return `{"resourceType":"CodeSystem","id":"a","meta":{"versionId":"` + version + `"},"url":"http://example.org/s","status":"active",
			"content":"complete","concept":[{"code":"` + code + `"}]}`
	}
	source := parsing{map[string]string{"CodeSystem http://example.org/s": system("1", "old")}}
	service := term.New(source)
	ofSystem := func() string {
		out, err := service.Expand(t.Context(), ask(t, "valueSet", "resource", set(`{"include":[{"system":"http://example.org/s"}]}`)))
		if err != nil {
			t.Fatal(err)
		}
		return codes(out.Path("expansion", "contains"))
	}
	if got := ofSystem(); got != "old" {
		t.Errorf("%q", got)
	}
	source.texts["CodeSystem http://example.org/s"] = system("2", "new")
	if got := ofSystem(); got != "new" {
		t.Errorf("%q after the update", got)
	}
}

// TestMDC_PartitionsDecide: the value sets of PHD and PoCD filter by partition,
// which is in the number; a code that our small table lacks is not wrong.
func TestMDC_PartitionsDecide(t *testing.T) {
	metrics := resource(t, set(`{"include":[{"system":"urn:iso:std:iso:11073:10101","filter":[{"property":"partition","op":"in","value":"2,258"}]}]}`))
	service := term.New(memory{metrics})
	for code, want := range map[string]struct {
		member term.Membership
		result string
	}{
		"150456": {term.In, "true"},      // SpO2, partition 2
		"160255": {term.Unknown, "true"}, // partition 2, not in the table
		"262688": {term.Out, "false"},    // a unit
		"70041":  {term.Out, "false"},    // an object
		"MDC_X":  {term.Out, "false"},
	} {
		if m := service.InValueSet(t.Context(), "http://example.org/set", term.MDCSystem, code); m != want.member {
			t.Errorf("%s is %s, want %s", code, m, want.member)
		}
		out, err := service.ValidateCode(t.Context(), ask(t, "url", "Uri", "http://example.org/set", "system", "Uri", term.MDCSystem, "code", "Code", code))
		if err != nil {
			t.Fatal(err)
		}
		if get(out, "result") != want.result {
			t.Errorf("%s: %s", code, out.JSON())
		}
	}
}

// TestTranslate_GoesThroughR4 finds the maps of R4 by the systems they map.
func TestTranslate_GoesThroughR4(t *testing.T) {
	out, err := term.New(profiles.R4()).Translate(t.Context(), ask(t,
		"coding", "Coding", `{"system":"http://hl7.org/fhir/address-use","code":"home"}`, "targetsystem", "Uri", "http://terminology.hl7.org/CodeSystem/v3-AddressUse"))
	if err != nil {
		t.Fatal(err)
	}
	if get(out, "result") != "true" || !strings.Contains(string(out.JSON()), `"code":"H"`) {
		t.Errorf("%s", out.JSON())
	}
}
