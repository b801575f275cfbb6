package path

import (
	"strings"

	"vitalwire/fhir"
)

// sameJSON compares two elements of one type by their JSON: yes and no are
// certain, unknown is for texts that may mean the same though they differ: dates,
// decimals, quantities. It spares equality most of its walks.
func sameJSON(a, b *fhir.Element) truth {
	if a.Kind() != b.Kind() {
		return no
	}
	switch a.Kind() {
	case fhir.Object:
		return sameObject(a, b)
	case fhir.Array:
		if a.Len() != b.Len() {
			return no
		}
		result := yes
		for i := range a.Len() {
			t := sameJSON(a.At(i), b.At(i))
			if t == no {
				return no
			}
			result = min(result, t)
		}
		return result
	}
	return sameText(a, b)
}

func sameText(a, b *fhir.Element) truth {
	x, y := a.Text(), b.Text()
	switch {
	case x == y:
		return yes
	case a.Is(fhir.String) && timeLike(x) && timeLike(y), a.Is(fhir.Number) && (strings.ContainsAny(x, ".eE") || strings.ContainsAny(y, ".eE")):
		return unknown
	}
	return no
}

func sameObject(a, b *fhir.Element) truth {
	if a.Get("value").Is(fhir.Number) && b.Get("value").Is(fhir.Number) {
		return unknown // may be quantities
	}
	if a.Len() != b.Len() {
		return no
	}
	result := yes
	for i, m := range a.Members() {
		other := b.Members()[i]
		value := other.Value
		if other.Name != m.Name {
			if value = b.Get(m.Name); value == nil {
				return no
			}
		}
		t := sameJSON(m.Value, value)
		if t == no {
			return no
		}
		result = min(result, t)
	}
	return result
}

// timeLike reports whether the text could be a date, dateTime, instant or time.
func timeLike(s string) bool {
	if s == "" || !isDigit(s[0]) {
		return false
	}
	if _, ok := parseTemporal(s, KindDateTime); ok {
		return true
	}
	_, ok := parseTemporal(s, KindTime)
	return ok
}
