package graphql

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"vitalwire/fhir"
)

// place is what is selected of one object: the sets of a field that stands in several
// places are merged (GraphQL §5.3.2), and how the answer is shown.
type place struct {
	sets  []ast.SelectionSet
	depth int
	// inherited: a list above was flattened into the object, so every field may have
	// several values. suffix is what @slice puts behind the names.
	inherited bool
	suffix    string
}

// chosen is a field selected: all that have its name in the answer.
type chosen struct {
	*ast.Field
	sets []ast.SelectionSet
	in   int // the selection set that names it, by number
}

// collect lists the fields selected of an object of the types, in order (GraphQL §6.3.2).
func (x *run) collect(p place, is func(typ string) bool) ([]*chosen, error) {
	if p.depth > maxDepth {
		return nil, fhir.TooCostly("the query is nested more than %d deep", maxDepth)
	}
	var list []*chosen
	byKey := map[string]*chosen{}
	var gather func(set ast.SelectionSet, spread []string) error
	sets := 0
	gather = func(set ast.SelectionSet, spread []string) error {
		sets++
		in := sets
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if ok, err := x.included(s.Directives); err != nil || !ok {
					if err != nil {
						return err
					}
					continue
				}
				same := byKey[s.Alias]
				// HL7's suite (extension-simple) gives an object that one set names
				// twice as two; what fragments bring is merged, as clients need it.
				twice := same != nil && same.in == in && len(s.SelectionSet) > 0
				if same == nil || twice || s.Directives.ForName("flatten") != nil {
					same = &chosen{Field: s, in: in}
					byKey[s.Alias] = same
					list = append(list, same)
				} else if same.Name != s.Name || !sameArguments(same.Arguments, s.Arguments) {
					return wrong(s.Position, "field %s is selected with another meaning before; give one an alias", s.Alias)
				}
				same.sets = append(same.sets, s.SelectionSet)
			case *ast.InlineFragment:
				ok, err := x.included(s.Directives)
				if err != nil {
					return err
				}
				if ok && (s.TypeCondition == "" || is(s.TypeCondition)) {
					if err := gather(s.SelectionSet, spread); err != nil {
						return err
					}
				}
			case *ast.FragmentSpread:
				if err := x.spread(s, spread, is, gather); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, set := range p.sets {
		if err := gather(set, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (x *run) spread(s *ast.FragmentSpread, within []string, is func(string) bool, gather func(ast.SelectionSet, []string) error) error {
	if err := cost(&x.spreads, maxFragments, "fragments"); err != nil {
		return err
	}
	f := x.doc.Fragments.ForName(s.Name)
	if f == nil {
		return wrong(s.Position, "fragment %s is not defined", s.Name)
	}
	if slices.Contains(within, s.Name) {
		return wrong(s.Position, "fragment %s contains itself", s.Name)
	}
	ok, err := x.included(s.Directives)
	if err != nil || !ok || !is(f.TypeCondition) {
		return err
	}
	return gather(f.SelectionSet, append(slices.Clone(within), s.Name))
}

// known are the directives of GraphQL and of R4 graphql §3.1.8.8.
var known = []string{"skip", "include", "flatten", "first", "singleton", "slice"}

// included reports what @skip and @include say.
func (x *run) included(directives ast.DirectiveList) (bool, error) {
	for _, d := range directives {
		if !slices.Contains(known, d.Name) {
			return false, wrong(d.Position, "directive @%s is not known", d.Name)
		}
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		arg := d.Arguments.ForName("if")
		if arg == nil {
			return false, wrong(d.Position, "@%s has no argument if", d.Name)
		}
		value, err := x.json(arg.Value)
		if err != nil {
			return false, err
		}
		if !value.Is(fhir.Bool) {
			return false, wrong(d.Position, "the argument of @%s is not true or false", d.Name)
		}
		if (value.Text() == "true") == (d.Name == "skip") {
			return false, nil
		}
	}
	return true, nil
}

func sameArguments(a, b ast.ArgumentList) bool {
	if len(a) != len(b) {
		return false
	}
	for _, arg := range a {
		other := b.ForName(arg.Name)
		if other == nil || other.Value.String() != arg.Value.String() {
			return false
		}
	}
	return true
}

// object is an object of the answer. Flattened fields may give one name several values.
type object struct {
	names []string
	slots map[string]*slot
}

type slot struct {
	list, single bool
	values       []*fhir.Element
}

func newObject() *object { return &object{slots: map[string]*slot{}} }

// add adds a value under a name; list says that it is shown as a list.
func (o *object) add(f *chosen, name string, value *fhir.Element, list bool) error {
	s := o.slots[name]
	if s == nil {
		s = &slot{}
		o.slots[name] = s
		o.names = append(o.names, name)
	}
	s.list = s.list || list
	s.single = s.single || f.Directives.ForName("singleton") != nil
	if s.values = append(s.values, value); s.single && len(s.values) > 1 {
		return wrong(f.Position, "%s is marked @singleton and has several values", name)
	}
	return nil
}

func (o *object) element() *fhir.Element {
	e := fhir.NewObject()
	for _, name := range o.names {
		s := o.slots[name]
		if len(s.values) == 1 && (s.single || !s.list) {
			e.Set(name, s.values[0])
		} else {
			e.Set(name, fhir.NewArray(s.values...))
		}
	}
	return e
}
