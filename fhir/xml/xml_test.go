package xml_test

import (
	"errors"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/xml"
	"vitalwire/profiles"
)

const head = `<Patient xmlns="http://hl7.org/fhir">`

func TestParse_ReadsAsJSONIsWritten(t *testing.T) {
	for _, c := range []struct{ name, xml, json string }{
		{"primitives", `<active value="true"/><birthDate value="1970-03-30"/><multipleBirthInteger value="2"/>`,
			`"active":true,"birthDate":"1970-03-30","multipleBirthInteger":2`},
		{"id and extension of a primitive", `<birthDate id="a" value="1970"><extension url="u"><valueString value="Easter"/></extension></birthDate>`,
			`"birthDate":"1970","_birthDate":{"id":"a","extension":[{"url":"u","valueString":"Easter"}]}`},
		{"extension alone", `<birthDate><extension url="u"><valueBoolean value="false"/></extension></birthDate>`,
			`"_birthDate":{"extension":[{"url":"u","valueBoolean":false}]}`},
		{"null padding", `<name><given value="A"/><given id="x"/><given value="C"/></name>`,
			`"name":[{"given":["A",null,"C"],"_given":[null,{"id":"x"},null]}]`},
		{"decimals as written", `<extension url="u"><valueDecimal value="1.500E-3"/></extension>`, `"extension":[{"url":"u","valueDecimal":1.500E-3}]`},
		{"contained", `<contained><Organization><id value="o"/></Organization></contained>`, `"contained":[{"resourceType":"Organization","id":"o"}]`},
		{"element id", `<name id="n"><text value="x"/></name>`, `"name":[{"id":"n","text":"x"}]`},
		{"references and white space", `<name><text value="a&lt;&amp;&quot;&apos;&gt;&#xe9;&#10;b&#9;	c"/></name>`, `"name":[{"text":"a<&\"'>é\nb\t c"}]`},
		{"comments and instructions", `<!-- a --><active value="true"><?x y?><!-- b --></active><!-- c -->`, `"active":true`},
		{"prefixes", `<f:active xmlns:f="http://hl7.org/fhir" value="true"/>`, `"active":true`},
		{"narrative", `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p class='a'>x &amp; &#160;<br/></p></div></text>`,
			`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class='a'>x &amp; &#160;<br/></p></div>"}`},
		{"narrative with prefix", `<text><status value="generated"/><h:div xmlns:h="http://www.w3.org/1999/xhtml"><!-- c --><h:p class='a'>x<h:br/></h:p></h:div></text>`,
			`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"a\">x<br/></p></div>"}`},
	} {
		r, err := xml.Parse([]byte(head+c.xml+`</Patient>`), profiles.R4())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := `{"resourceType":"Patient",` + c.json + `}`
		if got := string(r.JSON()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
		out, err := xml.Append(nil, r, profiles.R4())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if back, err := xml.Parse(out, profiles.R4()); err != nil || !back.Root().Equal(r.Root()) {
			t.Errorf("%s: %s: %v", c.name, out, err)
		}
	}
}

func TestParse_RefusesWithLineAndColumn(t *testing.T) {
	deep := strings.Repeat(`<extension url="u">`, 500) + strings.Repeat(`</extension>`, 500)
	narrative := func(s string) string {
		return head + `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">` + s + `</div></text></Patient>`
	}
	for _, c := range []struct{ text, where, what string }{
		{"", "line 1 column 1", "no element"},
		{"{}", "line 1 column 1", "unexpected '{'"},
		{"<", "column 2", "element name"},
		{head, "column 38", "not closed at the end"},
		{head + "</patient>", "column 38", "</patient> closes <Patient>"},
		{head + "</Patient><Patient/>", "column 48", "second root"},
		{head + "</Patient>x", "column 48", "outside the root"},
		{"<Patient/>", "column 1", "namespace"},
		{`<Patient xmlns="http://hl7.org/fhir/">` + "</Patient>", "column 1", "namespace"},
		{`<Nothing xmlns="http://hl7.org/fhir"/>`, "column 1", "no resource type"},
		{`<Resource xmlns="http://hl7.org/fhir"/>`, "column 1", "no resource type"},
		{`<!DOCTYPE x [<!ENTITY a "b">]>` + head + "</Patient>", "column 1", "document type"},
		{head + `<active value="&x;"/></Patient>`, "column 53", "entity \"x\" is not known"},
		{head + `<active value="&nbsp;"/></Patient>`, "column 53", "entity \"nbsp\" is not known"},
		{head + `<active value="&#0;"/></Patient>`, "column 53", "no character"},
		{head + `<active value="&#xD800;"/></Patient>`, "column 53", "no character"},
		{head + `<active value="&#x110000;"/></Patient>`, "column 53", "no character"},
		{head + `<active value="a & b"/></Patient>`, "column 55", "&amp;"},
		{head + `<active value="a<b"/></Patient>`, "column 54", "&lt;"},
		{head + `<active value=true/></Patient>`, "column 52", "quotes"},
		{head + `<active value="true"value="x"/></Patient>`, "column 58", "unexpected 'v'"},
		{head + `<active value="true" value="x"/></Patient>`, "column 59", "twice"},
		{head + "<active value=\"\x01\"/></Patient>", "column 53", "U+0001"},
		{head + "<active value=\"\xff\"/></Patient>", "column 53", "UTF-8"},
		{head + "<active value=\"\uFFFE\"/></Patient>", "column 53", "U+FFFE"},
		{head + "<!-- a -- b --></Patient>", "column 45", "comment"},
		{head + "<!-- a </Patient>", "column 38", "not closed"},
		{head + "<a:b/></Patient>", "column 38", "prefix \"a\""},
		{head + "x</Patient>", "column 38", "text is not allowed"},
		{head + "<![CDATA[x]]></Patient>", "column 38", "text is not allowed"},
		{"\xff\xfe<\x00", "column 1", "UTF-16"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?>` + head + "</Patient>", "column 1", "UTF-8"},
		{`<?xml version="1.1"?>` + head + "</Patient>", "column 1", "1.0"},
		{` <?xml version="1.0"?>` + head + "</Patient>", "column 2", "must come first"},
		{`<?xml encoding="UTF-8"?>` + head + "</Patient>", "column 1", "XML declaration"},
		{head + "\n\n  <foo/></Patient>", "line 3 column 3", "\"foo\" is not known"},
		{head + `<active foo="x" value="true"/></Patient>`, "column 46", "attribute \"foo\""},
		{`<Patient xmlns="http://hl7.org/fhir" id="x"/>`, "column 38", "no attribute \"id\""},
		{head + `<active value="1"/></Patient>`, "column 46", "no boolean"},
		{head + `<multipleBirthInteger value="01"/></Patient>`, "column 60", "no integer"},
		{head + `<extension url="u"><valueDecimal value="NaN"/></extension></Patient>`, "column 71", "no decimal"},
		{head + `<active value=""/></Patient>`, "column 46", "is no boolean"},
		{head + `<birthDate value=" "/></Patient>`, "column 49", "must not be empty"},
		{head + `<birthDate/></Patient>`, "column 38", "value or an extension"},
		{head + `<name/></Patient>`, "column 38", "must have content"},
		{head + `<active value="true"/><active value="true"/></Patient>`, "column 60", "must not repeat"},
		{head + `<birthDate value="1970"/><active value="true"/></Patient>`, "column 63", "out of order"},
		{head + `<contained/></Patient>`, "column 38", "resource is missing"},
		{head + `<contained><Patient><id value="a"/></Patient><Patient/></contained></Patient>`, "column 83", "only one resource"},
		{head + `<contained><Foo/></contained></Patient>`, "column 49", "no resource type"},
		{head + `<div xmlns="http://www.w3.org/1999/xhtml"/></Patient>`, "column 38", "XHTML"},
		{head + deep + "</Patient>", "line 1", "deeper than"},
		{narrative(strings.Repeat("<p>", 300) + strings.Repeat("</p>", 300)), "line 1", "deeper than"},
		{narrative(strings.Repeat("<p>", 130) + strings.Repeat("</p>", 130)), "line 1", "deeper than 128"},
		{head + `<text><status value="generated"/><div/></text></Patient>`, "column 71", "http://www.w3.org/1999/xhtml"},
		{narrative("<p>"), "line 1", "</div> closes <p>"},
		{narrative("&nbsp;"), "line 1", "entity"},
		{narrative("]]>"), "line 1", "]]>"},
		{narrative(`<x:p xmlns:x="urn:x"/>`), "line 1", "must be XHTML"},
		{head + `<active` + strings.Repeat(` xmlns:a="b"`, 2) + `/></Patient>`, "column 58", "twice"},
	} {
		r, err := xml.Parse([]byte(c.text), profiles.R4())
		if err == nil {
			t.Errorf("%.80q was taken: %s", c.text, r.JSON())
			continue
		}
		if fhir.SituationOf(err) != fhir.SituationMalformed || !strings.Contains(err.Error(), c.where) || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%.120q: %v; want %s, %s", c.text, err, c.where, c.what)
		}
	}
}

func TestParse_CollectsAllWithExpressions(t *testing.T) {
	text := head + `<name><given value="A"/><given/><foo/></name><multipleBirthInteger value="x"/><photo><data value="a"/><contentType value="b"/></photo></Patient>`
	_, err := xml.Parse([]byte(text), profiles.R4())
	var e *fhir.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got []string
	for _, issue := range e.Issues {
		got = append(got, issue.Expression)
	}
	if want := "Patient.name[0].given[1] Patient.name[0] Patient.multipleBirth.ofType(integer) Patient.photo[0].contentType"; strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	root, issues, err := xml.ParseElement([]byte(text), profiles.R4())
	if err != nil || len(issues) != 2 {
		t.Fatal(issues, err)
	}
	want := `{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{}]}],"multipleBirthInteger":"x","photo":[{"data":"a","contentType":"b"}]}`
	if got := string(root.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestParse_TakesWhatXMLAllows(t *testing.T) {
	for _, text := range []string{
		"\uFEFF" + head + "</Patient>",
		`<?xml version='1.0' encoding='utf-8' standalone="yes" ?>` + "\r\n<!-- a -->\n" + head + "\r\n</Patient >\n<!-- b -->\n<?c?>",
		`<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"/>`,
		`<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value = 'true' ></f:active></f:Patient>`,
	} {
		if _, err := xml.Parse([]byte(text), profiles.R4()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParse_TooLong(t *testing.T) {
	if _, err := xml.Parse(make([]byte, xml.MaxSize+1), profiles.R4()); fhir.SituationOf(err) != fhir.SituationTooLong {
		t.Error(err)
	}
}

func TestAppend_OrdersByDefinition(t *testing.T) {
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","valueQuantity":{"code":"kg","value":1.50},"_status":{"id":"s"},"status":"final","extension":[{"valueString":"a\"\n","url":"u"}],"id":"o","text":{"div":"<div>a&nbsp;b</div>","status":"generated"}}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := xml.Append(nil, r, profiles.R4())
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?><Observation xmlns="http://hl7.org/fhir"><id value="o"/><text><status value="generated"/>` +
		`<div xmlns="http://www.w3.org/1999/xhtml">a` + "\u00a0" + `b</div></text><extension url="u"><valueString value="a&quot;&#10;"/></extension>` +
		`<status value="final" id="s"/><valueQuantity><value value="1.50"/><code value="kg"/></valueQuantity></Observation>`
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

func TestAppend_NamesWhatXMLCannotCarry(t *testing.T) {
	for _, c := range []struct{ json, at, what string }{
		{`"foo":1`, "Patient", "\"foo\""},
		{`"name":[{"given":["a",null]}]`, "Patient.name[0].given[1]", "neither"},
		{`"name":["x"]`, "Patient.name[0]", "object"},
		{`"active":{}`, "Patient.active", "primitive"},
		{`"birthDate":"a\u0001"`, "Patient.birthDate", "U+0001"},
		{`"_name":{}`, "Patient.name", "primitive"},
		{`"_birthDate":"x"`, "Patient.birthDate", "object"},
		{`"_birthDate":{"value":"x"},"birthDate":"1970"`, "Patient.birthDate", "value"},
		{`"extension":[{"url":"u","_url":{"id":"a"}}]`, "Patient.extension[0]", "url"},
		{`"contained":[{"id":"x"}]`, "Patient.contained[0]", "resource type"},
		{`"text":{"div":"<div>"}`, "Patient.text.div", "not closed"},
		{`"text":{"div":"<p/>"}`, "Patient.text.div", "one XHTML div"},
		{`"text":{"div":"<div/><div/>"}`, "Patient.text.div", "second root"},
		{`"text":{"div":5}`, "Patient.text.div", "XHTML"},
	} {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"Patient",` + c.json + `}`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = xml.Append(nil, r, profiles.R4())
		var e *fhir.Error
		if !errors.As(err, &e) || e.Situation != fhir.SituationUnprocessable || e.Issues[0].Expression != c.at || !strings.Contains(e.Issues[0].Text, c.what) {
			t.Errorf("%s: %v", c.json, err)
		}
	}
}

