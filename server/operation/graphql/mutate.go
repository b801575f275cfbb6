package graphql

import (
	"context"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// mutations are made one after the other, each for itself (GraphQL §6.2.2; R4 graphql
// §3.1.8.9): TypeCreate(resource), TypeUpdate(id, resource) and TypeDelete(id).
func (x *run) mutations(ctx context.Context, p place, out *object) error {
	fields, err := x.collect(p, func(typ string) bool { return typ == "Mutation" })
	if err != nil {
		return err
	}
	for _, f := range fields {
		if err := cost(&x.lookups, maxLookups, "changes"); err != nil {
			return err
		}
		if err := x.mutation(ctx, f, p, out); err != nil {
			return err
		}
	}
	return nil
}

func (x *run) mutation(ctx context.Context, f *chosen, p place, out *object) error {
	typ, act := f.Name, ""
	for _, suffix := range []string{"Create", "Update", "Delete"} {
		if of, ok := strings.CutSuffix(f.Name, suffix); ok && fhir.IsResourceType(of) {
			typ, act = of, suffix
		}
	}
	if act == "" {
		return wrong(f.Position, "there is no mutation %s; there are such as PatientCreate, PatientUpdate and PatientDelete", f.Name)
	}
	args, err := x.arguments(f.Field, "id", "resource", "res")
	if err != nil {
		return err
	}
	key := fhir.Key{Type: typ, ID: args["id"].Text()}
	if (act == "Create") != (key.ID == "") || key.ID != "" && !fhir.ValidID(key.ID) {
		return wrong(f.Position, "%s takes the id of a resource, and only TypeCreate takes none", f.Name)
	}
	var given *fhir.Resource
	if act != "Delete" {
		if given, err = x.input(f, key, args); err != nil {
			return err
		}
	}
	stored, err := x.host.Change(ctx, key, given)
	if err != nil {
		return err
	}
	inner := newObject()
	if err := x.payload(ctx, f, place{sets: f.sets, depth: p.depth + 1}, stored, inner); err != nil {
		return err
	}
	return out.add(f, f.Alias, inner.element(), false)
}

// input is the resource that a mutation was given.
func (x *run) input(f *chosen, key fhir.Key, args map[string]*fhir.Element) (*fhir.Resource, error) {
	value := args["resource"]
	if value == nil {
		value = args["res"]
	}
	if !value.Is(fhir.Object) {
		return nil, wrong(f.Position, "%s needs the argument resource", f.Name)
	}
	value = x.coerce(value.Clone(), x.structure(key.Type))
	if value.Get("resourceType") == nil {
		members := append([]fhir.Member{fhir.S("resourceType", key.Type)}, value.Members()...)
		value = fhir.NewObject(members...)
	}
	if key.ID != "" && value.Get("id") == nil {
		value.Set("id", fhir.NewString(key.ID))
	}
	r, err := fhir.AsResource(value)
	if err == nil && r.Type() != key.Type {
		err = wrong(f.Position, "the resource of %s is a %s", f.Name, r.Type())
	}
	return r, err
}

// coerce makes a list of a single value where the definition has one (GraphQL §3.11).
func (x *run) coerce(value *fhir.Element, def *definition.Element) *fhir.Element {
	if !value.Is(fhir.Object) || def == nil {
		return value
	}
	for _, m := range value.Members() {
		child, typ := def.Child(m.Name)
		if child == nil {
			continue
		}
		below := child
		if len(child.Children) == 0 && child.Content == nil && typ != nil {
			below = x.structure(typ.Code)
		}
		items := m.Value.Items()
		for i, item := range items {
			items[i] = x.coerce(item, below)
		}
		if child.Repeats() && !m.Value.Is(fhir.Array) {
			value.Set(m.Name, fhir.NewArray(items...))
		}
	}
	return value
}

// payload gives what was asked of the outcome: location, resource and information as
// R4's schema has it, or the fields of the resource itself.
func (x *run) payload(ctx context.Context, f *chosen, p place, stored *fhir.Resource, out *object) error {
	fields, err := x.collect(p, func(typ string) bool { return stored != nil && typ == stored.Type() })
	if err != nil {
		return err
	}
	for _, field := range fields {
		switch {
		case field.Name == "__typename":
			err = out.add(field, field.Alias, fhir.NewString(f.Name), false)
		case field.Name == "location" && len(field.sets[0]) == 0:
			if stored != nil {
				err = out.add(field, field.Alias, fhir.NewString(stored.Key().String()+"/_history/"+stored.Path("meta", "versionId").Text()), false)
			}
		case field.Name == "information":
			done := fhir.Outcome([]fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: f.Name + " was done"}})
			err = x.values(ctx, []node{resourceNode(done.Root())}, field, p, false, out)
		case stored == nil:
			continue
		case field.Name == "resource":
			err = x.values(ctx, []node{resourceNode(stored.Root())}, field, p, false, out)
		default:
			err = x.field(ctx, resourceNode(stored.Root()), field, p, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
