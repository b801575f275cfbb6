package patch

import (
	"slices"

	"vitalwire/fhir"
)

// insertItem puts an item into an array, which stays the same *Element.
func insertItem(in *fhir.Element, at int, item *fhir.Element) {
	if at == in.Len() {
		in.Append(item)
		return
	}
	*in = *fhir.NewArray(slices.Insert(in.Items(), at, item)...)
}

// removeItem takes an item out of an array, which stays the same *Element.
func removeItem(in *fhir.Element, at int) {
	*in = *fhir.NewArray(slices.Delete(in.Items(), at, at+1)...)
}

// prune takes away, below e, what is in the set and empty, and what becomes
// empty by that. It reports whether e is to be taken away too.
func prune(e *fhir.Element, emptied map[*fhir.Element]bool) bool {
	if !e.Is(fhir.Object) && !e.Is(fhir.Array) {
		return false
	}
	if e.Len() == 0 {
		return emptied[e]
	}
	members := e.Members()
	var kept []fhir.Member
	changed := false
	for i, m := range members {
		switch {
		case prune(m.Value, emptied):
			if !changed {
				kept, changed = append(make([]fhir.Member, 0, len(members)), members[:i]...), true
			}
		case changed:
			kept = append(kept, m)
		}
	}
	if !changed {
		return false
	}
	if e.Is(fhir.Array) {
		items := make([]*fhir.Element, len(kept))
		for i := range kept {
			items[i] = kept[i].Value
		}
		*e = *fhir.NewArray(items...)
	} else {
		*e = *fhir.NewObject(kept...)
	}
	return len(kept) == 0
}
