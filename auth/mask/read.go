package mask

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
)

// Bounds of a file of obligations.
const (
	maxFile  = 1 << 20
	maxRules = 64
	maxPaths = 1000
	maxText  = 256 // bytes
)

// Read reads obligations, in JSON:
//
//	{"obligations": [{
//	  "for":    {"roles": ["practitioner"], "clients": ["app"], "purposes": ["HRESCH"]},
//	  "unless": {"purposes": ["BTG"]},
//	  "labels": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
//	  "mask":   ["Patient.telecom", "Patient.address.line", "*.note"]
//	}]}
//
// All but mask may be absent. The error names what is wrong, and where: also an element
// that no type has, and one that cannot be hidden.
func Read(data []byte, structures definition.Structures, known *search.Registry, codes consent.Codes) (*Rules, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("a file of obligations has at most %d bytes, this one has %d", maxFile, len(data))
	}
	file, err := fhir.ParseElement(data)
	if err != nil {
		return nil, err
	}
	if err := only(file, "file", "obligations"); err != nil {
		return nil, err
	}
	list, err := array(file, "file", "obligations")
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0 || len(list) > maxRules:
		return nil, wrong("obligations", "there are 1 to %d of them", maxRules)
	}
	r := &Rules{structures: structures, known: known, codes: codes}
	for i, e := range list {
		one, err := r.rule(e, fmt.Sprintf("obligations[%d]", i))
		if err != nil {
			return nil, err
		}
		r.list = append(r.list, one)
	}
	return r, nil
}

func (r *Rules) rule(e *fhir.Element, at string) (one rule, err error) {
	if err := only(e, at, "for", "unless", "labels", "mask"); err != nil {
		return one, err
	}
	if one.of, err = r.who(e.Get("for"), at+".for"); err != nil {
		return one, err
	}
	if one.unless, err = r.who(e.Get("unless"), at+".unless"); err != nil {
		return one, err
	}
	if one.about, err = labelled(e, at); err != nil {
		return one, err
	}
	paths, err := texts(e, at, "mask")
	if err != nil {
		return one, err
	}
	if len(paths) == 0 || len(paths) > maxPaths {
		return one, wrong(at+".mask", "it names 1 to %d elements", maxPaths)
	}
	for i, text := range paths {
		found, err := r.places(text)
		if err != nil {
			return one, wrong(fmt.Sprintf("%s.mask[%d]", at, i), "%s: %v", text, err)
		}
		one.paths = append(one.paths, found...)
	}
	return one, nil
}

func (r *Rules) who(e *fhir.Element, at string) (w who, err error) {
	if e == nil {
		return w, nil
	}
	if err := only(e, at, "roles", "clients", "purposes"); err != nil {
		return w, err
	}
	for _, list := range []struct {
		name string
		to   *[]string
	}{{"roles", &w.roles}, {"clients", &w.clients}, {"purposes", &w.purposes}} {
		if *list.to, err = texts(e, at, list.name); err != nil {
			return w, err
		}
		if e.Get(list.name) != nil && len(*list.to) == 0 {
			return w, wrong(at+"."+list.name, "it names nobody; leave it out for everybody")
		}
	}
	if w.empty() {
		return w, wrong(at, "it names nobody; leave it out for everybody")
	}
	for i, role := range w.roles {
		if !slices.Contains(roles, role) {
			return w, wrong(fmt.Sprintf("%s.roles[%d]", at, i), "%q is no role; there are %s", role, strings.Join(roles, ", "))
		}
	}
	for i, code := range w.purposes {
		if _, known := r.codes.Below(actReason, code); !known {
			return w, wrong(fmt.Sprintf("%s.purposes[%d]", at, i), "%q is no code of v3-ActReason", code)
		}
	}
	return w, nil
}

// roles are those of users, and of who has none.
var roles = []string{"patient", "practitioner", "privacy-officer", "device-manager", "admin", Service}

func labelled(e *fhir.Element, at string) (*consent.Formula, error) {
	list, err := array(e, at, "labels")
	if err != nil || e.Get("labels") == nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, wrong(at+".labels", "it names no label; leave it out for every resource")
	}
	var codings []consent.Coding
	for i, c := range list {
		here := fmt.Sprintf("%s.labels[%d]", at, i)
		if err := only(c, here, "system", "code"); err != nil {
			return nil, err
		}
		coding := consent.Coding{System: c.Get("system").Text(), Code: c.Get("code").Text()}
		if coding.System == "" || coding.Code == "" {
			return nil, wrong(here, "it has a system and a code")
		}
		codings = append(codings, coding)
	}
	f := consent.Labelled(codings)
	return &f, nil
}

func wrong(at, format string, args ...any) error {
	return fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...))
}

// only refuses members of other names, which may be misspelt ones.
func only(e *fhir.Element, at string, names ...string) error {
	if !e.Is(fhir.Object) {
		return wrong(at, "it is not an object")
	}
	for _, m := range e.Members() {
		if !slices.Contains(names, m.Name) {
			return wrong(at, "%.64q is not known; known are %s", m.Name, strings.Join(names, ", "))
		}
	}
	return nil
}

// array are the items of a list, which may be absent.
func array(e *fhir.Element, at, name string) ([]*fhir.Element, error) {
	v := e.Get(name)
	if v == nil {
		return nil, nil
	}
	if !v.Is(fhir.Array) {
		return nil, wrong(at+"."+name, "it is not a list")
	}
	return v.Items(), nil
}

// texts are the texts of a list.
func texts(e *fhir.Element, at, name string) ([]string, error) {
	list, err := array(e, at, name)
	if err != nil {
		return nil, err
	}
	found := make([]string, len(list))
	for i, item := range list {
		if found[i] = item.Text(); !item.Is(fhir.String) || found[i] == "" || len(found[i]) > maxText {
			return nil, wrong(fmt.Sprintf("%s.%s[%d]", at, name, i), "it is a text of 1 to %d bytes", maxText)
		}
	}
	return found, nil
}
