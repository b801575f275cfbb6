package operation

import (
	"cmp"
	"context"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// maxReferred bounds the resources looked at because others refer to them.
const maxReferred = 10_000

// gather finds what the record refers to, directly or over others, that is not in
// it: practitioners, organizations, locations, medications, devices, binaries. What
// is in the compartment of other patients only is left out.
func (rec *record) gather(ctx context.Context) error {
	seen := map[fhir.Key]bool{rec.focus: true}
	var todo []fhir.Key
	note := func(key fhir.Key) {
		if !seen[key] {
			seen[key] = true
			todo = append(todo, key)
		}
	}
	look := func(v store.Version) error {
		r, err := fhir.ParseElement(v.Body)
		if err != nil {
			return err
		}
		rec.set.references(r, note)
		if len(seen) > maxReferred {
			return fhir.TooCostly("the record refers to more than %d resources; ask for part of it with start and end", maxReferred)
		}
		return nil
	}
	found, err := rec.read(ctx, []fhir.Key{rec.focus}, false)
	if err != nil {
		return err
	}
	for _, v := range found {
		if err := look(v); err != nil {
			return err
		}
	}
	empty := make([]bool, len(rec.stages))
	for i, stage := range rec.stages {
		q := *stage
		q.Count, q.After = batchSize, from(rec.at)
		empty[i] = true
		err := eachOf(&q, func(q *search.Query) (store.Result, error) { return rec.search(ctx, q) }, func(v store.Version) error {
			empty[i] = false
			return look(v)
		})
		if err != nil {
			return err
		}
	}
	rec.empty = empty
	rec.referred = []fhir.Key{}
	for len(todo) > 0 {
		keys := todo[:min(len(todo), batchSize)]
		todo = todo[len(keys):]
		found, err := rec.read(ctx, keys, false)
		if err != nil {
			return err
		}
		for _, v := range found {
			r, err := fhir.ParseResource(v.Body)
			if err != nil {
				return err
			}
			if !rec.supports(r) {
				continue
			}
			rec.referred = append(rec.referred, v.Key)
			if err := look(v); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(rec.referred, func(a, b fhir.Key) int { return cmp.Compare(a.String(), b.String()) })
	return nil
}

// supports reports whether a resource that the record refers to is given with it.
func (rec *record) supports(r *fhir.Resource) bool {
	values := rec.set.Engine.Search.Extract(r)
	if slices.Contains(rec.compartment.Owners(r.Key(), values), rec.focus.ID) {
		return false // in the record already, or outside the dates asked for
	}
	owners := rec.set.Engine.Search.Compartment("Patient").Owners(r.Key(), values)
	return len(owners) == 0 || slices.ContainsFunc(owners, func(id string) bool { return slices.Contains(rec.patients, id) })
}

// patientsOf are the ids of the patients whose compartments a resource is in.
func (s *Set) patientsOf(r *fhir.Resource) []string {
	return s.Engine.Search.Compartment("Patient").Owners(r.Key(), s.Engine.Search.Extract(r))
}

// local is the resource of this server that a literal reference names.
func (s *Set) local(text string) (fhir.Key, bool) {
	ref := fhir.ParseReference(text)
	if ref.Key.ID == "" || ref.Contained != "" || ref.Base != "" && ref.Base != s.Engine.Base || !fhir.IsResourceType(ref.Key.Type) || !fhir.ValidID(ref.Key.ID) {
		return fhir.Key{}, false
	}
	return ref.Key, true
}

// references tells the resources of this server that an element refers to, by
// Reference or by the url of an Attachment that is a Binary.
func (s *Set) references(e *fhir.Element, note func(fhir.Key)) {
	for _, m := range e.Members() {
		switch {
		case m.Name == "reference" && m.Value.Is(fhir.String), m.Name == "url" && m.Value.Is(fhir.String):
			if key, ok := s.local(m.Value.Text()); ok && (m.Name == "reference" || key.Type == "Binary") {
				note(key)
			}
		case m.Value.Is(fhir.Object), m.Value.Is(fhir.Array):
			s.references(m.Value, note)
		}
	}
}

// query reads search parameters of a type.
func (s *Set) query(typ, text string) (*search.Query, error) {
	parsed, err := s.parse(typ, text)
	if err != nil {
		return nil, err
	}
	return parsed.Query, nil
}

func (s *Set) parse(typ, text string) (*search.Parsed, error) {
	return s.Engine.Understood(context.Background(), func() (*search.Parsed, error) {
		return s.Engine.Search.Parse(typ, text, search.Options{Base: s.Engine.Base, Zone: s.Engine.Zone, DefaultCount: batchSize, MaxCount: maxPage})
	})
}
