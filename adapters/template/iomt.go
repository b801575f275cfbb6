package template

import (
	"slices"
	"strings"

	"vitalwire/adapters/template/query"
)

// The template types of microsoft/iomt-fhir; names are matched without case.
const (
	collectionContent = "collectioncontent"
	collectionFhir    = "collectionfhir"
	codeValueFhir     = "codevaluefhir"
	jsonPathContent   = "jsonpathcontent"
	calculatedContent = "calculatedcontent"
	iotContent        = "iotjsonpathcontent"
	centralContent    = "iotcentraljsonpathcontent"
)

// Content reads a device content template of iomt-fhir: a CollectionContent, or one
// of its members alone. Errors: *Invalid.
func Content(data []byte) (*Template, error) {
	top, f, err := open(data, true)
	if err != nil {
		return nil, err
	}
	t := &Template{Format: "json", shapes: map[string]*shape{}}
	if !top.object() {
		return nil, f.err()
	}
	switch kind := strings.ToLower(top.get("templateType").needed()); kind {
	case collectionContent:
		body := top.get("template")
		if !body.present() {
			body.fail("this is required")
		}
		for _, member := range body.items() {
			t.content(member)
		}
	case jsonPathContent, calculatedContent, iotContent, centralContent:
		t.content(top)
	case "":
	default:
		top.get("templateType").fail("%q is no device content template", top.get("templateType").text())
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// content reads one member of a collection.
func (t *Template) content(n entry) {
	if !n.object() {
		return
	}
	kind := strings.ToLower(n.get("templateType").needed())
	if kind != "" && !slices.Contains([]string{jsonPathContent, calculatedContent, iotContent, centralContent}, kind) {
		n.get("templateType").fail("%q is no device content template", n.get("templateType").text())
		return
	}
	b := n.get("template")
	if !b.present() || !b.object() {
		b.fail("a template is missing")
		return
	}
	language := query.JSONPath
	if given := b.get("defaultExpressionLanguage").text(); given != "" {
		language = given
	}
	if kind != calculatedContent {
		language = query.JSONPath
	}
	r := &rule{kind: b.get("typeName").needed(), path: b.path, beside: kind == calculatedContent, ids: "local"}
	required(b.get("typeMatchExpression"))
	r.each = b.get("typeMatchExpression").expression(language)
	ask := func(field, name string, defaults ...string) source {
		s := source{field: field}
		if x := b.get(name).expression(language); x != nil {
			s.try = append(s.try, asked{x: x})
			return s
		}
		for _, text := range defaults {
			if x, err := query.Compile(query.JSONPath, text); err == nil {
				s.try = append(s.try, asked{x: x})
			}
		}
		return s
	}
	var devices, times []string
	switch kind {
	case iotContent:
		devices = []string{"$.SystemProperties.iothub-connection-device-id"}
		times = []string{"$.Properties.iothub-creation-time-utc", "$.SystemProperties.iothub-enqueuedtime"}
	case centralContent:
		devices, times = []string{"$.deviceId"}, []string{"$.enqueuedTime"}
	}
	r.device = ask("device", "deviceIdExpression", devices...)
	r.patient = ask("patient", "patientIdExpression")
	r.encounter = ask("encounter", "encounterIdExpression")
	r.group = ask("correlation", "correlationIdExpression")
	at := ask("time", "timestampExpression", times...)
	if !at.given() {
		required(b.get("timestampExpression"))
	}
	if !r.device.given() && !r.patient.given() {
		required(b.get("deviceIdExpression"))
	}
	r.time = timeRule{form: "iso", zone: zoneRule{kind: "told"}}
	for i, a := range at.try {
		if i == 0 {
			r.time.from = a
		} else {
			r.time.also = append(r.time.also, a)
		}
	}
	t.values(b.get("values"), r, language)
	t.rules = append(t.rules, r)
}

func required(n entry) {
	if !n.present() {
		n.fail("this is required")
	}
}

func (t *Template) values(n entry, r *rule, language string) {
	list := n.items()
	if len(list) == 0 && len(n.form.issues) == 0 {
		n.fail("a reading has one value at least")
	}
	for _, v := range list {
		if !v.object() {
			continue
		}
		required(v.get("valueExpression"))
		rule := valueRule{name: v.get("valueName").needed(), from: asked{x: v.get("valueExpression").expression(language)}, missing: skip}
		if v.get("required").truth() {
			rule.missing = refuse
		}
		if slices.ContainsFunc(r.values, func(other valueRule) bool { return other.name == rule.name }) {
			v.get("valueName").fail("%q is there twice", rule.name)
		}
		r.values = append(r.values, rule)
	}
}
