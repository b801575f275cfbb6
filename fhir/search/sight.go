package search

import "vitalwire/fhir"

// View is what of one resource type may be seen. The zero View is nothing.
type View struct {
	// Whole is every resource of the type.
	Whole bool
	// Any, unless Whole, are those resources that meet at least one of the clauses.
	Any []Clause
	// Each judges one by one, by key and body, what is to be seen besides by more than its
	// own row tells; nil is all of it. A store asks it of what chains, _has and includes
	// lead through; matches, of which pages must be full, are left to who asks the store.
	Each func(fhir.Key, []byte) (bool, error)
}

// Sight is what a caller may see: a View of each resource type. The nil Sight is
// nobody's: a query that carries it is refused, so that a path which forgot to
// ask who is there finds nothing.
type Sight func(typ string) View

// Everything is the Sight of the server itself, and of who may see all.
func Everything(string) View { return View{Whole: true} }

// Clause holds for what is seen. Of a Whole View there is none, which is said by
// false; of the zero View it holds for nothing.
func (v View) Clause() (Clause, bool) {
	if v.Whole {
		return Clause{}, false
	}
	return Clause{Group: &Group{Any, v.Any}}, true
}

// Sees reports whether a resource lies in the View. Clauses that ask for other
// resources are a BadSearch.
func (v View) Sees(s *Subject) (bool, error) {
	c, some := v.Clause()
	if !some {
		return true, nil
	}
	return Meets(s, []Clause{c})
}
