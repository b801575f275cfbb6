package revert

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Used counts which facts met something to undo; a fact that meets nothing is
// out of date.
type Used map[string]int

// Definition undoes the edits in r, in place. It reports false for a definition
// that R4 does not have.
func Definition(r *fhir.Resource, used Used) (keep bool, err error) {
	url := r.Get("url").Text()
	if key := r.Type() + " " + url; dropped[key] {
		used[key]++
		return false, nil
	}
	switch r.Type() {
	case "SearchParameter":
		if json, ok := targets[url]; ok {
			used[url]++
			return true, set(r.Root(), at(json, "target"))
		}
	case "OperationDefinition":
		if url == everything {
			used[url]++
			return true, remove(r.Get("parameter"), "name", everythingExtra)
		}
	case "CodeSystem":
		if url == itemControl {
			used[url]++
			parent := find(r.Get("concept"), "code", itemControlParent)
			return true, remove(parent.Get("concept"), "code", itemControlExtra)
		}
	case "StructureDefinition":
		name := r.ID()
		if r.Get("derivation").Text() == "constraint" || !regrown[name] {
			return true, nil
		}
		used[name]++
		for _, edit := range diffEdits[name] {
			if err := edit.apply(r.Get("differential").Get("element")); err != nil {
				return true, fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := regrow(r); err != nil {
			return true, fmt.Errorf("%s: %w", name, err)
		}
	}
	return true, nil
}

// Unused names the facts that met nothing.
func Unused(used Used) []string {
	var out []string
	check := func(key string) {
		if used[key] != 1 {
			out = append(out, fmt.Sprintf("%s (%d times)", key, used[key]))
		}
	}
	for key := range dropped {
		check(key)
	}
	for key := range regrown {
		check(key)
	}
	for key := range targets {
		check(key)
	}
	check(everything)
	check(itemControl)
	slices.Sort(out)
	return out
}

func (d diffEdit) apply(elements *fhir.Element) error {
	if d.remove {
		return remove(elements, "id", d.element)
	}
	e := find(elements, "id", d.element)
	if e == nil {
		return fmt.Errorf("the differential has no %s", d.element)
	}
	for _, name := range d.without {
		e.Set(name, nil)
	}
	for _, m := range d.set {
		if err := set(e, m); err != nil {
			return err
		}
	}
	return nil
}

// set puts a value at a path; "constraint:key" steps to the constraint of that key.
func set(e *fhir.Element, m member) error {
	value, err := fhir.ParseElement([]byte(m.json))
	if err != nil {
		return err
	}
	for _, step := range m.path[:len(m.path)-1] {
		if name, key, ok := strings.Cut(step, ":"); ok {
			e = find(e.Get(name), "key", key)
		} else {
			e = e.Path(step)
			if e.Is(fhir.Array) {
				e = e.At(0)
			}
		}
		if e == nil {
			return fmt.Errorf("nothing at %s", strings.Join(m.path, "."))
		}
	}
	e.Set(m.path[len(m.path)-1], value)
	return nil
}

// find is the item whose member of that name has that text.
func find(list *fhir.Element, name, text string) *fhir.Element {
	for _, item := range list.Items() {
		if item.Get(name).Text() == text {
			return item
		}
	}
	return nil
}

// remove takes exactly one such item out of a list.
func remove(list *fhir.Element, name, text string) error {
	kept := make([]*fhir.Element, 0, list.Len())
	for _, item := range list.Items() {
		if item.Get(name).Text() != text {
			kept = append(kept, item)
		}
	}
	if len(kept) != list.Len()-1 {
		return fmt.Errorf("%d items with %s %q, want one", list.Len()-len(kept), name, text)
	}
	*list = *fhir.NewArray(kept...)
	return nil
}
