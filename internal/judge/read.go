package judge

import (
	"slices"
	"strings"
	"time"
)

func text(r Resource, name string) string {
	s, _ := r[name].(string)
	return s
}

// objects are those of a list, or one.
func objects(v any) []Resource {
	switch v := v.(type) {
	case Resource:
		return []Resource{v}
	case []any:
		var list []Resource
		for _, one := range v {
			if o, ok := one.(Resource); ok {
				list = append(list, o)
			}
		}
		return list
	}
	return nil
}

// codings are those of CodeableConcepts.
func codings(v any) []Coding {
	var list []Coding
	for _, concept := range objects(v) {
		list = append(list, flat(concept["coding"])...)
	}
	return list
}

// flat are Codings.
func flat(v any) []Coding {
	var list []Coding
	for _, c := range objects(v) {
		list = append(list, Coding{text(c, "system"), text(c, "code")})
	}
	return list
}

// local is what a reference names, without a version; "" when it is elsewhere.
func local(reference string) string {
	parts := strings.Split(reference, "/")
	if len(parts) != 2 && (len(parts) != 4 || parts[2] != "_history") {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

// at is what the reference at an element names.
func at(r Resource, name string) string {
	reference, _ := r[name].(Resource)
	return local(text(reference, "reference"))
}

// pointers are what the references at a path name.
func pointers(v any, path string) []string {
	var list []string
	if path == "" {
		for _, reference := range objects(v) {
			if key := local(text(reference, "reference")); key != "" {
				list = append(list, key)
			}
		}
		return list
	}
	first, rest, _ := strings.Cut(path, ".")
	for _, o := range objects(v) {
		list = append(list, pointers(o[first], rest)...)
	}
	return list
}

// Owners are the ids of the patients whom a resource is of.
func Owners(r Resource) []string {
	var list []string
	if r["resourceType"] == "Patient" {
		list = append(list, text(r, "id"))
	}
	if r["resourceType"] == "Bundle" { // whose the copies in it are
		for _, e := range objects(r["entry"]) {
			if held, _ := e["resource"].(Resource); held["resourceType"] == "Patient" {
				list = append(list, text(held, "id"))
			}
		}
		for _, key := range References(r) {
			if id, is := strings.CutPrefix(key, "Patient/"); is && !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	for _, path := range memberships[text(r, "resourceType")] {
		for _, key := range pointers(r, path) {
			if id, is := strings.CutPrefix(key, "Patient/"); is && !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	return list
}

// Authors are the keys of who and what made the information of a resource.
func Authors(r Resource) []string {
	var list []string
	for _, path := range authorships[text(r, "resourceType")] {
		list = append(list, pointers(r, path)...)
	}
	return list
}

// References are all that a resource refers to. Of a Consent these are what R4's search
// parameters reach: nested provisions are rules about the rest, and no part of it.
func References(r Resource) []string {
	var list []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case Resource:
			if key := local(text(v, "reference")); key != "" {
				list = append(list, key)
			}
			for name, one := range v {
				if name == "provision" && v["resourceType"] == nil {
					continue
				}
				walk(one)
			}
		}
	}
	walk(r)
	return list
}

// moment is the time that a date or dateTime spans, in UTC where it says no zone.
func moment(s string) (low, high time.Time, ok bool) {
	for _, form := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {"2006-01-02", 0, 0, 1}} {
		if t, err := time.Parse(form.layout, s); err == nil {
			return t, t.AddDate(form.years, form.months, form.days), true
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, t, false
	}
	return t, t.Add(time.Second), true
}

// bounds are those of a date, a dateTime or a Period; nil where there is none.
func bounds(v any) (from, to *time.Time) {
	switch v := v.(type) {
	case string:
		if low, high, ok := moment(v); ok {
			return &low, &high
		}
	case Resource:
		if low, _, ok := moment(text(v, "start")); ok {
			from = &low
		}
		if _, high, ok := moment(text(v, "end")); ok {
			to = &high
		}
	}
	return from, to
}

// readable reports whether the dates of a Period are dates.
func readable(v any) bool {
	p, _ := v.(Resource)
	for _, name := range []string{"start", "end"} {
		if s := text(p, name); s != "" {
			if _, _, ok := moment(s); !ok {
				return false
			}
		}
	}
	return true
}

// within reports whether a moment lies in a Period.
func within(v any, now time.Time) bool {
	from, to := bounds(v)
	return (from == nil || !now.Before(*from)) && (to == nil || now.Before(*to))
}
