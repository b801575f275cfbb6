package path_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

const patient = `{"resourceType":"Patient","id":"p1",
"contained":[{"resourceType":"Organization","id":"o1","name":"Contained","partOf":{"reference":"#"}}],
"extension":[{"url":"http://x/e","valueDecimal":1.50}],"active":true,
"name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":[null,"Jim"],"_given":[{"extension":[{"url":"http://x/why","valueCode":"masked"}]},null]}],
"birthDate":"1974-12","_birthDate":{"id":"bd","extension":[{"url":"http://x/time","valueDateTime":"1974-12-25T14:35:45-05:00"}]},
"deceasedBoolean":false,"multipleBirthInteger":2,
"managingOrganization":{"reference":"#o1"},
"contact":[{"relationship":[{"coding":[{"system":"http://x","code":"N"}]}]}]}`

// TestSpec goes through FHIRPath section by section, beyond HL7's suite. The
// result is written as the items' texts, or their locations, parted by "; ".
func TestSpec(t *testing.T) {
	model, _ := coreModel(t)
	root := model.Root(mustParse(t, patient))
	now := time.Date(2024, 3, 10, 2, 30, 15, 123e6, time.FixedZone("", -5*3600))
	env := &path.Env{Now: now, Variables: map[string]path.Collection{"limit": {path.Integer(7)}, "none": {}}}
	for _, c := range []struct{ section, expression, want string }{
		// §2 literals
		{"2.1", `'\u0041\\\'b'`, `A\'b`},
		{"2.1", "'\\uD83D\\uDE00'.length()", "1"},
		{"2.1", "@T14:30:14.559", "14:30:14.559"},
		{"2.1", "@2015-02-04T14:34:28+09:00", "2015-02-04T14:34:28+09:00"},
		{"2.1", "@2015-02-04T14", "2015-02-04T14"},
		{"2.1", "@2015-@2014", "execution"},
		{"2.1", "4.5 'mg'", "4.5 'mg'"},
		{"2.1", "1 year", "1 year"},
		{"2.1", "2 'mg' /* two */ // milligrams", "2 'mg'"},
		{"2.1", "`active`", "true"},
		// §3 paths
		{"3.1", "Patient.name.given", "Peter; James; Patient.name[1].given[0]; Jim"},
		{"3.1", "Patient.name[1].given[1]", "Jim"},
		{"3.1", "Patient.name[7]", ""},
		{"3.1", "Observation.code", ""},
		{"3.1", "Resource.id | DomainResource.id", "p1"},
		{"3.1", "contact.relationship.coding.code", "N"},
		{"3.1", "deceased", "false"},
		{"3.1", "deceasedBoolean", ""},
		{"3.1", "multipleBirth is integer", "true"},
		// primitives with extensions
		{"R4", "birthDate.extension('http://x/time').value", "1974-12-25T14:35:45-05:00"},
		{"R4", "birthDate.id", "bd"},
		{"R4", "name.given.extension.value", "masked"},
		{"R4", "name.given.hasValue()", "false"},
		{"R4", "name[1].given[0].hasValue()", "false"},
		{"R4", "name[1].given[1].getValue() is System.String", "true"},
		{"R4", "name[1].given[0].exists()", "true"},
		{"R4", "extension('http://x/e').value", "1.50"},
		{"R4", "extension('http://x/e').value.precision()", "2"},
		{"R4", "hasExtension('http://x/e')", "true"},
		// resolve, contained
		{"R4", "managingOrganization.resolve().name", "Contained"},
		{"R4", "contained.partOf.resolve().id", "p1"},
		{"R4", "contained.where(%resource.id = 'p1').id", "o1"},
		{"R4", "contained.select(%rootResource.id)", "p1"},
		{"R4", "managingOrganization.where(resolve() is Organization).exists()", "true"},
		{"R4", "managingOrganization.where(resolve() is Patient).exists()", "false"},
		{"R4", "checkModifiers('http://x/m').id", "p1"},
		{"R4", "conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", "true"},
		{"R4", "conformsTo('http://hl7.org/fhir/StructureDefinition/Person')", "false"},
		{"R4", "conformsTo('http://trash')", "execution"},
		{"R4", "%`ext-patient-birthTime`", "http://hl7.org/fhir/StructureDefinition/patient-birthTime"},
		{"R4", "%\"vs-names\"", "http://hl7.org/fhir/ValueSet/names"},
		// §4.5 singleton evaluation, §5.1 existence
		{"4.5", "name and true", "execution"},
		{"4.5", "active and true", "true"},
		{"4.5", "id and true", "true"},
		{"5.1", "{}.exists()", "false"},
		{"5.1", "name.all(given.exists())", "true"},
		{"5.1", "{}.all(false)", "true"},
		{"5.1", "name.exists(use = 'usual')", "true"},
		{"5.1", "(true|false).anyFalse()", "true"},
		{"5.1", "(1|2).subsetOf(1|2|3)", "true"},
		{"5.1", "(1|2|3).supersetOf(4)", "false"},
		{"5.1", "1.combine(1.0).isDistinct()", "false"},
		// §5.2 filtering
		{"5.2", "name.where($index = 1).use", "usual"},
		{"5.2", "name.select(given.count())", "2; 2"},
		{"5.2", "descendants().ofType(code)", "official; usual; masked; N"},
		{"5.2", "children().ofType(HumanName).use", "official; usual"},
		{"5.2", "(1|2|3).repeat(iif($this < 10, $this * 2, {}))", "2; 4; 6; 8; 12; 16"},
		// §5.3 subsetting, §5.4 combining
		{"5.3", "(1|2|3).single()", "execution"},
		{"5.3", "(1|2|3).skip(-1)", "1; 2; 3"},
		{"5.3", "(1|2|3).take(9)", "1; 2; 3"},
		{"5.3", "(1|2|2|3).intersect(2|3)", "2; 3"},
		{"5.3", "(1|2|3).exclude(2)", "1; 3"},
		{"5.4", "(1.0|1)", "1.0"},
		// §5.5 conversion
		{"5.5", "'2015-02'.toDate()", "2015-02"},
		{"5.5", "'2015-13'.toDate()", ""},
		{"5.5", "@2015-02-03T10:00:00Z.toDate()", "2015-02-03"},
		{"5.5", "'+12'.toInteger()", "12"},
		{"5.5", "'2147483648'.toInteger()", ""},
		{"5.5", "'1e3'.toDecimal()", ""},
		{"5.5", "'Y'.toBoolean()", "true"},
		{"5.5", "'10 \\'mg\\''.toQuantity()", "10 'mg'"},
		{"5.5", "'4 days'.toQuantity()", "4 days"},
		{"5.5", "'4 dayss'.toQuantity()", ""},
		{"5.5", "1 'g'.toQuantity('mg')", "1000 'mg'"},
		{"5.5", "1 'g'.convertsToQuantity('m')", "false"},
		{"5.5", "birthDate.toString()", "1974-12"},
		// §5.6 strings
		{"5.6", "'äbc'.indexOf('c')", "2"},
		{"5.6", "'äbc'.substring(1)", "bc"},
		{"5.6", "'abc'.substring(1, 1)", "b"},
		{"5.6", "'abc'.substring(-1)", ""},
		{"5.6", "'abc'.replaceMatches('(?P<x>b)', '[$1]')", "a[b]c"},
		{"5.6", "'abc'.matches('(')", "semantic"},
		{"5.6", "'abc'.matches('(' & '')", "execution"},
		{"5.6", "'a,b'.split(',')", "a; b"},
		// §5.7 math
		{"5.7", "2.power(-1)", "0.5"},
		{"5.7", "2.power(31)", ""},
		{"5.7", "2.0.power(0.5).round(3)", "1.414"},
		{"5.7", "81.sqrt()", "9"},
		{"5.7", "3.14159.round(3)", "3.142"},
		{"5.7", "(-2.5).round()", "-3"},
		{"5.7", "1.exp().round(10)", "2.7182818285"},
		{"5.7", "100.ln().round(6)", "4.605170"},
		{"5.7", "5.5 'mg'.ceiling()", "6 'mg'"},
		// §6.1, §6.2 equality and comparison of partial dates
		{"6.1", "@2012 = @2012", "true"},
		{"6.1", "@2012 = @2012-01", ""},
		{"6.1", "@2012 = @2013-01", "false"},
		{"6.1", "@2012 ~ @2012-01", "false"},
		{"6.1", "@T10:30 = @T10:30:00", ""},
		{"6.1", "birthDate = @1974-12", "true"},
		{"6.1", "1 = '1'", "false"},
		{"6.1", "1.0 ~ 1.004", "true"},
		{"6.1", "'A  b' ~ 'a  B'", "true"},
		{"6.2", "@2012-01-31 < @2012-02", "true"},
		{"6.2", "birthDate <= @1974-12-31", ""},
		{"6.2", "birthDate < today()", "true"},
		{"6.2", "@2024-03-10T02:30:00-05:00 = @2024-03-10T07:30:00Z", "true"},
		{"6.2", "@2024-03-10T02:30:00 < @2024-03-12T07:30:00Z", "true"},
		{"6.2", "1 < 'a'", "execution"},
		{"6.2", "'a' < {}", ""},
		// §6.4 collections, §6.5 logic
		{"6.4", "{} in (1|2)", ""},
		{"6.4", "1 in {}", "false"},
		{"6.4", "(1|2) contains 2", "true"},
		{"6.5", "{} or true", "true"},
		{"6.5", "false and name", "false"},
		{"6.5", "{} implies true", "true"},
		// §6.6 arithmetic
		{"6.6", "2147483647 + 1", ""},
		{"6.6", "0.1 + 0.2", "0.3"},
		{"6.6", "1 / 3", "0.3333333333333333333333333333"},
		{"6.6", "(-7) div 2", "-3"},
		{"6.6", "5.5 mod 2", "1.5"},
		{"6.6", "1 / 0", ""},
		{"6.6", "1.1 'm' + 10 'cm'", "120 'cm'"},
		{"6.6", "1 'm' + 1 's'", ""},
		{"6.6", "3 'm' * 2", "6 'm'"},
		{"6.6", "6 'g' / 2 'L'", "3 'g/L'"},
		{"6.6", "6 'g' / 2 'g'", "3 '1'"},
		{"6.6", "20 'Cel' = 68 '[degF]'", "true"},
		{"6.6", "1 year = 12 months", "true"},
		{"6.6", "1 year ~ 1 'a'", "true"},
		{"6.6", "{} & 'a'", "a"},
		{"6.6", "{} + 'a'", ""},
		// §6.8 date arithmetic
		{"6.8", "@2024-01-31 + 1 month", "2024-02-29"},
		{"6.8", "@2024-02-29 - 1 year", "2023-02-28"},
		{"6.8", "@2024 + 13 months", "2025"},
		{"6.8", "@2024-01-01 - 25 hours", "2023-12-31"},
		{"6.8", "@T23:30 + 45 minutes", "00:15"},
		{"6.8", "@T23:30 + 1 day", "execution"},
		{"6.8", "@9999-12-31 + 1 day", ""},
		{"6.8", "@2024-12-31T23:59:59.9Z + 0.2 seconds", "2025-01-01T00:00:00.1Z"},
		// §7 aggregates, §8 variables, §5.9 utility
		{"7", "(1|2|3).aggregate($total + $this, 0)", "6"},
		{"8", "%limit + 1", "8"},
		{"8", "%none", ""},
		{"8", "%unknown", "execution"},
		{"5.9", "now()", "2024-03-10T02:30:15.123-05:00"},
		{"5.9", "today()", "2024-03-10"},
		{"5.9", "timeOfDay()", "02:30:15.123"},
		{"5.9", "now() = now()", "true"},
		// §6.3 types, §10 reflection
		{"6.3", "Patient is DomainResource", "true"},
		{"6.3", "contact is BackboneElement", "true"},
		{"6.3", "contact.type().name", "BackboneElement"},
		{"6.3", "name.use.first() is string", "true"},
		{"6.3", "name.use.ofType(string)", ""},
		{"6.3", "1 is System.Integer", "true"},
		{"6.3", "1 is Nothing", "semantic"},
		{"6.3", "active.is(Other.Thing)", "semantic"},
		// errors
		{"err", "name.", "syntax"},
		{"err", "name given", "syntax"},
		{"err", "'abc", "syntax"},
		{"err", "@2015-13-01", "syntax"},
		{"err", "name.nothing()", "semantic"},
		{"err", "name.where()", "semantic"},
		{"err", "name.substring(0)", "execution"},
	} {
		x, err := path.Compile(c.expression, path.WithModel(model))
		var got string
		if err == nil {
			var items path.Collection
			items, err = x.Eval(context.Background(), env, root)
			got = texts(items)
		}
		if kind, ok := path.KindOf(err); ok {
			got = kind.String()
		}
		if got != c.want {
			t.Errorf("§%s %s: %q, want %q (%v)", c.section, c.expression, got, c.want, err)
		}
	}
}

