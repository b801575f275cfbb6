package judge

import (
	"slices"
	"strings"
)

// confidentialities from the least confidential.
const confidentialities = "ULMNRV"

func rank(code string) int { return strings.Index(confidentialities, code) }

// confidential is the highest rank of a resource's labels; what has none is normal, and
// no element makes it less than that.
func (q *question) confidential() int {
	highest := func(labels []Coding) int {
		most := -1
		for _, label := range labels {
			if label.System == confidentiality {
				most = max(most, rank(label.Code))
			}
		}
		return most
	}
	own := highest(q.own())
	if own < 0 {
		own = rank("N")
	}
	return max(own, highest(inline(q.resource)))
}

// own are the labels of the resource itself.
func (q *question) own() []Coding {
	meta, _ := q.resource["meta"].(Resource)
	return flat(meta["security"])
}

func (q *question) labels() []Coding { return append(q.own(), inline(q.resource)...) }

// inline are the labels of single elements (FHIR DS4P).
func inline(v any) (labels []Coding) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			labels = append(labels, inline(one)...)
		}
	case Resource:
		if v["url"] == inlineLabel {
			labels = flat(v["valueCoding"])
		}
		for _, one := range v {
			labels = append(labels, inline(one)...)
		}
	}
	return labels
}

func (q *question) label(v any, permits bool) bool {
	return slices.ContainsFunc(flat(v), func(c Coding) bool {
		switch {
		case c.Code == "":
			return !permits
		case c.System == confidentiality && permits:
			return q.confidential() <= rank(c.Code)
		case c.System == confidentiality:
			return q.confidential() >= rank(c.Code)
		}
		return slices.ContainsFunc(q.labels(), func(label Coding) bool { return subsumes(c, label) })
	})
}

func (q *question) class(v any, permits bool) bool {
	meta, _ := q.resource["meta"].(Resource)
	profiles, _ := meta["profile"].([]any)
	return slices.ContainsFunc(flat(v), func(c Coding) bool {
		switch {
		case c.System == "http://hl7.org/fhir/resource-types":
			return c.Code == q.resource["resourceType"]
		case strings.HasPrefix(c.Code, "http"):
			return slices.Contains(profiles, any(c.Code))
		}
		return !permits
	})
}

// code: R4: if this code is found in an instance, then the rule applies. What the
// provisions of a Consent ask for is not found in it.
func (q *question) code(v any, permits bool) bool {
	found := map[Coding]bool{}
	for name, value := range q.resource {
		if name != "meta" && name != "provision" {
			collect(value, found)
		}
	}
	return slices.ContainsFunc(objects(v), func(concept Resource) bool {
		list := codings(concept)
		if len(list) == 0 {
			return !permits
		}
		return slices.ContainsFunc(list, func(c Coding) bool { return found[c] })
	})
}

// collect finds all Codings; a Quantity has a system and a code as well.
func collect(v any, found map[Coding]bool) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			collect(one, found)
		}
	case Resource:
		if v["value"] == nil && v["code"] != nil {
			found[Coding{text(v, "system"), text(v, "code")}] = true
		}
		for _, one := range v {
			collect(one, found)
		}
	}
}

// dataPeriod: the clinical time of the resource overlaps it. A type that has none goes
// by when it was written.
func (q *question) dataPeriod(v any, permits bool) bool {
	if !readable(v) {
		return !permits
	}
	from, to := bounds(v)
	elements, has := clinicalTimes[text(q.resource, "resourceType")]
	if !has {
		return (from == nil || q.by.Now.After(*from)) && (to == nil || q.by.Now.Before(*to))
	}
	for _, name := range elements {
		value := q.resource[name]
		if value == nil {
			continue
		}
		start, end := bounds(value)
		return (from == nil || end == nil || end.After(*from)) && (to == nil || start == nil || start.Before(*to))
	}
	return !permits
}

func (q *question) data(v any, permits bool) bool {
	self := Key(q.resource)
	return slices.ContainsFunc(objects(v), func(d Resource) bool {
		reference, _ := d["reference"].(Resource)
		key := local(text(reference, "reference"))
		if key == "" {
			return !permits
		}
		typ, _, _ := strings.Cut(key, "/")
		refersToIt := slices.Contains(References(q.resource), key)
		switch d["meaning"] {
		case "instance":
			return self == key
		case "dependents":
			return self == key || refersToIt
		case "related":
			if self == key || refersToIt && (!permits || slices.Contains([]string{"Encounter", "CarePlan", "EpisodeOfCare"}, typ)) {
				return true
			}
			return slices.Contains(References(q.world[key]), self) // what is not there refers to nothing
		case "authoredby":
			return slices.ContainsFunc(Authors(q.resource), func(author string) bool { return q.world.Speaks(author, key, permits) })
		}
		return !permits
	})
}
