package query

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

func parse(t testing.TB, text string) *fhir.Element {
	t.Helper()
	e, err := fhir.ParseElement([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return e
}

// shown are the matches as "path=json", computed ones without a path.
func shown(t testing.TB, language, text string, in Match) string {
	t.Helper()
	x, err := Compile(language, text)
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.Find(in, &Budget{Steps: 10000, Bytes: 1 << 20})
	if err != nil {
		return "error " + err.Error()
	}
	var parts []string
	for _, m := range found {
		parts = append(parts, m.Path()+"="+string(m.Element.AppendJSON(nil)))
	}
	return strings.Join(parts, " ")
}

const document = `{"a":{"b":[1,2.50,{"c":"x"}],"odd name":true},"rows":[{"t":"1","v":5},{"t":"2","v":70},{"v":null}],"Body":{"heart-rate":"78"}}`

func TestJSONPath_RFC9535(t *testing.T) {
	for text, want := range map[string]string{
		"$.a.b[1]":                         "$.a.b[1]=2.50",
		"a.b[1]":                           "$.a.b[1]=2.50",
		"$.a['odd name']":                  "$.a['odd name']=true",
		"$.a.b[-1].c":                      `$.a.b[2].c="x"`,
		"$.a.b[0:2]":                       "$.a.b[0]=1 $.a.b[1]=2.50",
		"$.a.b[::-2]":                      `$.a.b[2]={"c":"x"} $.a.b[0]=1`,
		"$.a.b[0,2].c":                     `$.a.b[2].c="x"`,
		"$..c":                             `$.a.b[2].c="x"`,
		"$.rows[*].v":                      "$.rows[0].v=5 $.rows[1].v=70 $.rows[2].v=null",
		"$.rows[?(@.v > 6)].t":             `$.rows[1].t="2"`,
		"$.rows[?@.t == '1' || @.v==70].v": "$.rows[0].v=5 $.rows[1].v=70",
		"$.rows[?(!@.t)]":                  `$.rows[2]={"v":null}`,
		"$.rows[?(@.v == 5.0)].t":          `$.rows[0].t="1"`,
		"$.rows[?(@.t == 1)].t":            "", // a text is no number
		"$.rows[?(@.v == $.rows[1].v)].t":  `$.rows[1].t="2"`,
		"$.Body.heart-rate":                `$.Body.heart-rate="78"`,
		"$.nothing.there":                  "",
		"$.rows[7]":                        "",
	} {
		if found := shown(t, JSONPath, text, Root(parse(t, document), false)); found != want {
			t.Errorf("%s\n found %s\n want  %s", text, found, want)
		}
	}
}

// The dialect of the templates: the filter is asked about the document itself too,
// and names need no dot after @.
func TestJSONPath_NewtonsoftFilters(t *testing.T) {
	in := Root(parse(t, `{"systolic":1,"diastolic":null,"telemetry":{"HeartRate":7}}`), false)
	for text, want := range map[string]int{
		"$..[?(@systolic && @diastolic)]":      1, // null is there
		"$..[?(@systolic && @pulse)]":          0,
		"$..[?(@pulse || @systolic)]":          1,
		"$..[?(@telemetry.HeartRate)]":         1,
		"$..[?(@HeartRate)]":                   1,
		"$..[?(@HeartRate == 7)]":              1,
		"$..[?((@HeartRate) && !(@systolic))]": 1,
	} {
		x, err := Compile("jsonpath", text)
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.Find(in, &Budget{Steps: 1000, Bytes: 1 << 20})
		if err != nil || len(found) != want {
			t.Errorf("%s: %d found, %v; want %d", text, len(found), err, want)
		}
	}
}

func TestXPath_Subset(t *testing.T) {
	text := func(s string) *fhir.Element { return fhir.NewObject(fhir.S("#text", s)) }
	row := func(id, v string) fhir.Member {
		return fhir.M("row", fhir.NewObject(fhir.S("@id", id), fhir.M("v", text(v))))
	}
	in := Root(fhir.NewObject(fhir.M("vitals", fhir.NewObject(fhir.S("@zone", "Z"), row("a", "5"), row("b", "70"), fhir.M("v", text("9"))))), true)
	for expression, want := range map[string]string{
		"/vitals/@zone":               `/vitals/@zone="Z"`,
		"/vitals/row[2]/v":            `/vitals/row[2]/v={"#text":"70"}`,
		"//row[@id='b']/v/text()":     `/vitals/row[2]/v/text()="70"`,
		"//row[v>6]/@id":              `/vitals/row[2]/@id="b"`,
		"//row[v=5]/@id":              `/vitals/row/@id="a"`,
		"/vitals/row[last()]/@id":     `/vitals/row[2]/@id="b"`,
		"/vitals/row[v>1][2]/@id":     `/vitals/row[2]/@id="b"`,
		"/vitals/row[2][v>100]/@id":   "",
		"//v/text()":                  `/vitals/v/text()="9" /vitals/row/v/text()="5" /vitals/row[2]/v/text()="70"`,
		"/vitals/*[not(@id)]/text()":  `/vitals/v/text()="9"`,
		"/vitals/row[@id='a' or v=9]": `/vitals/row={"@id":"a","v":{"#text":"5"}}`,
		"/x:vitals/./y:row[1]/@id":    `/vitals/row/@id="a"`,
		"vitals/nothing":              "",
	} {
		if found := shown(t, XPath, expression, in); found != want {
			t.Errorf("%s\n found %s\n want  %s", expression, found, want)
		}
	}
}

func TestJMESPath_Grammar(t *testing.T) {
	for text, want := range map[string]string{
		"a.b[1]":                      "$.a.b[1]=2.50",
		`a."odd name"`:                "$.a['odd name']=true",
		"rows[*].v":                   "=5 =70",
		"rows[?v > `6`].t | [0]":      `="2"`,
		"rows[-1]":                    `$.rows[2]={"v":null}`,
		"to_array(@)[?rows].Body":     `={"heart-rate":"78"}`,
		"{x: a.b[0], y: rows[0].t}":   `={"x":1,"y":"1"}`,
		"a.b[0] == `1.0` && 'yes'":    `="yes"`,
		"!a || nothing || 'other'":    `="other"`,
		"nothing":                     "",
		"rows[*].t | length(@)":       "=2",
		"sort_by(rows[?t], &t)[-1].v": "=70",
		"max_by(rows[?v], &v).t":      `="2"`,
		"sum(rows[*].v)":              "=75",
		"avg(a.b[0:2])":               "=1.75",
		"join('-', rows[*].t)":        `="1-2"`,
		"a.*.c":                       "",
		"not_null(nothing, a.b[0])":   "=1",
		"type(a)":                     `="object"`,
		"ceil(`1.2`)":                 "=2",
		"floor(`-1.2`)":               "=-2",
		"keys(a) | [1]":               `="odd name"`,
		"contains(a.b, `2.5`)":        "=true",
		"merge(a, {b: `0`}).b":        "=0",
		"reverse('abc')":              `="cba"`,
		"map(&v, rows) | [1]":         "=70",
		"to_string(`1.50`)":           `="1.50"`,
		"to_number('1.50')":           "=1.50",
		"to_number('x')":              "",
		`'it\'s'`:                     `="it's"`,
		"a.b[].c | [0]":               `="x"`,
		"[a.b[0], a.b[1]] | [1]":      "=2.50",
		"abs(`-3`)":                   "=3",
		"starts_with('sample', 'sa')": "=true",
		"values({x: `1`}) | [0]":      "=1",
		"sort(['b','a']) | [0]":       `="a"`,
		"min([`3`,`1.5`])":            "=1.5",
		"(rows[*].v)[1]":              "=70",
		"rows[?t == '2'].v | [0] | @": "=70",
		"rows[0:2].v | [1]":           "=70",
		"length(rows[?!t])":           "=1",
	} {
		found := shown(t, JMESPath, text, Root(parse(t, document), false))
		if found != want {
			t.Errorf("%s\n found %s\n want  %s", text, found, want)
		}
	}
}

// Every documented result of the custom functions of iomt-fhir.
func TestJMESPath_IomtFunctions(t *testing.T) {
	var file struct {
		Cases []struct {
			Given              *string
			Expression, Result string
		}
	}
	data := shared.Read(t, "vectors", "iomt-fhir", "custom_function_cases.json")
	if err := json.Unmarshal(data, &file); err != nil || len(file.Cases) < 28 {
		t.Fatal(len(file.Cases), err)
	}
	for _, c := range file.Cases {
		given := "{}"
		if c.Given != nil {
			given = *c.Given
		}
		found := strings.TrimPrefix(shown(t, JMESPath, c.Expression, Root(parse(t, given), false)), "=")
		if strings.Contains(c.Result, "error") {
			want := strings.ReplaceAll(c.Result, " :", ":")
			if !strings.HasPrefix(found, "error ") || !strings.HasSuffix(found, want) {
				t.Errorf("%s: %s, want %s", c.Expression, found, want)
			}
			continue
		}
		if found != c.Result {
			t.Errorf("%s: %s, want %s", c.Expression, found, c.Result)
		}
	}
}

// Numbers are exact, and rounded only where no decimal writes them.
func TestJMESPath_DecimalsAreExact(t *testing.T) {
	for text, want := range map[string]string{
		"multiply(`78`, `0.0254`)":            "=1.9812",
		"add(`0.1`, `0.2`)":                   "=0.3",
		"subtract(`98.6`, `32`)":              "=66.6",
		"divide(`1`, `3`)":                    "=0.333333333333333",
		"divide(`1`, `8`)":                    "=0.125",
		"pow(`2`, `-2`)":                      "=0.25",
		"pow(`2`, `0.5`)":                     "=1.414213562373095",
		"pow(`-8`, `0.5`)":                    "error pow: mathematic error: no real number",
		"pow(`0`, `-1`)":                      "error pow: mathematic error: divide by zero",
		"multiply(`1e28`, `10`)":              "error multiply: mathematic error: overflow",
		"multiply(`1e999999999`, `10`)":       "error multiply: mathematic error: overflow",
		"pow(`1.0000000001`, `4000`)":         "error pow: mathematic error: overflow",
		"add('1', `1`)":                       "error add: a string is not a number",
		"fromUnixTimestampMs(`1500`)":         `="1970-01-01T00:00:01.500+0"`,
		"fromUnixTimestamp(`99999999999999`)": "error fromUnixTimestamp: error: out of range",
	} {
		if found := shown(t, JMESPath, text, Root(parse(t, "{}"), false)); found != want {
			t.Errorf("%s\n found %s\n want  %s", text, found, want)
		}
	}
}

func TestCompile_RefusesWithPlace(t *testing.T) {
	for _, c := range []struct{ language, text, want string }{
		{"JsonPath", "$.a[", "at character 5"},
		{"JsonPath", "$.a[?(@.b =~ /x/)]", "regular expressions"},
		{"JsonPath", "$.a[0:1:0]", "steps of 0"},
		{"JsonPath", "$..", "name is missing"},
		{"JsonPath", "", "empty"},
		{"JsonPath", "$[?" + strings.Repeat("(", 40) + "@" + strings.Repeat(")", 40) + "]", "nests deeper"},
		{"JsonPath", strings.Repeat("a", 5000), "at most"},
		{"JmesPath", "a.b[", "at character"},
		{"JmesPath", "nosuch(@)", "no function nosuch"},
		{"JmesPath", "add(`1`)", "number of arguments"},
		{"JmesPath", "sort_by(a, b)", "wrong kind"},
		{"JmesPath", "a b", "not understood"},
		{"JmesPath", strings.Repeat("(", 100), "nests deeper"},
		{"XPath", "/a/../b", "parent axis"},
		{"XPath", "/child::a", "axes"},
		{"XPath", "/a[0]", "from 1"},
		{"Liquid", "x", "no expression language"},
	} {
		if _, err := Compile(c.language, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.30q: %v, want %s", c.language, c.text, err, c.want)
		}
	}
}

// No expression makes a search long: the budget ends it.
func TestFind_IsBounded(t *testing.T) {
	deep := strings.Repeat(`[`, 60) + strings.Repeat("]", 60)
	wide := "[" + strings.Repeat(`{"a":1},`, 5000) + `{"a":1}]`
	for _, c := range []struct{ language, text, in string }{
		{"JsonPath", "$..*..*..*", wide},
		{"JsonPath", "$..[?($..[?(@.a)])]", wide},
		{"JmesPath", "[].[@,@][].[@,@][].[@,@][].[@,@]", wide},
		{"JmesPath", "map(&join('x', map(&to_string(@), $$)), @)", wide},
		{"XPath", "//*//*//*", wide},
		{"JsonPath", "$..*..*..*", deep},
	} {
		x, err := Compile(c.language, c.text)
		if err != nil {
			continue
		}
		b := &Budget{Steps: 100000, Bytes: 1 << 22}
		if found, err := x.Find(Root(parse(t, c.in), false), b); err == nil && len(found) > 100000 || err != nil && !errors.Is(err, ErrSteps) && !errors.Is(err, ErrBytes) {
			t.Errorf("%s: %d, %v", c.text, len(found), err)
		}
	}
}

func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{"$..[?(@a && @b)]", "a.b[?c > `1`].{x: d}", "//row[@id='a'][2]/v", "multiply(to_number(a), `2`)", "pow(`2`,`0.5`)"} {
		f.Add(seed, document)
	}
	f.Fuzz(func(t *testing.T, text, in string) {
		e, err := fhir.ParseElement([]byte(strings.Clone(in)))
		if err != nil {
			return
		}
		for _, language := range []string{JSONPath, JMESPath, XPath} {
			x, err := Compile(language, text)
			if err != nil {
				continue
			}
			found, _ := x.Find(Root(e, language == XPath), &Budget{Steps: 20000, Bytes: 1 << 20})
			for _, m := range found {
				_, _ = m.Text()
				_ = m.Path()
			}
		}
	})
}
