package knowledge

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
)

// terms is where the terminology service looks definitions up: first among the
// resources stored in the server, then in the packages and in R4.
type terms struct {
	base *Base
	set  *profiles.Set
}

// Find finds a definition by canonical or canonical|version.
func (t terms) Find(typ, canonical string) (*fhir.Resource, bool) {
	if store.IsDefinition(typ) {
		if r := t.base.stored(typ, canonical); r != nil {
			return r, true
		}
	}
	return t.set.Find(typ, canonical)
}

// Generation changes with every write of a stored definition: by this server at
// once, by others within maxAge.
func (t terms) Generation() uint64 { return t.base.generation() }

// All goes through the definitions of a type, the stored ones first.
func (t terms) All(typ string) func(yield func(*fhir.Resource, error) bool) {
	return func(yield func(*fhir.Resource, error) bool) {
		for _, r := range t.base.storedAll(typ, nil) {
			if !yield(r, nil) {
				return
			}
		}
		for r, err := range t.set.All(typ) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// Versions are the versions of a canonical, stored or not.
func (t terms) Versions(typ, url string) []string {
	var versions []string
	for _, r := range t.base.storedAll(typ, &url) {
		versions = append(versions, r.Get("version").Text())
	}
	for _, e := range t.set.List(typ) {
		if e.URL == url {
			versions = append(versions, e.Version)
		}
	}
	return versions
}

// stored is the newest stored resource of that canonical, nil when there is none.
func (b *Base) stored(typ, canonical string) *fhir.Resource {
	url, version := definition.Split(canonical)
	for _, r := range b.storedAll(typ, &url) {
		if version == "" || r.Get("version").Text() == version {
			return r
		}
	}
	return nil
}

// maxStored bounds how many stored definitions of a type are looked at.
const maxStored = 1000

// storedAll are the stored resources of a type, with that url unless nil, newest
// first. What cannot be read is left out and said in the log.
func (b *Base) storedAll(typ string, url *string) []*fhir.Resource {
	if b.Store == nil || !store.IsDefinition(typ) {
		return nil
	}
	query := &search.Query{Type: typ, Sight: search.Everything, Count: maxStored}
	if url != nil {
		query.Filter = []search.Clause{{Param: b.Search.Lookup(typ, "url"), Match: search.Exact, Operands: []search.Operand{{Code: url}}}}
	}
	var found []*fhir.Resource
	err := b.Store.View(context.Background(), func(r store.Reader) error {
		result, err := r.Search(query)
		for _, v := range result.Matches {
			resource, err := fhir.ParseResource(v.AppendJSON(nil))
			if err != nil {
				return err
			}
			found = append(found, resource)
		}
		return err
	})
	if err != nil {
		b.Log.Error("stored definitions cannot be read", "type", typ, "error", err)
	}
	return found
}

// Wrote is told of every resource that was written.
func (b *Base) Wrote(key fhir.Key) {
	if store.IsDefinition(key.Type) {
		b.writes.Add(1)
	}
}
