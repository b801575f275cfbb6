package proto

import (
	"strings"

	"vitalwire/fhir"
)

// padded rewrites lists of primitives that have null where a value or its id and
// extensions are absent (R4 json §2.6.2.3), which the library refuses: it takes
// an object with id and extensions in the place of the value. The element itself
// is given back where nothing changes.
func padded(e *fhir.Element) *fhir.Element {
	members := e.Members()
	var out []fhir.Member // nil while nothing has changed
	for i, m := range members {
		value := padded(m.Value)
		switch {
		case !e.Is(fhir.Object) || !m.Value.Is(fhir.Array):
		case strings.HasPrefix(m.Name, "_"):
			value = without(value, e.Get(m.Name[1:]), false)
		default:
			value = without(value, e.Get("_"+m.Name), true)
		}
		if out == nil && value != m.Value {
			out = append(make([]fhir.Member, 0, len(members)), members[:i]...)
		}
		if out != nil {
			out = append(out, fhir.M(m.Name, value))
		}
	}
	switch {
	case out == nil:
		return e
	case e.Is(fhir.Array):
		items := make([]*fhir.Element, len(out))
		for i := range out {
			items[i] = out[i].Value
		}
		return fhir.NewArray(items...)
	}
	return fhir.NewObject(out...)
}

// without is the list without nulls. Of a list of values a null becomes what the
// sibling has in its place; of a sibling, what has moved there or is null
// becomes an empty object.
func without(list, sibling *fhir.Element, values bool) *fhir.Element {
	if !sibling.Is(fhir.Array) {
		return list
	}
	items := list.Items()
	changed := false
	for i, item := range items {
		other := sibling.At(i)
		switch {
		case values && item.Kind() == fhir.Null && other.Is(fhir.Object):
			items[i], changed = padded(other), true
		case !values && (item.Kind() == fhir.Null || other != nil && other.Kind() == fhir.Null):
			items[i], changed = fhir.NewObject(), true
		}
	}
	if !changed {
		return list
	}
	return fhir.NewArray(items...)
}
