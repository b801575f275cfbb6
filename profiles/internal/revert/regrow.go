package revert

import (
	"errors"
	"fmt"
	"strings"

	"vitalwire/fhir"
)

// ele1 is the constraint every element inherits (R4 element, ele-1).
const ele1 = `[{"key":"ele-1","severity":"error",
	"human":"All FHIR elements must have a @value or children",
	"expression":"hasValue() or (children().count() > id.count())",
	"source":"http://hl7.org/fhir/StructureDefinition/Element"}]`

// regrow makes the snapshot of a type from its differential. Elements the type
// inherits (id, extension and so on) are taken from the old snapshot where
// their parent stays.
func regrow(r *fhir.Resource) error {
	inherited := make(map[string][]*fhir.Element) // by the id of the parent
	old := make(map[string]*fhir.Element)
	for _, e := range r.Get("snapshot").Get("element").Items() {
		id := e.Get("id").Text()
		old[id] = e
		base := e.Get("base").Get("path").Text()
		owner, _, _ := strings.Cut(base, ".")
		if owner != r.ID() && strings.Contains(id, ".") {
			parent := id[:strings.LastIndexByte(id, '.')]
			inherited[parent] = append(inherited[parent], e)
		}
	}
	snapshot := fhir.NewArray()
	for _, d := range r.Get("differential").Get("element").Items() {
		id := d.Get("id").Text()
		e := old[id]
		if e == nil {
			fresh, err := grow(d)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			e = fresh
		} else {
			foreign(e, d, r.Get("url").Text())
			if err := overlay(e, d); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
		snapshot.Append(e)
		for _, child := range inherited[id] {
			tidy(child)
			snapshot.Append(child)
		}
	}
	if snapshot.Len() == 0 {
		return errors.New("the differential is empty")
	}
	r.Get("snapshot").Set("element", snapshot)
	return nil
}

// grow makes a snapshot element of a differential element.
func grow(d *fhir.Element) (*fhir.Element, error) {
	e := d.Clone()
	constraints, err := fhir.ParseElement([]byte(ele1))
	if err != nil {
		return nil, err
	}
	constraints.Append(d.Get("constraint").Clone().Items()...)
	e.Set("constraint", constraints)
	e.Set("base", fhir.NewObject(fhir.M("path", d.Get("path")), fhir.M("min", d.Get("min")), fhir.M("max", d.Get("max"))))
	for _, flag := range []string{"isModifier", "isSummary"} {
		if e.Get(flag) == nil {
			e.Set(flag, fhir.NewBool(false))
		}
	}
	return e, nil
}

// overlay makes the snapshot element say what the differential says.
func overlay(e, d *fhir.Element) error {
	for _, m := range d.Members() {
		if m.Name != "constraint" {
			e.Set(m.Name, m.Value.Clone())
			continue
		}
		for _, c := range m.Value.Items() {
			key := c.Get("key").Text()
			own := find(e.Get("constraint"), "key", key)
			if own == nil {
				return fmt.Errorf("the snapshot lacks constraint %s", key)
			}
			own.Set("expression", c.Get("expression").Clone())
		}
	}
	for _, side := range []string{"min", "max"} {
		if value := d.Get(side); value != nil && strings.Contains(e.Get("path").Text(), ".") {
			e.Get("base").Set(side, value.Clone())
		}
	}
	tidy(e)
	return nil
}

// foreign takes out constraints that the type itself is said to state and that
// its differential does not have.
func foreign(e, d *fhir.Element, url string) {
	var kept []*fhir.Element
	for _, c := range e.Get("constraint").Items() {
		if source := c.Get("source").Text(); source != "" && source != url || find(d.Get("constraint"), "key", c.Get("key").Text()) != nil {
			kept = append(kept, c)
		}
	}
	if len(kept) < e.Get("constraint").Len() {
		e.Set("constraint", fhir.NewArray(kept...))
	}
}

// tidy takes out marks that the editing left on elements.
func tidy(e *fhir.Element) {
	if e.Get("mustSupport").Text() == "false" {
		e.Set("mustSupport", nil)
	}
	if strings.HasSuffix(e.Get("path").Text(), ".id") {
		e.Set("condition", nil)
	}
}
