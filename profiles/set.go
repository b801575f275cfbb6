package profiles

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/profiles/internal/pack"
)

// Entry is what is known of a definition without decoding it.
type Entry = pack.Entry

// Set is an immutable view of definitions: R4 and the packages put beside it.
// It is safe for concurrent use; what it returns must not be changed.
type Set struct {
	shelves []*shelf         // R4 first
	byURL   map[string][]ref // newest first

	made    sync.Map // ref -> *made: structures that depend on the whole set
	search  sync.Map // resource type -> []*definition.SearchParameter
	missing []Missing
	deps    map[string][]int // name#version of a package -> shelves it resolves in
}

// A Set answers for everything that validation and search look up.
var _ definition.Source = (*Set)(nil)

// ref is an entry of a shelf.
type ref struct{ shelf, entry int32 }

// shelf is a pack and what was compiled from it.
type shelf struct {
	*pack.Pack
	from       *Package // nil for R4
	structures []atomic.Pointer[definition.Structure]
}

func newShelf(p *pack.Pack, from *Package) *shelf {
	return &shelf{Pack: p, from: from, structures: make([]atomic.Pointer[definition.Structure], len(p.Entries))}
}

func newSet(shelves []*shelf) *Set {
	n := 0
	for _, sh := range shelves {
		n += len(sh.Entries)
	}
	s := &Set{shelves: shelves, byURL: make(map[string][]ref, n)}
	for i, sh := range shelves {
		for j := range sh.Entries {
			if url := sh.Entries[j].URL; url != "" {
				s.byURL[url] = append(s.byURL[url], ref{int32(i), int32(j)})
			}
		}
	}
	for _, refs := range s.byURL {
		if len(refs) > 1 {
			slices.SortStableFunc(refs, s.order)
		}
	}
	s.resolve()
	return s
}

// order puts the types of R4 first, whatever a package brings under their
// names, then newer before older. Equal ones stay in the order of loading.
func (s *Set) order(a, b ref) int {
	if x, y := s.isType(a), s.isType(b); x != y {
		if x {
			return -1
		}
		return 1
	}
	return -compareVersions(s.entry(a).Version, s.entry(b).Version)
}

func (s *Set) isType(r ref) bool {
	e := s.entry(r)
	return r.shelf == 0 && e.Type == "StructureDefinition" && e.Derivation != "constraint"
}

func (s *Set) entry(r ref) *Entry { return &s.shelves[r.shelf].Entries[r.entry] }

// With is a set that holds the packages too. A package replaces one of the same
// name and version; other versions stay beside it.
func (s *Set) With(packages ...*Package) *Set {
	shelves := slices.Clone(s.shelves)
	for _, p := range packages {
		same := func(sh *shelf) bool {
			return sh.from != nil && sh.from.Name == p.Name && sh.from.Version == p.Version
		}
		if i := slices.IndexFunc(shelves, same); i >= 0 {
			shelves[i] = p.shelf
		} else {
			shelves = append(shelves, p.shelf)
		}
	}
	return newSet(shelves)
}

// Without is a set that lacks the package of that name and version.
func (s *Set) Without(name, version string) *Set {
	return newSet(slices.DeleteFunc(slices.Clone(s.shelves), func(sh *shelf) bool {
		return sh.from != nil && sh.from.Name == name && sh.from.Version == version
	}))
}

// Packages are the packages of the set, in the order of loading.
func (s *Set) Packages() []*Package {
	var out []*Package
	for _, sh := range s.shelves {
		if sh.from != nil {
			out = append(out, sh.from)
		}
	}
	return out
}

// lookup finds a definition of a type, of any type when typ is "". Without a
// version it is the newest; "url|1.2" also finds 1.2.0 when there is no 1.2.
func (s *Set) lookup(typ, canonical string) (ref, bool) {
	url, version := definition.Split(canonical)
	refs := s.byURL[url]
	for _, r := range refs {
		e := s.entry(r)
		if (typ == "" || e.Type == typ) && (version == "" || e.Version == version) {
			return r, true
		}
	}
	if version == "" {
		return ref{}, false
	}
	for _, r := range refs {
		e := s.entry(r)
		if (typ == "" || e.Type == typ) && strings.HasPrefix(e.Version, version+".") {
			return r, true
		}
	}
	return ref{}, false
}

// Lookup is the index entry of a canonical, without decoding anything; typ may
// be "" for any resource type.
func (s *Set) Lookup(typ, canonical string) (*Entry, bool) {
	r, ok := s.lookup(typ, canonical)
	if !ok {
		return nil, false
	}
	return s.entry(r), true
}

// Find finds a definition by "url" or "url|version"; without a version the
// newest. typ is its resource type, "" for any. It reports false also for one
// that cannot be decoded; Decode tells why.
func (s *Set) Find(typ, canonical string) (*fhir.Resource, bool) {
	r, ok := s.lookup(typ, canonical)
	if !ok {
		return nil, false
	}
	resource, err := s.shelves[r.shelf].Resource(int(r.entry))
	return resource, err == nil
}

// Decode is Find with the error: it wraps definition.ErrUnknown where there is
// nothing of that canonical.
func (s *Set) Decode(typ, canonical string) (*fhir.Resource, error) {
	r, ok := s.lookup(typ, canonical)
	if !ok {
		return nil, unknown(typ, canonical)
	}
	return s.shelves[r.shelf].Resource(int(r.entry))
}

func unknown(typ, canonical string) error {
	if typ == "" {
		typ = "definition"
	}
	return fmt.Errorf("%s %s: %w", typ, canonical, definition.ErrUnknown)
}

// ValueSet finds a ValueSet by canonical.
func (s *Set) ValueSet(canonical string) (*fhir.Resource, bool) { return s.Find("ValueSet", canonical) }

// CodeSystem finds a CodeSystem by canonical.
func (s *Set) CodeSystem(canonical string) (*fhir.Resource, bool) {
	return s.Find("CodeSystem", canonical)
}

// List are the index entries of a resource type, of all types when typ is "",
// in the order of loading, R4 first: every version of each.
func (s *Set) List(typ string) []*Entry {
	var out []*Entry
	for _, sh := range s.shelves {
		for i := range sh.Entries {
			if e := &sh.Entries[i]; typ == "" || e.Type == typ {
				out = append(out, e)
			}
		}
	}
	return out
}

// All goes through the definitions of a resource type, of all types when typ
// is "", decoding one after the other. One that cannot be decoded comes with
// its error.
func (s *Set) All(typ string) iter.Seq2[*fhir.Resource, error] {
	return func(yield func(*fhir.Resource, error) bool) {
		for _, sh := range s.shelves {
			for i := range sh.Entries {
				if typ != "" && sh.Entries[i].Type != typ {
					continue
				}
				if !yield(sh.Resource(i)) {
					return
				}
			}
		}
	}
}

// errNoType is the answer to a question without a name.
var errNoType = errors.New("a type name or canonical is needed")
