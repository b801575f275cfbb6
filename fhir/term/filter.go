package term

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// A filter is ValueSet.compose.include.filter.
type filter struct{ property, op, value string }

func readFilter(e *fhir.Element) filter {
	return filter{text(e, "property"), text(e, "op"), text(e, "value")}
}

// maxPattern bounds a regular expression; Go's run in linear time.
const maxPattern = 1024

// compileFilter turns a filter into a question about a concept (R4
// filter-operator). It answers nil for a filter this code system has no meaning
// for.
func (v *view) compileFilter(f filter) (func(at int32) bool, error) {
	if v.measure != nil {
		if pass := v.measure(f); pass != nil {
			return func(at int32) bool { return pass(v.concepts[at].code) }, nil
		}
	}
	switch f.op {
	case "regex":
		if len(f.value) > maxPattern {
			return nil, notUnderstood(f, v.url, "")
		}
		pattern, err := regexp.Compile("^(?:" + f.value + ")$")
		if err != nil {
			return nil, nil //nolint:nilerr // a pattern we cannot run decides nothing
		}
		return v.values(f.property, func(found []string) bool {
			for _, s := range found {
				if pattern.MatchString(s) {
					return true
				}
			}
			return false
		}), nil
	case "=":
		return v.equals(f), nil
	case "in", "not-in":
		wanted := map[string]bool{}
		for s := range strings.SplitSeq(f.value, ",") {
			wanted[strings.TrimSpace(s)] = true
		}
		in := v.values(f.property, func(found []string) bool {
			for _, s := range found {
				if wanted[s] {
					return true
				}
			}
			return false
		})
		if in == nil || f.op == "in" {
			return in, nil
		}
		return func(at int32) bool { return !in(at) }, nil
	case "exists":
		return v.exists(f), nil
	}
	if f.property == "concept" || f.property == "code" {
		return v.hierarchyFilter(f), nil
	}
	return nil, nil
}

// hierarchyFilter is a filter on the place in the hierarchy. A code that does
// not exist has no place: then nothing passes.
func (v *view) hierarchyFilter(f filter) func(at int32) bool {
	of, ok := v.locate(f.value)
	nothing := func(int32) bool { return false }
	switch f.op {
	case "is-a", "descendent-of", "descendant-of":
		if !ok {
			return nothing
		}
		below := map[int32]bool{}
		v.descendants(of, func(at int32) { below[at] = true })
		if f.op == "is-a" {
			below[of] = true
		}
		return func(at int32) bool { return below[at] }
	case "is-not-a":
		if !ok {
			return func(int32) bool { return true }
		}
		return func(at int32) bool { return !v.above(at, of) }
	case "generalizes":
		if !ok {
			return nothing
		}
		return func(at int32) bool { return v.above(of, at) }
	case "child-of":
		if !ok {
			return nothing
		}
		children := map[int32]bool{}
		for _, at := range v.concepts[of].children {
			children[at] = true
		}
		return func(at int32) bool { return children[at] }
	case "descendent-leaf":
		if !ok {
			return nothing
		}
		leaves := map[int32]bool{}
		v.descendants(of, func(at int32) { leaves[at] = len(v.concepts[at].children) == 0 })
		return func(at int32) bool { return leaves[at] }
	}
	return nil
}

// values makes a filter of the values a property has; nil when the system has
// no such property.
func (v *view) values(property string, ok func([]string) bool) func(at int32) bool {
	read := v.reader(property)
	if read == nil {
		return nil
	}
	return func(at int32) bool { return ok(read(at)) }
}

// reader answers the values of a property of a concept.
func (v *view) reader(property string) func(at int32) []string {
	switch property {
	case "concept", "code":
		return func(at int32) []string { return []string{v.concepts[at].code} }
	case "display":
		return func(at int32) []string { return []string{v.concepts[at].display} }
	case "definition":
		return func(at int32) []string { return []string{v.concepts[at].definition} }
	case "parent", "child":
		if v.property(property) == nil {
			return func(at int32) []string {
				list := v.concepts[at].parents
				if property == "child" {
					list = v.concepts[at].children
				}
				out := make([]string, len(list))
				for i, other := range list {
					out[i] = v.concepts[other].code
				}
				return out
			}
		}
	}
	known := property == "status" || property == "inactive" || property == "deprecated" || property == "notSelectable"
	defined := v.property(property) != nil
	for _, s := range v.supplements {
		defined = defined || s.property(property) != nil
	}
	if !known && !defined {
		return nil
	}
	return func(at int32) []string {
		c := &v.concepts[at]
		out := propertyValues(nil, c.element, func(code string) bool {
			return code == property || known && v.isProperty(code, property)
		})
		v.supplementsOf(c.code, func(_ *system, c *concept) {
			out = propertyValues(out, c.element, func(code string) bool { return code == property })
		})
		if len(out) == 0 && known {
			out = c.implied(property)
		}
		return out
	}
}

