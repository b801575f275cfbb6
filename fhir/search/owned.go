package search

import (
	"slices"

	"vitalwire/fhir"
)

// Owned is a condition that depends on the patients in whose compartments a resource is,
// its owners. Each patient is of a class of his own choosing (store.Consented); the View
// of his class must hold for the resource. With several owners that of each must; what
// nobody owns meets it.
type Owned struct {
	// Type is the resource type the Views are of.
	Type string
	// Cases are tried in order; an owner whose class is in none is of Rest.
	Cases []OwnedCase
	Rest  View
	// Self is a patient whose View is everything; "" is nobody.
	Self string
	// Params are what Owners looks at. Owners and ClassOf judge what is not asked of a store: the owners of a subject,
	// and the class of a patient; 0 is the class of who chose nothing.
	Params  []*Param
	Owners  func(*Subject) []string
	ClassOf func(patient string) int64
}

// OwnedCase is the View for owners of some classes.
type OwnedCase struct {
	Classes []int64
	View    View
}

// of is the View for owners of a class.
func (o *Owned) of(class int64) View {
	for _, c := range o.Cases {
		if slices.Contains(c.Classes, class) {
			return c.View
		}
	}
	return o.Rest
}

func (s *Subject) owned(o *Owned) (bool, error) {
	for _, patient := range o.Owners(s) {
		if patient == o.Self {
			continue
		}
		if ok, err := o.of(o.ClassOf(patient)).Sees(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Owners are the patients in whose compartments a resource is, by its key and its
// values (of Extract): exactly what the CompartmentDefinition says, the Patient
// himself, and the patient of a Device. Each once, in no order.
func (g *Registry) Owners(key fhir.Key, values []Value) []string {
	ids := g.Compartment("Patient").Owners(key, values)
	if key.Type == "Device" {
		for _, v := range values {
			if v.Param.Code == "patient" && v.Target.Type == "Patient" && !slices.Contains(ids, v.Target.ID) {
				ids = append(ids, v.Target.ID)
			}
		}
	}
	return ids
}

// OwnerParams are the parameters that Owners looks at; nil for a type that no patient
// owns. A Patient owns himself and has none.
func (g *Registry) OwnerParams(typ string) (params []*Param, owned bool) {
	if p := g.Compartment("Patient").member[typ]; p != nil {
		params = p.Union
	}
	if p := g.Lookup(typ, "patient"); typ == "Device" && p != nil {
		params = append(slices.Clone(params), p)
	}
	return params, params != nil || typ == "Patient"
}
