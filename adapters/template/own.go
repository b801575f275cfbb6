package template

import (
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/template/query"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/fhir/ucum"
)

// maxReadings is how many kinds of reading one template may have.
const maxReadings = 200

// Own reads a template in the format of docs/templates.md. Errors: *Invalid.
func Own(data []byte) (*Template, error) {
	top, f, err := open(data, false)
	if err != nil {
		return nil, err
	}
	if !top.object("template", "version", "about", "format", "csv", "sender", "language", "device", "patient", "time", "readings") {
		return nil, f.err()
	}
	t := &Template{Name: name(top.get("template")), Version: top.get("version").needed(), shapes: map[string]*shape{}, Digest: digest(data)}
	top.get("about").text()
	if len(t.Version) > 40 {
		top.get("version").fail("a version has 40 characters at most")
	}
	t.Format = top.get("format").one("json", "json", "csv", "xml")
	if t.sender = t.Name; top.get("sender").present() {
		t.sender = name(top.get("sender"))
	}
	if csv := top.get("csv"); csv.present() && t.Format != "csv" {
		csv.fail("the format is not csv")
	}
	t.csv = csvOf(top.get("csv"))
	b := builder{t: t, language: map[string]string{"json": query.JSONPath, "csv": column, "xml": query.XPath}[t.Format], document: t.Format != "csv"}
	if given := top.get("language"); given.present() {
		if b.language = given.text(); t.Format == "csv" {
			given.fail("expressions of CSV are names of columns")
		}
	}
	common := rule{ids: "local"}
	b.device(top.get("device"), &common)
	b.patient(top.get("patient"), &common)
	if at := top.get("time"); at.present() {
		common.time = b.time(at)
	}
	b.document = false
	readings := top.get("readings").items()
	if len(readings) == 0 || len(readings) > maxReadings {
		top.get("readings").fail("a template has 1 to %d readings", maxReadings)
	}
	for _, n := range readings {
		b.reading(n, common)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// name is a short name of small letters, digits and dashes: it stands in URLs.
func name(n entry) string {
	text := n.needed()
	if len(text) > 64 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(text, "-") {
		n.fail("a name has small letters, digits and dashes, 64 at most")
	}
	return text
}

// builder compiles a template of our own.
type builder struct {
	t        *Template
	language string
	// document is set for expressions that are asked of the whole input.
	document bool
}

func csvOf(n entry) (c csvForm) {
	c.delimiter = ','
	if !n.present() || !n.object("delimiter", "columns", "above") {
		return c
	}
	if d := n.get("delimiter"); d.present() {
		text := d.text()
		if text == "tab" {
			text = "\t"
		}
		if len(text) != 1 || strings.Contains("\"\r\n", text) || text[0] >= 0x80 {
			d.fail("a delimiter is one character, or tab")
		} else {
			c.delimiter = text[0]
		}
	}
	for _, column := range n.get("columns").items() {
		c.columns = append(c.columns, column.needed())
	}
	if again := twice(c.columns); again != "" || len(c.columns) > mostColumns {
		n.get("columns").fail("columns have different names, and there are %d at most", mostColumns)
	}
	if above := n.get("above"); above.present() {
		lines, err := strconv.Atoi(above.e.Text())
		if err != nil || lines < 0 || lines > 1000 || !above.e.Is(fhir.Number) {
			above.fail("a number of lines is meant, 1000 at most")
		}
		c.above = lines
	}
	return c
}

// source reads an expression, or {"fixed": "text"}.
func (b builder) source(n entry, field string) source {
	s := source{field: field}
	if !n.present() {
		return s
	}
	if fixed := n.get("fixed"); n.e.Is(fhir.Object) && fixed.present() {
		n.object("fixed")
		s.fixed = fixed.needed()
		return s
	}
	s.try = []asked{b.asked(n)}
	return s
}

func (b builder) asked(n entry) asked {
	return asked{x: n.expression(b.language), document: b.document}
}

func (b builder) device(n entry, r *rule) {
	if !n.present() || !n.object("id", "kind", "manufacturer", "model", "serial", "firmware") {
		return
	}
	r.device = b.source(n.get("id"), "device")
	r.ids = n.get("kind").one("local", "local", "eui64", "mac")
	r.about = map[string]source{}
	for _, field := range aboutNames {
		if n.get(field).present() {
			r.about[field] = b.source(n.get(field), field)
		}
	}
}

func (b builder) patient(n entry, r *rule) {
	if !n.present() || !n.object("id", "system") {
		return
	}
	r.patient = b.source(n.get("id"), "patient")
	r.patients = n.get("system").needed()
	if !strings.Contains(r.patients, ":") {
		n.get("system").fail("an identifier system is a URI")
	}
}

// time reads {"value", "format", "zone"} or "none".
func (b builder) time(n entry) (r timeRule) {
	if n.e.Is(fhir.String) {
		if r.none = n.text() == "none"; !r.none {
			n.fail(`an object is meant here, or "none"`)
		}
		return r
	}
	if !n.object("value", "format", "zone") {
		return r
	}
	required(n.get("value"))
	r.from = b.asked(n.get("value"))
	r.form = n.get("format").text()
	switch {
	case r.form == "":
		r.form = "iso"
	case r.form == "iso", r.form == "unix", r.form == "unix-ms":
	case !strings.Contains(r.form, "YYYY") || !strings.Contains(r.form, "M") || !strings.Contains(r.form, "D") || len(r.form) > 40:
		n.get("format").fail("a format is iso, unix, unix-ms or a layout with YYYY, MM or M, and DD or D")
	}
	zone := n.get("zone")
	if strings.HasPrefix(r.form, "unix") {
		if zone.present() {
			zone.fail("seconds since 1970 have no zone")
		}
		return r
	}
	r.zone = b.zone(zone)
	return r
}

// zone reads where the offset comes from; nobody guesses, so it is required.
func (b builder) zone(n entry) (z zoneRule) {
	if n.e.Is(fhir.Object) {
		n.object("from")
		required(n.get("from"))
		a := b.asked(n.get("from"))
		return zoneRule{kind: "from", from: &a}
	}
	text := n.needed()
	var w acom.Wall
	switch {
	case text == "offset" || text == "unknown" || text == "utc":
		z.kind = text
	case offset(&w, text):
		z.kind, z.minutes = "fixed", *w.OffsetMinutes
	case zoneOf(text) != nil:
		z.kind, z.zone = "name", zoneOf(text)
	case text != "":
		n.fail(`%q is none of offset, utc, unknown, an offset such as +01:00, a zone such as Europe/Berlin, {"from": expression}`, text)
	}
	return z
}

func (b builder) reading(n entry, common rule) {
	if !n.object("name", "each", "when", "device", "patient", "time", "record", "code", "category", "setting", "site", "method", "value", "components", "note") {
		return
	}
	r := common
	r.kind, r.path = n.get("name").needed(), n.path
	if b.t.shapes[r.kind] != nil {
		n.get("name").fail("%q is there twice", r.kind)
	}
	if b.t.Format == "csv" {
		if n.get("each").present() {
			n.get("each").fail("in CSV a reading is looked for in each line; when says in which")
		}
	} else {
		inner := b
		inner.document = true
		r.each = inner.asked(n.get("each")).x
	}
	r.when = b.when(n.get("when"))
	if n.get("device").present() {
		b.device(n.get("device"), &r)
	}
	if !r.device.given() {
		n.get("device").fail("nothing says which device it is: give device here or for the whole template")
	}
	if n.get("patient").present() {
		b.patient(n.get("patient"), &r)
	}
	if at := n.get("time"); at.present() {
		r.time = b.time(at)
	} else if r.time.from.x == nil && !r.time.none && len(n.form.issues) == 0 {
		n.get("time").fail(`nothing says when it was taken: give time here or for the whole template, or "none"`)
	}
	r.record = b.source(n.get("record"), "record")
	s := &shape{path: n.path, setting: n.get("setting").truth()}
	s.mdc, s.codings = code(n.get("code"))
	switch category := n.get("category"); {
	case category.e.Is(fhir.Array):
		s.category = codings(category, true)
	case category.one("", "vital-signs", "activity", "therapy", "laboratory") == "activity":
		s.activity = true
	case category.text() == "therapy":
		s.therapy = true
	case category.present():
		s.category = []acom.Coding{{System: "http://terminology.hl7.org/CodeSystem/observation-category", Code: category.text(),
			Display: map[string]string{"vital-signs": "Vital Signs", "laboratory": "Laboratory"}[category.text()]}}
	}
	s.site, s.method = one(n.get("site")), one(n.get("method"))
	if note := n.get("note").text(); note != "" {
		s.notes = []string{note}
	}
	if value := n.get("value"); value.present() {
		v := b.value(value, "value", &r)
		s.value = &v
	}
	for i, part := range n.get("components").items() {
		if part.object("code", "value") {
			c := componentShape{value: b.value(part.get("value"), "component "+strconv.Itoa(i+1), &r)}
			c.mdc, c.codings = code(part.get("code"))
			s.parts = append(s.parts, c)
		}
	}
	if s.value == nil && len(s.parts) == 0 {
		n.fail("a value or components are missing")
	}
	b.t.shapes[r.kind] = s.finished()
	b.t.rules = append(b.t.rules, &r)
}

// when is an expression or, in CSV, {"column", "is"}.
func (b builder) when(n entry) *query.Expression {
	if !n.present() || b.t.Format != "csv" {
		return n.expression(b.language)
	}
	if !n.object("column", "is") {
		return nil
	}
	name, want := n.get("column").needed(), n.get("is").needed()
	quoted := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	x, err := query.Compile(query.JMESPath, "@."+strconv.Quote(name)+" == "+quoted(want))
	if err != nil {
		n.fail("%v", err)
	}
	return x
}

// code reads {"mdc": 150364 or "MDC_..", "codings": [..], "text"}.
func code(n entry) (mdc acom.Code, list []acom.Coding) {
	if !n.present() {
		n.fail("this is required")
		return
	}
	if !n.object("mdc", "codings", "text") {
		return
	}
	mdc = mdcCode(n.get("mdc"), false)
	list = codings(n.get("codings"), false)
	if text := n.get("text").text(); text != "" {
		list = append(list, acom.Coding{Display: text})
	}
	if mdc == 0 && (len(list) == 0 || list[0].Code == "") {
		n.fail("a code of MDC or another system is missing")
	}
	return mdc, list
}

// mdcCode is a 32-bit code, or a REFID of the table.
func mdcCode(n entry, unit bool) acom.Code {
	if !n.present() {
		return 0
	}
	if n.e.Is(fhir.String) {
		if unit {
			if known, ok := term.LookupUnitRefID(n.text()); ok {
				return acom.Code(known.Code)
			}
		} else if known, ok := term.LookupRefID(n.text()); ok {
			return acom.Code(known.Code)
		}
		n.fail("%q is no REFID that is known here", n.text())
		return 0
	}
	number, err := strconv.ParseUint(n.e.Text(), 10, 32)
	if err != nil || number>>16 == 0 {
		n.fail("a 32-bit MDC code or a REFID is meant")
	}
	return acom.Code(number)
}

func one(n entry) *acom.Coding {
	if !n.present() || !n.object("system", "code", "display") {
		return nil
	}
	return &acom.Coding{System: n.get("system").text(), Code: n.get("code").needed(), Display: n.get("display").text()}
}

// unitOf reads {"ucum"}, {"mdc"} or {"text"}; text may stand beside ucum.
func unitOf(n entry) (u unit) {
	if !n.object("ucum", "mdc", "text") {
		return u
	}
	u.mdc = mdcCode(n.get("mdc"), true)
	display := n.get("text").text()
	switch code := n.get("ucum").text(); {
	case code != "":
		if !ucum.Valid(code) {
			n.get("ucum").fail("%q is no UCUM code", code)
		}
		if display == "" {
			display = code
		}
		u.foreign = &acom.Coding{System: ucumSystem, Code: code, Display: display}
	case display != "":
		u.foreign = &acom.Coding{Display: display}
	case u.mdc == 0:
		n.fail("a unit has ucum, mdc or text")
	}
	return u
}