// implied are the values of the well-known properties that a concept has
// without saying so.
func (c *concept) implied(property string) []string {
	switch property {
	case "inactive":
		return []string{boolText(c.inactive)}
	case "deprecated":
		return []string{boolText(c.deprecated)}
	case "status":
		if c.status != "" {
			return []string{c.status}
		}
	}
	return nil
}

func propertyValues(out []string, e *fhir.Element, is func(code string) bool) []string {
	for _, p := range e.Get("property").Items() {
		if !is(text(p, "code")) {
			continue
		}
		v := value(p)
		if v.Is(fhir.Object) {
			v = v.Get("code")
		}
		out = append(out, v.Text())
	}
	return out
}

func (v *view) equals(f filter) func(at int32) bool {
	return v.values(f.property, func(found []string) bool {
		for _, s := range found {
			if s == f.value {
				return true
			}
		}
		return false
	})
}

func (v *view) exists(f filter) func(at int32) bool {
	want := f.value == "true"
	return v.values(f.property, func(found []string) bool { return len(found) > 0 == want })
}

func notUnderstood(f filter, system, valueSet string) error {
	return refuse(issue{
		code: fhir.CodeNotSupported, detail: "vs-invalid", id: "FILTER_NOT_UNDERSTOOD",
		text: fmt.Sprintf("The filter \"%s %s %s\" from the value set %s was not understood in the context of %s",
			f.property, f.op, f.value, valueSet, system),
	})
}

func noFilterValue(f filter, system, path string) error {
	return refuse(issue{
		code: fhir.CodeInvalid, detail: "vs-invalid", id: "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", path: path,
		text: fmt.Sprintf("The system %s filter with property = %s, op = %s has no value", system, f.property, f.op),
	})
}

// filters are all filters of an include or exclude, which must all pass (R4
// valueset §4.9.5).
func (v *view) filters(set *fhir.Element, path, valueSet string) ([]func(at int32) bool, error) {
	var out []func(at int32) bool
	for i, e := range set.Get("filter").Items() {
		f := readFilter(e)
		if f.value == "" {
			return nil, noFilterValue(f, v.url, fmt.Sprintf("%s.filter[%d]", path, i))
		}
		pass, err := v.compileFilter(f)
		if err != nil {
			return nil, err
		}
		if pass == nil {
			return nil, notUnderstood(f, v.url, valueSet)
		}
		out = append(out, pass)
	}
	return out, nil
}

func passAll(filters []func(int32) bool, at int32) bool {
	for _, pass := range filters {
		if !pass(at) {
			return false
		}
	}
	return true
}

// grammarFilters are the filters on the codes of a grammar.
func (v *view) grammarFilters(set *fhir.Element, path, valueSet string) (func(code string) bool, error) {
	var all []func(string) bool
	for i, e := range set.Get("filter").Items() {
		f := readFilter(e)
		if f.value == "" {
			return nil, noFilterValue(f, v.url, fmt.Sprintf("%s.filter[%d]", path, i))
		}
		pass := v.grammarFilter(f)
		if pass == nil {
			return nil, notUnderstood(f, v.url, valueSet)
		}
		all = append(all, pass)
	}
	return func(code string) bool {
		for _, pass := range all {
			if !pass(code) {
				return false
			}
		}
		return true
	}, nil
}

func (v *view) grammarFilter(f filter) func(code string) bool {
	if v.measure != nil {
		if pass := v.measure(f); pass != nil {
			return pass
		}
	}
	if f.property != "code" && f.property != "concept" {
		return nil
	}
	switch f.op {
	case "=":
		return func(code string) bool { return code == f.value }
	case "in":
		wanted := strings.Split(f.value, ",")
		return func(code string) bool { return slices.Contains(wanted, code) }
	case "regex":
		pattern, err := regexp.Compile("^(?:" + f.value + ")$")
		if err != nil || len(f.value) > maxPattern {
			return nil
		}
		return pattern.MatchString
	}
	return nil
}