func texts(items path.Collection) string {
	var parts []string
	for _, it := range items {
		text, ok := it.Text()
		if !ok {
			text = it.Location()
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestResolve_InBundle(t *testing.T) {
	model, _ := coreModel(t)
	root := model.Root(mustParse(t, `{"resourceType":"Bundle","entry":[
{"fullUrl":"http://x/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1","active":true}},
{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Device","id":"2"}},
{"fullUrl":"http://x/fhir/Observation/3","resource":{"resourceType":"Observation","id":"3","subject":{"reference":"Patient/1"},"device":{"reference":"urn:uuid:2"},
"performer":[{"reference":"http://x/fhir/Patient/1"},{"reference":"Practitioner/7"},{"reference":"http://other/Patient/1"}]}}]}`))
	outside := mustParse(t, `{"resourceType":"Practitioner","id":"7"}`)
	env := &path.Env{Resolve: func(_ context.Context, ref string) (*fhir.Resource, error) {
		if ref == "Practitioner/7" {
			return outside, nil
		}
		return nil, nil
	}}
	for expression, want := range map[string]string{
		"Bundle.entry.resource.ofType(Observation).subject.resolve()":             "Bundle.entry[0].resource",
		"Bundle.entry.resource.ofType(Observation).device.resolve().id":           "2",
		"Bundle.entry.resource.ofType(Observation).performer.resolve().id":        "1; 7",
		"Bundle.entry.resource.ofType(Observation).where(%resource is Bundle).id": "3",
	} {
		x, err := path.Compile(expression, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		items, err := x.Eval(context.Background(), env, root)
		if got := texts(items); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", expression, got, want, err)
		}
	}
	failing := &path.Env{Resolve: func(context.Context, string) (*fhir.Resource, error) { return nil, errors.New("away") }}
	x, _ := path.Compile("subject.resolve()", path.WithModel(model))
	_, err := x.Eval(context.Background(), failing, model.Root(mustParse(t, `{"resourceType":"Observation","subject":{"reference":"Patient/9"}}`)))
	if err == nil || !strings.Contains(errors.Unwrap(err).Error(), "away") {
		t.Errorf("a failing look-up gives %v", err)
	}
}

func TestEnv_AsksOutside(t *testing.T) {
	model, _ := coreModel(t)
	root := model.Root(mustParse(t, observation))
	env := &path.Env{
		MemberOf: func(_ context.Context, it path.Item, vs string) (bool, bool, error) {
			return it.Location() == "Observation.code", vs != "http://x/unknown", nil
		},
		ConformsTo: func(_ context.Context, _ path.Item, profile string) (bool, bool, error) {
			return profile == "http://x/good", true, nil
		},
		Subsumes:   func(context.Context, path.Item, path.Item) (bool, bool, error) { return true, true, nil },
		HTMLChecks: func(div string) bool { return strings.Contains(div, "107") },
		Slice: func(context.Context, path.Item, string, string) (path.Collection, error) {
			return path.Collection{path.Integer(1)}, nil
		},
	}
	traced := ""
	env.Trace = func(name string, items path.Collection) { traced += name + "=" + texts(items) }
	for expression, want := range map[string]string{
		"code.memberOf('http://x/vs')":                "true",
		"category.memberOf('http://x/vs')":            "false",
		"code.memberOf('http://x/unknown')":           "",
		"conformsTo('http://x/bad')":                  "false",
		"code.subsumes(category)":                     "true",
		"text.`div`.htmlChecks()":                     "true",
		"slice('http://x', 's')":                      "1",
		"component.trace('n', code.text | id).id":     "",
		"component[0].trace('c', value.unit).count()": "1",
	} {
		x, err := path.Compile(expression, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		items, err := x.Eval(context.Background(), env, root)
		if got := texts(items); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", expression, got, want, err)
		}
	}
	if !strings.Contains(traced, "c=mmHg") {
		t.Errorf("trace told %q", traced)
	}
}

// TestWithoutModel navigates on names alone.
func TestWithoutModel(t *testing.T) {
	var none *path.Model
	root := none.Root(mustParse(t, observation))
	for expression, want := range map[string]string{
		"Observation.component.value.value":                 "107; 60",
		"Observation.effective.toString().substring(0,4)":   "2024",
		"(Observation.component[0].value as Quantity).unit": "mmHg",
		"Patient.name": "",
		"Observation.code.coding.where(code = '85354-9').system": "http://loinc.org",
		"component.value > 100 'mm[Hg]'":                         "execution",
		"component[0].value > 100 'mm[Hg]'":                      "true",
	} {
		x, err := path.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		items, err := x.Eval(context.Background(), nil, root)
		got := texts(items)
		if kind, ok := path.KindOf(err); ok {
			got = kind.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q (%v)", expression, got, want, err)
		}
	}
}

// TestBudget ends what would run long.
func TestBudget(t *testing.T) {
	model, _ := coreModel(t)
	root := model.Root(mustParse(t, observation))
	for _, expression := range []string{
		"(1).repeat($this + 1)",
		"descendants().select(%resource.descendants()).select(%resource.descendants()).select(%resource.descendants())",
		"descendants().aggregate($total & $total & 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'x')",
		"descendants().aggregate($total.combine($total), 1|2)",
		"descendants().aggregate($total * $total, 123456789.123456789).toString().length() > 0 and (1).repeat($this+1).exists()",
		"'" + strings.Repeat("a", 50000) + "'.replace('', '" + strings.Repeat("b", 200) + "')",
	} {
		x, err := path.Compile(expression, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = x.Eval(context.Background(), &path.Env{Limits: path.Limits{Steps: 200_000}}, root)
		if kind, _ := path.KindOf(err); err == nil || kind != path.Budget {
			t.Errorf("%.80s: %v", expression, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.80s took %v", expression, took)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x, _ := path.Compile("(1).repeat($this + 1)", path.WithModel(model))
	if _, err := x.Eval(ctx, nil, root); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, text := range []string{strings.Repeat("(", 100000), strings.Repeat("-", 5000) + "1", strings.Repeat("a.", 5000) + "a", "1" + strings.Repeat("+1", 5000), strings.Repeat("a", path.MaxLength+1)} {
		if _, err := path.Compile(text); err == nil {
			t.Errorf("%.20s... of %d bytes compiles", text, len(text))
		}
	}
}

func TestError_SaysWhere(t *testing.T) {
	_, err := path.Compile("name.given\n  .nothing()")
	var e *path.Error
	if !errors.As(err, &e) || e.Line != 2 || e.Column != 4 || e.Kind != path.Semantic {
		t.Errorf("%+v", e)
	}
}

func TestCheck(t *testing.T) {
	model, _ := coreModel(t)
	for expression, ok := range map[string]bool{
		"Patient.name.given":                                    true,
		"name.givn":                                             false,
		"Patient.contact.name.family":                           true,
		"Observation.value":                                     false,
		"Patient.deceased.value":                                true,
		"contact.where(relationship.codin.exists())":            false,
		"name.select(given & family).first()":                   true,
		"birthDate + 1":                                         false,
		"birthDate + 1 day":                                     true,
		"contained.anything":                                    true,
		"link.other.resolve().whatever":                         true,
		"(deceased as dateTime).extension.value.as(Quantity).x": false,
		"maritalStatus.startsWith('a')":                         false,
		"name.type().name":                                      true,
		"name.use.lower().length() + 1":                         true,
	} {
		x, err := path.Compile(expression, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Check("Patient", false); (err == nil) != ok {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// What gives Booleans is known without data, where it can be.
func TestBoolean(t *testing.T) {
	model, _ := coreModel(t)
	for expression, want := range map[string]bool{
		"Patient.active": true,
		"Patient.deceased.exists() and Patient.deceased != false": true,
		"Patient.active | Patient.deceased.exists()":              true,
		"Patient.gender":                  false,
		"Patient.deceased":                false, // or a dateTime
		"Patient.active | Patient.gender": false,
		"Patient.name.nothing":            false,
		"Patient.link.other.resolve()":    false,
	} {
		x, err := path.Compile(expression, path.WithModel(model))
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Boolean("Patient"); got != want {
			t.Errorf("%s: %v", expression, got)
		}
	}
}

func TestSafeHTML(t *testing.T) {
	model, _ := coreModel(t)
	x, err := path.Compile("text.`div`.htmlChecks()", path.WithModel(model))
	if err != nil {
		t.Fatal(err)
	}
	for div, want := range map[string]bool{
		`<div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div>`:        true,
		`<div xmlns="http://www.w3.org/1999/xhtml"><img src="#a"/></div>`: true,
		`<div xmlns="http://www.w3.org/1999/xhtml"> <p/> </div>`:          false,
		`<div><p>a</p></div>`: false,
		`<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>`:                                       false,
		`<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x">a</p></div>`:                                     false,
		`<div xmlns="http://www.w3.org/1999/xhtml"><a href=" JavaScript:x">a</a></div>`:                            false,
		`<div xmlns="http://www.w3.org/1999/xhtml"><p>a</div>`:                                                     false,
		`<!DOCTYPE x [<!ENTITY y "z">]><div xmlns="http://www.w3.org/1999/xhtml"><p>&y;</p></div>`:                 false,
		`<div xmlns="http://www.w3.org/1999/xhtml">&nbsp;a</div><div xmlns="http://www.w3.org/1999/xhtml">b</div>`: false,
	} {
		r := fhir.NewResource("Patient")
		r.Root().Set("text", fhir.NewObject(fhir.S("status", "generated"), fhir.S("div", div)))
		got, err := x.EvalBool(context.Background(), nil, model.Root(r))
		if err != nil || got != want {
			t.Errorf("%s: %v %v", div, got, err)
		}
	}
}

// TestConcurrent shares one expression and model among goroutines.
func TestConcurrent(t *testing.T) {
	model, _ := coreModel(t)
	r := mustParse(t, observation)
	x, err := path.Compile("Observation.component.where(value > 100 'mm[Hg]').code.coding.code | Patient.name", path.WithModel(model))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				items, err := x.Eval(context.Background(), nil, model.Root(r))
				if got := texts(items); err != nil || got != "8480-6; 150021" {
					t.Errorf("%s %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