// What can be written can be read, whatever the JSON was.
func FuzzAppend(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"x"}]}],"_birthDate":{"extension":[{"url":"u"}]}}`,
		`{"resourceType":"Patient","text":{"div":"<div><p a='&nbsp;'>&copy;<![CDATA[x]]><!-- c --></p></div>"},"contained":[{"resourceType":"Basic"}]}`,
		`{"resourceType":"Observation","valueQuantity":{"value":1.50},"valueString":"a\u0085\r\n","status":5,"category":{}}`,
		`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Parameters","parameter":[{"valueBoolean":true}]}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := fhir.ParseResource(data)
		if err != nil {
			return
		}
		out, err := xml.Append(nil, r, profiles.R4())
		if err != nil {
			if fhir.SituationOf(err) != fhir.SituationUnprocessable {
				t.Errorf("%v is no Unprocessable", err)
			}
			return
		}
		if _, _, err := xml.ParseElement(out, profiles.R4()); err != nil {
			t.Errorf("%q written as %q cannot be read: %v", data, out, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		head + `<name id="n"><given value="A&#x41;"/><given id="x"/></name><birthDate value="1970"><extension url="u"/></birthDate></Patient>`,
		head + `<text><status value="generated"/><h:div xmlns:h="http://www.w3.org/1999/xhtml" h:a="x">a<!-- b --><![CDATA[c]]></h:div></text></Patient>`,
		`<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><entry><resource><Basic/></resource></entry></Bundle>`,
		"\uFEFF<a:Patient xmlns:a='http://hl7.org/fhir'/>", "<!DOCTYPE a>", "<a b='&#1;'", "<a></b>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := xml.ParseElement(data, profiles.R4()); err != nil && fhir.SituationOf(err) != fhir.SituationMalformed {
			t.Errorf("%v is no Malformed", err)
		}
		r, err := xml.Parse(data, profiles.R4())
		if err != nil {
			if fhir.SituationOf(err) != fhir.SituationMalformed {
				t.Errorf("%v is no Malformed", err)
			}
			return
		}
		if again, err := fhir.ParseResource(r.JSON()); err != nil || !again.Root().Equal(r.Root()) {
			t.Errorf("%q is no JSON: %v", data, err)
		}
		out, err := xml.Append(nil, r, profiles.R4())
		if err != nil {
			t.Fatalf("%q cannot be written: %v", data, err)
		}
		back, err := xml.Parse(out, profiles.R4())
		if err != nil || !back.Root().Equal(r.Root()) {
			t.Errorf("%q written as %q does not come back: %v", data, out, err)
		}
	})
}
