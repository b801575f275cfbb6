package profiles

import (
	"fmt"
	"strings"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/profiles/snapshot"
)

// Structure finds a StructureDefinition by type name, canonical or
// canonical|version, compiled; its snapshot is made where it has none. The
// error wraps definition.ErrUnknown when there is none of that name; another
// error says what makes it unusable.
//
// In a structure that comes from a package, canonicals without a version are
// given the version of that package or of its dependencies, where the set holds
// several: US Core 3.1.1 means its own race extension, not that of 8.0.0.
func (s *Set) Structure(canonical string) (*definition.Structure, error) {
	if canonical == "" {
		return nil, errNoType
	}
	if !strings.ContainsAny(canonical, "/:") {
		canonical = definition.TypeURL(canonical)
	}
	r, ok := s.lookup("StructureDefinition", canonical)
	if !ok {
		return nil, unknown("StructureDefinition", canonical)
	}
	sh := s.shelves[r.shelf]
	if r.shelf > 0 {
		return s.madeFor(r).structure(s, r)
	}
	if st := sh.structures[r.entry].Load(); st != nil {
		return st, nil
	}
	resource, err := sh.Resource(int(r.entry))
	if err != nil {
		return nil, err
	}
	st, err := definition.FromResource(resource)
	if err != nil {
		return nil, err
	}
	sh.structures[r.entry].CompareAndSwap(nil, st)
	return sh.structures[r.entry].Load(), nil
}

// made is a structure of a package: it depends on the rest of the set.
type made struct {
	once  sync.Once
	built *definition.Structure
	err   error
}

func (s *Set) madeFor(r ref) *made {
	if m, ok := s.made.Load(r); ok {
		return m.(*made)
	}
	m, _ := s.made.LoadOrStore(r, new(made))
	return m.(*made)
}

func (m *made) structure(s *Set, r ref) (*definition.Structure, error) {
	m.once.Do(func() {
		resource, err := s.withSnapshot(r, make(generation))
		if err != nil {
			m.err = err
			return
		}
		m.built, m.err = definition.FromResource(resource)
		if m.err == nil {
			s.pinStructure(m.built, r)
		}
	})
	return m.built, m.err
}

// Snapshot is a StructureDefinition with a snapshot, which is made where it has
// none. The error is as in Structure.
func (s *Set) Snapshot(canonical string) (*fhir.Resource, error) {
	if !strings.ContainsAny(canonical, "/:") {
		canonical = definition.TypeURL(canonical)
	}
	r, ok := s.lookup("StructureDefinition", canonical)
	if !ok {
		return nil, unknown("StructureDefinition", canonical)
	}
	return s.withSnapshot(r, make(generation))
}

// generation is what one call makes snapshots of, directly and on the way: nil
// while it is under way.
type generation map[ref]*fhir.Resource

func (s *Set) withSnapshot(r ref, g generation) (*fhir.Resource, error) {
	resource, err := s.shelves[r.shelf].Resource(int(r.entry))
	if err != nil || resource.Get("snapshot").Get("element").Len() > 0 {
		return resource, err
	}
	if done, begun := g[r]; done != nil {
		return done, nil
	} else if begun {
		// As good as not known: what refers to it can do without, but for a base.
		return nil, fmt.Errorf("%s refers to itself by way of others without a snapshot: %w", s.entry(r).Canonical(), definition.ErrUnknown)
	}
	g[r] = nil
	made, err := snapshot.Generate(resource, func(canonical string) (*fhir.Resource, error) {
		next, ok := s.lookup("StructureDefinition", s.pin(canonical, r))
		if !ok {
			return nil, unknown("StructureDefinition", canonical)
		}
		return s.withSnapshot(next, g)
	})
	if err != nil {
		delete(g, r)
		return nil, err
	}
	g[r] = made
	return made, nil
}

// pinStructure gives versions to the canonicals of a structure of a package.
func (s *Set) pinStructure(st *definition.Structure, r ref) {
	each := func(list []string) {
		for i := range list {
			list[i] = s.pin(list[i], r)
		}
	}
	st.Base = s.pin(st.Base, r)
	each(st.Imposes)
	for _, e := range st.Elements {
		for i := range e.Types {
			each(e.Types[i].Profiles)
			each(e.Types[i].Targets)
		}
		if b := e.Binding; b != nil {
			b.ValueSet, b.MaxValueSet = s.pin(b.ValueSet, r), s.pin(b.MaxValueSet, r)
			for i := range b.Additional {
				b.Additional[i].ValueSet = s.pin(b.Additional[i].ValueSet, r)
			}
		}
	}
}

// pin gives a canonical the version that the package of r means by it.
func (s *Set) pin(canonical string, r ref) string {
	from := s.shelves[r.shelf].from
	if from == nil || canonical == "" || strings.Contains(canonical, "|") {
		return canonical
	}
	refs := s.byURL[canonical]
	if len(refs) < 2 || s.isType(refs[0]) {
		return canonical
	}
	for _, shelf := range s.deps[from.Key()] {
		for _, candidate := range refs {
			if int(candidate.shelf) == shelf {
				return s.entry(candidate).Canonical()
			}
		}
	}
	return canonical
}

// LookupFor finds StructureDefinitions with snapshots as the package means
// their canonicals: without a version, its own or those of its dependencies. It
// is what snapshot.Generate asks for; p is nil for no package.
func (s *Set) LookupFor(p *Package) func(canonical string) (*fhir.Resource, error) {
	from := ref{}
	for i, sh := range s.shelves {
		if p != nil && sh.from == p {
			from.shelf = int32(i)
		}
	}
	return func(canonical string) (*fhir.Resource, error) { return s.Snapshot(s.pin(canonical, from)) }
}
