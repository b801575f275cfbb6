package operation

import (
	"context"

	"github.com/google/uuid"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// document is Composition/$document (R4 composition-operation-document, R4 documents
// §3.3.1): the Composition with all that it refers to, and what those need, as a
// Bundle of type document.
var document = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Composition-document",
	Run:        runDocument,
}

func runDocument(ctx context.Context, s *Set, c Call) (Result, error) {
	key, err := s.composition(c)
	if err != nil {
		return Result{}, err
	}
	persist := c.named("persist").Text() == "true"
	if persist && !c.Changing {
		return Result{}, fhir.NotAllowed("$document with persist=true stores a Bundle: it is called by POST")
	}
	composition, err := s.stored(ctx, key)
	if err != nil {
		return Result{}, err
	}
	at, err := s.position(ctx)
	if err != nil {
		return Result{}, err
	}
	var list []*fhir.Resource
	if canonical := c.named("graph").Text(); canonical != "" {
		list, err = s.graphOf(ctx, canonical, composition, at)
	} else {
		list, err = s.documented(ctx, composition)
	}
	if err != nil {
		return Result{}, err
	}
	b := newBundle("document", at)
	b.Set("identifier", fhir.NewObject(fhir.S("system", "urn:ietf:rfc:3986"), fhir.S("value", "urn:uuid:"+uuid.NewString())))
	entries, mark := fhir.NewArray(), s.Engine.Watermark()
	for _, r := range list {
		entries.Append(fhir.NewObject(fhir.S("fullUrl", s.Engine.Base+"/"+r.Key().String()), fhir.M("resource", r.Root())))
		mark.Resource(r)
	}
	if b.Set("entry", entries); !persist { // what is stored has the labels of its author
		mark.Mark(b)
	}
	bundle, err := fhir.AsResource(b)
	if err != nil || !persist {
		return answer(bundle, err)
	}
	response, err := s.Engine.Do(ctx, interaction.Request{Interaction: interaction.Create, Key: fhir.Key{Type: "Bundle"}, Body: bundle})
	if err != nil {
		return Result{}, err
	}
	stored, err := fhir.ParseResource(response.Version.AppendJSON(nil))
	return Result{Resource: stored, Location: response.Version.Key.String()}, err
}

// composition is the Composition that the call is of: of an instance, or by id.
func (s *Set) composition(c Call) (fhir.Key, error) {
	id := c.named("id").Text()
	switch {
	case c.ID != "" && id != "":
		return fhir.Key{}, fhir.BadSearch("parameter id is not allowed on a Composition: its id is in the URL")
	case c.ID != "":
		return c.key(), nil
	case fhir.ValidID(id):
		return fhir.Key{Type: c.Type, ID: id}, nil
	}
	if key, ok := s.local(id); ok && key.Type == c.Type {
		return key, nil
	}
	return fhir.Key{}, fhir.BadSearch("parameter id must name a Composition of this server").WithCode(fhir.CodeValue)
}

// documented is the Composition, what it refers to, and what those refer to that is
// in no patient's compartment: practitioners, organizations, medications, devices. A
// reference of the Composition to a resource that is not here is an error (R4
// documents §3.3.1: they SHALL be in the document).
func (s *Set) documented(ctx context.Context, composition *fhir.Resource) ([]*fhir.Resource, error) {
	list := []*fhir.Resource{composition}
	seen := map[fhir.Key]bool{composition.Key(): true}
	for i := 0; i < len(list); i++ {
		var keys []fhir.Key
		s.references(list[i].Root(), func(key fhir.Key) { keys = append(keys, key) })
		for _, key := range keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			if len(seen) > maxGraph {
				return nil, fhir.TooCostly("the document has more than %d resources", maxGraph)
			}
			r, err := s.stored(ctx, key)
			situation := fhir.SituationOf(err)
			gone := err != nil && (situation == fhir.SituationNotFound || situation == fhir.SituationDeleted)
			switch {
			case gone && i == 0:
				return nil, fhir.Unprocessable("Composition", "the Composition refers to %s, which is not here", key).WithCode(fhir.CodeNotFound)
			case gone, err == nil && i > 0 && len(s.patientsOf(r)) > 0:
				continue
			case err != nil:
				return nil, err
			}
			list = append(list, r)
		}
	}
	return list, nil
}
