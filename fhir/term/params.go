package term

import (
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// coding is a Coding as it was asked about.
type coding struct{ system, version, code, display string }

func readCoding(e *fhir.Element) coding {
	return coding{
		system: text(e, "system"), version: text(e, "version"),
		code: text(e, "code"), display: text(e, "display"),
	}
}

// A rule says which version of a canonical to use: the parameters
// system-version, force-system-version and check-system-version, and the same
// for value sets.
type rule struct {
	mode         mode
	url, version string
	name         string // the parameter it came from
}

type mode uint8

const (
	byDefault mode = iota
	forced
	checked
)

var ruleModes = map[string]mode{
	"system-version": byDefault, "force-system-version": forced, "check-system-version": checked,
	"default-valueset-version": byDefault, "force-valueset-version": forced, "check-valueset-version": checked,
}

// optional is a boolean parameter that may be absent.
type optional struct{ given, value bool }

// params are the parameters of all terminology operations, typed. Those an
// operation does not define are left alone, as R4 operations demands of
// clients and servers that share Parameters (a client sends one set to all).
type params struct {
	url, version          string // of the value set or concept map; url of the code system
	system, systemVersion string
	code, display         string
	coding                *fhir.Element
	concept               *fhir.Element
	valueSet, codeSystem  *fhir.Resource
	conceptMap            *fhir.Resource
	extra                 []*fhir.Resource // tx-resource

	languages, headerLanguages wishes
	rules                      []rule
	properties, designations   []string
	supplements                []string

	activeOnly, excludeNested, includeDesignations optional
	includeDefinition, excludeNotForUI             optional
	excludePostCoordinated, versionsMatch          optional
	lenientDisplay, membershipOnly, inferSystem    bool
	noAbstract, reverse                            bool
	count, offset                                  int // -1 when absent
	filter                                         string

	codeA, codeB                string
	codingA, codingB            *fhir.Element
	targetCode                  string
	source, target              string // value sets of a translation
	sourceSystem, targetSys     string
	targetCoding, targetConcept *fhir.Element
	validations                 []*fhir.Element

	seen map[string]bool
}

// budgets on what a request may bring along.
const (
	maxParameters = 4096
	maxText       = 4096
)

// readParams reads the Parameters of a request. in may be nil. The languages of
// the request count when it has no displayLanguage. soft says that another
// language than the wished ones will do.
func readParams(in *fhir.Resource, language string, soft bool) (*params, error) {
	p := &params{count: -1, offset: -1, seen: map[string]bool{}}
	if language != "" {
		// A header that cannot be read is ignored (RFC 9110 §12.5.4).
		p.headerLanguages, _ = parseWishes(language, soft)
	}
	if in == nil {
		return p, nil
	}
	if in.Type() != "Parameters" {
		return nil, badRequest("The operation takes Parameters, not %s", in.Type())
	}
	items := in.Get("parameter").Items()
	if len(items) > maxParameters {
		return nil, badRequest("More than %d parameters", maxParameters)
	}
	for _, item := range items {
		if err := p.read(text(item, "name"), item, soft, true); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// value is the value[x] of a parameter or extension.
func value(item *fhir.Element) *fhir.Element {
	for _, m := range item.Members() {
		if strings.HasPrefix(m.Name, "value") && len(m.Name) > len("value") {
			return m.Value
		}
	}
	return nil
}

// read takes one parameter. Those of the request stand over those that a value
// set brings along.
func (p *params) read(name string, item *fhir.Element, soft, request bool) error {
	v := value(item)
	t := v.Text()
	if len(t) > maxText {
		return badRequest("The parameter %s is longer than %d bytes", name, maxText)
	}
	if m, ok := ruleModes[name]; ok {
		url, version := splitCanonical(t)
		if url == "" || version == "" {
			return badRequest("The parameter %s must be a canonical with a version", name)
		}
		p.rules = append(p.rules, rule{m, url, version, name})
		return nil
	}
	switch name {
	case "designation":
		p.designations = append(p.designations, t)
		return nil
	case "property":
		p.properties = append(p.properties, t)
		return nil
	case "useSupplement":
		p.supplements = append(p.supplements, t)
		return nil
	case "tx-resource":
		return p.resource(item.Get("resource"), &p.extra)
	case "exclude-system", "context", "contextDirection":
		return refuse(issue{code: fhir.CodeNotSupported, text: "The parameter '" + name + "' is not supported by this system"})
	case "validation":
		p.validations = append(p.validations, item.Get("resource"))
		return nil
	}
	if !request && p.seen[name] {
		return nil
	}
	p.seen[name] = true
	switch name {
	case "displayLanguage":
		wishes, ok := parseWishes(t, soft)
		if !ok {
			return refuse(issue{code: codeProcessing, detail: "invalid-display", id: "INVALID_DISPLAY_NAME",
				text: "Invalid displayLanguage: '" + t + "'"})
		}
		p.languages = wishes
	case "count", "offset":
		n, err := strconv.Atoi(t)
		if err != nil || n < 0 {
			return badRequest("The parameter %s must be a whole number of 0 or more", name)
		}
		if name == "count" {
			p.count = n
		} else {
			p.offset = n
		}
	default:
		p.single(name, v)
	}
	return p.resources(name, item)
}

func (p *params) resources(name string, item *fhir.Element) error {
	one := func(into **fhir.Resource) error {
		var list []*fhir.Resource
		if err := p.resource(item.Get("resource"), &list); err != nil || len(list) == 0 {
			return err
		}
		*into = list[0]
		return nil
	}
	switch name {
	case "valueSet":
		if item.Get("resource") == nil {
			return nil
		}
		return one(&p.valueSet)
	case "codeSystem":
		return one(&p.codeSystem)
	case "conceptMap":
		return one(&p.conceptMap)
	}
	return nil
}

func (p *params) resource(root *fhir.Element, into *[]*fhir.Resource) error {
	if root == nil {
		return nil
	}
	r, err := fhir.AsResource(root)
	if err != nil {
		return err
	}
	*into = append(*into, r)
	return nil
}

// single takes a parameter that occurs once; later ones stand over earlier ones.
func (p *params) single(name string, v *fhir.Element) {
	if into := p.textOf(name); into != nil {
		*into = v.Text()
		return
	}
	truth := v.Text() == "true"
	if into := p.optionOf(name); into != nil {
		*into = optional{given: true, value: truth}
		return
	}
	switch name {
	case "coding", "sourceCoding":
		p.coding = object(v)
	case "codeableConcept", "sourceCodeableConcept":
		p.concept = object(v)
	case "codingA":
		p.codingA = object(v)
	case "codingB":
		p.codingB = object(v)
	case "targetCoding":
		p.targetCoding = object(v)
	case "targetCodeableConcept":
		p.targetConcept = object(v)
	case "lenient-display-validation":
		p.lenientDisplay = truth
	case "valueset-membership-only":
		p.membershipOnly = truth
	case "inferSystem":
		p.inferSystem = truth
	case "abstract":
		p.noAbstract = v.Text() == "false"
	case "reverse":
		p.reverse = truth
	}
}

// textOf is where the text of a parameter goes, nil for one that is no text.
func (p *params) textOf(name string) *string {
	switch name {
	case "url":
		return &p.url
	case "version", "valueSetVersion", "conceptMapVersion":
		return &p.version
	case "system":
		return &p.system
	case "systemVersion":
		return &p.systemVersion
	case "code", "sourceCode":
		return &p.code
	case "display":
		return &p.display
	case "filter":
		return &p.filter
	case "codeA":
		return &p.codeA
	case "codeB":
		return &p.codeB
	case "source", "sourceScope":
		return &p.source
	case "target", "targetScope":
		return &p.target
	case "sourceSystem":
		return &p.sourceSystem
	case "targetSystem", "targetsystem":
		return &p.targetSys
	case "targetCode":
		return &p.targetCode
	}
	return nil
}

func (p *params) optionOf(name string) *optional {
	switch name {
	case "activeOnly":
		return &p.activeOnly
	case "excludeNested":
		return &p.excludeNested
	case "includeDesignations":
		return &p.includeDesignations
	case "includeDefinition":
		return &p.includeDefinition
	case "excludeNotForUI":
		return &p.excludeNotForUI
	case "excludePostCoordinated":
		return &p.excludePostCoordinated
	case "versionsMatch":
		return &p.versionsMatch
	}
	return nil
}

// ofValueSet reads what a value set itself asks of its expansion (extension
// valueset-expansion-parameter).
func (p *params) ofValueSet(compose *fhir.Element, soft bool) error {
	for _, ext := range extensions(compose, "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter",
		"http://hl7.org/fhir/tools/StructureDefinition/valueset-expansion-parameter") {
		var name string
		var v *fhir.Element
		for _, part := range ext.Get("extension").Items() {
			switch text(part, "url") {
			case "name":
				name = value(part).Text()
			case "value":
				v = part
			}
		}
		if name == "" || v == nil {
			continue
		}
		if err := p.read(name, v, soft, false); err != nil {
			return err
		}
	}
	return nil
}

// wanted are the languages to show texts in; nil for no wish.
func (p *params) wanted() wishes {
	if p.languages != nil {
		return p.languages
	}
	return p.headerLanguages
}

func (p *params) wantsProperty(code string) bool {
	for _, name := range p.properties {
		if name == code || name == "*" {
			return true
		}
	}
	return false
}
