package graphql

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"vitalwire/fhir"
)

// system gives the fields of the whole system (R4 graphql §3.1.8.6): Type(id),
// TypeList and TypeConnection.
func (x *run) system(ctx context.Context, p place, out *object) error {
	fields, err := x.collect(p, func(typ string) bool { return typ == "Query" })
	if err != nil {
		return err
	}
	for _, f := range fields {
		typ, connection, isSearch := searchField(f.Name)
		switch {
		case f.Name == "__typename":
			err = out.add(f, f.Alias, fhir.NewString("Query"), false)
		case isSearch:
			err = x.search(ctx, typ, connection, f, p, out, nil)
		case fhir.IsResourceType(f.Name):
			err = x.byID(ctx, f, p, out)
		default:
			err = wrong(f.Position, "the system has no field %s; it has a resource type such as Patient(id: ...), PatientList and PatientConnection", f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *run) byID(ctx context.Context, f *chosen, p place, out *object) error {
	args, err := x.arguments(f.Field, "id", "_id")
	if err != nil {
		return err
	}
	id := args["id"].Text() + args["_id"].Text()
	if !fhir.ValidID(id) {
		return wrong(f.Position, "%s needs an id", f.Name)
	}
	r, err := x.resource(ctx, fhir.Key{Type: f.Name, ID: id})
	if err != nil {
		return err
	}
	return x.values(ctx, []node{resourceNode(r.Root())}, f, p, false, out)
}

// searchField reads PatientList and PatientConnection.
func searchField(name string) (typ string, connection, ok bool) {
	typ, isList := strings.CutSuffix(name, "List")
	if !isList {
		typ, connection = strings.CutSuffix(name, "Connection")
	}
	return typ, connection, (isList || connection) && fhir.IsResourceType(typ)
}

// search answers TypeList or TypeConnection; of, when not nil, is the resource that
// _reference must lead to (R4 graphql §3.1.8.7).
func (x *run) search(ctx context.Context, typ string, connection bool, f *chosen, p place, out *object, of *fhir.Element) error {
	s, err := x.searchOf(typ, f.Field, of)
	if err != nil {
		return err
	}
	if err := cost(&x.lookups, maxLookups, "searches"); err != nil {
		return err
	}
	for _, set := range f.sets {
		for _, selection := range set {
			if field, ok := selection.(*ast.Field); ok && field.Name == "count" {
				s.Total = true
			}
		}
	}
	page, err := x.host.Search(ctx, s)
	if err != nil {
		return err
	}
	if connection {
		inner := newObject()
		if err := x.connection(ctx, typ, s, page, place{sets: f.sets, depth: p.depth + 1}, inner); err != nil {
			return err
		}
		return out.add(f, f.Alias+p.suffix, inner.element(), p.inherited)
	}
	var list []node
	for _, entry := range page.Entries {
		if entry.Mode == "match" {
			list = append(list, resourceNode(entry.Resource.Root()))
		}
	}
	if len(list) == 0 && p.suffix == "" && !p.inherited && f.Directives.ForName("flatten") == nil {
		out.names = append(out.names, f.Alias) // an empty list, not nothing
		out.slots[f.Alias] = &slot{list: true}
		return nil
	}
	return x.values(ctx, list, f, p, true, out)
}

func (x *run) searchOf(typ string, f *ast.Field, of *fhir.Element) (Search, error) {
	s := Search{Type: typ}
	var query []string
	add := func(name, value string) { query = append(query, url.QueryEscape(name)+"="+url.QueryEscape(value)) }
	for _, arg := range f.Arguments {
		value, err := x.json(arg.Value)
		if err != nil {
			return s, err
		}
		if value == nil || value.Is(fhir.Null) {
			continue
		}
		switch arg.Name {
		case "_count":
			s.Count, err = whole(arg, value)
		case "_offset":
			s.Offset, err = whole(arg, value)
		case "_cursor":
			s.Cursor = value.Text()
		case "_reference":
			if of.Get("id").Text() == "" {
				return s, wrong(arg.Position, "_reference has a meaning only in a resource that is stored")
			}
			add(parameterName(value.Text()), of.Get("resourceType").Text()+"/"+of.Get("id").Text())
		default:
			var texts []string
			for _, item := range value.Items() {
				if item.Is(fhir.Object) || item.Is(fhir.Array) {
					return s, wrong(arg.Position, "a search parameter is a value or a list of values")
				}
				texts = append(texts, item.Text())
			}
			add(parameterName(arg.Name), strings.Join(texts, ","))
		}
		if err != nil {
			return s, err
		}
	}
	s.Query = strings.Join(query, "&")
	return s, nil
}

// parameterName turns the underscores of a GraphQL name, where R4's parameter has
// hyphens, back (R4 graphql §3.1.8.6).
func parameterName(name string) string {
	if rest, ok := strings.CutPrefix(name, "_"); ok {
		return "_" + rest
	}
	return strings.ReplaceAll(name, "_", "-")
}

// connection gives the fields of TypeConnection.
func (x *run) connection(ctx context.Context, typ string, s Search, page Page, p place, out *object) error {
	fields, err := x.collect(p, func(t string) bool { return t == typ+"Connection" })
	if err != nil {
		return err
	}
	number := func(n int) *fhir.Element { return fhir.NewNumber(strconv.Itoa(n)) }
	for _, f := range fields {
		var value *fhir.Element
		switch f.Name {
		case "__typename":
			value = fhir.NewString(typ + "Connection")
		case "count":
			value = fhir.NewNumber(strconv.FormatInt(page.Total, 10))
		case "offset":
			value = number(s.Offset)
		case "pagesize":
			value = number(page.Size)
		case "next":
			if page.Next != "" {
				value = fhir.NewString(page.Next)
			}
		case "first", "previous", "last": // pages are found going forward only
		case "edges":
			list := fhir.NewArray()
			for _, entry := range page.Entries {
				inner := newObject()
				if err := x.edge(ctx, typ, entry, place{sets: f.sets, depth: p.depth + 1}, inner); err != nil {
					return err
				}
				list.Append(inner.element())
			}
			value = list
		default:
			return wrong(f.Position, "%sConnection has no field %s; it has count, offset, pagesize, edges, first, previous, next and last", typ, f.Name)
		}
		if value == nil {
			continue
		}
		if err := out.add(f, f.Alias, value, false); err != nil {
			return err
		}
	}
	return nil
}

func (x *run) edge(ctx context.Context, typ string, entry Entry, p place, out *object) error {
	fields, err := x.collect(p, func(t string) bool { return t == typ+"Edge" })
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.Name {
		case "__typename":
			err = out.add(f, f.Alias, fhir.NewString(typ+"Edge"), false)
		case "mode":
			err = out.add(f, f.Alias, fhir.NewString(entry.Mode), false)
		case "score": // no search here ranks
		case "resource":
			err = x.values(ctx, []node{resourceNode(entry.Resource.Root())}, f, p, false, out)
		default:
			err = wrong(f.Position, "an edge has no field %s; it has mode, score and resource", f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
