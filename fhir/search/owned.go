package search

import (
	"slices"
	"sync"

	"vitalwire/fhir"
)

// Owned is a condition that depends on the patients in whose compartments a resource is,
// its owners. Each patient is of a class of his own choosing (store.Consented); the View
// of his class must hold for the resource. With several owners that of each must; what
// nobody owns meets it.
type Owned struct {
	// Type is the resource type the Cases are of.
	Type  string
	Cases []View
	// Table says which of the Cases a class comes to.
	Table *CaseTable
	// Self is a patient whose View is everything; "" is nobody.
	Self string
	// Params are what Owners looks at. Owners and NumberOf judge what is not asked of a
	// store: the owners of a subject, and the number of a patient's class; 0 is that of
	// who chose nothing.
	Params   []*Param
	Owners   func(*Subject) []string
	NumberOf func(patient string) int64

	once     sync.Once
	compiled any
	broken   error
}

// Compiled is what a store made of the condition, by the one function that the store has
// for that: it is made once, and kept as long as the condition.
func (o *Owned) Compiled(make func() (any, error)) (any, error) {
	o.once.Do(func() { o.compiled, o.broken = make() })
	return o.compiled, o.broken
}

// CaseTable gives a case for each number of a class. A number that it is too short
// for, or whose case is NoCase, comes to nothing. It is not changed.
type CaseTable struct {
	// ID is another for every table of a process.
	ID    int64
	Cases []byte
}

// NoCase is no case.
const NoCase = 255

// of is the View for owners of a class.
func (o *Owned) of(number int64) View {
	if number < 0 || number >= int64(len(o.Table.Cases)) || int(o.Table.Cases[number]) >= len(o.Cases) {
		return View{}
	}
	return o.Cases[o.Table.Cases[number]]
}

func (s *Subject) owned(o *Owned) (bool, error) {
	if len(o.Params) > 0 {
		s.need(o.Params)
	}
	for _, patient := range o.Owners(s) {
		if patient == o.Self {
			continue
		}
		if ok, err := o.of(o.NumberOf(patient)).Sees(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Owners are the patients in whose compartments a resource is, by its key and its
// values (of Extract): exactly what the CompartmentDefinition says, the Patient
// himself, the patient of a Device, and those of what a Bundle holds. Each once, in no order.
func (g *Registry) Owners(key fhir.Key, values []Value) []string {
	ids := g.Compartment("Patient").Owners(key, values)
	if key.Type == "Device" || key.Type == bundle {
		for _, v := range values {
			if (v.Param.Code == "patient" || v.Param.Code == patientsCode) && v.Target.Type == "Patient" && !slices.Contains(ids, v.Target.ID) {
				ids = append(ids, v.Target.ID)
			}
		}
	}
	return ids
}

// OwnerParams are the parameters that Owners looks at; nil for a type that no patient
// owns. A Patient owns himself and has none.
func (g *Registry) OwnerParams(typ string) (params []*Param, owned bool) {
	if typ == bundle {
		return []*Param{g.Within(typ).Patients}, true
	}
	if p := g.Compartment("Patient").member[typ]; p != nil {
		params = p.Union
	}
	if p := g.Lookup(typ, "patient"); typ == "Device" && p != nil {
		params = append(slices.Clone(params), p)
	}
	return params, params != nil || typ == "Patient"
}
