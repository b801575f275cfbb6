// Package graphql answers GraphQL queries on FHIR resources (R4 graphql §3.1.8): the
// fields of a resource as its definitions have them, references followed, lists
// filtered and flattened, searches, and mutations. A library reads the language; what
// a query means is decided here, by the definitions, so no schema is built of them.
package graphql

import (
	"context"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// Host is what a query is asked of.
type Host interface {
	// Read gives a resource of this server, fhir.NotFound or fhir.Deleted when there
	// is none.
	Read(ctx context.Context, key fhir.Key) (*fhir.Resource, error)
	// Local is the resource of this server that a literal reference names.
	Local(reference string) (fhir.Key, bool)
	// Search finds resources of a type.
	Search(ctx context.Context, s Search) (Page, error)
	// Change creates, updates (key.ID is not "") or with a nil resource deletes, and
	// gives what is stored then.
	Change(ctx context.Context, key fhir.Key, r *fhir.Resource) (*fhir.Resource, error)
}

// Search is a search asked for by List and Connection fields.
type Search struct {
	Type  string
	Query string // as in a URL
	// Offset matches are left out at the beginning; Count is the most given, 0 for
	// what the server likes.
	Offset, Count int
	Cursor        string // of a page before, "" for the first
	Total         bool
}

// Page is what a search found.
type Page struct {
	Entries []Entry
	Total   int64 // when asked for
	Size    int   // the most entries that the page could have
	Self    string
	Next    string // cursor, "" for the last page
}

// Entry is a resource found, and why: match or include.
type Entry struct {
	Resource *fhir.Resource
	Mode     string
}

// Request is a query (GraphQL over HTTP §5).
type Request struct {
	Query, Operation string
	Variables        *fhir.Element // JSON object, or nil
	// Root is the resource that the query is about; nil asks the whole system.
	Root *fhir.Resource
	// Mutate allows mutations.
	Mutate bool
}

// Limits of one query.
const (
	maxTokens    = 20_000
	maxDepth     = 20
	maxFields    = 200_000 // fields given
	maxLookups   = 1_000   // resources read and searches made
	maxFragments = 10_000  // fragments spread
)

// run is one query at work.
type run struct {
	host       Host
	structures definition.Structures
	model      *path.Model
	doc        *ast.QueryDocument
	operation  *ast.OperationDefinition
	variables  *fhir.Element

	fields, lookups, spreads int
	roots                    map[string]*definition.Element
	compiled                 map[string]*path.Expression
	read                     map[fhir.Key]*fhir.Resource
}

// Do answers a query with the data. Errors are *fhir.Error: BadSearch for a query that
// is wrong, TooCostly for one past a limit.
func Do(ctx context.Context, h Host, structures definition.Structures, model *path.Model, r Request) (*fhir.Element, error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: r.Query}, maxTokens)
	if err != nil {
		return nil, wrong(nil, "the query is not GraphQL: %.200s", err.Error())
	}
	x := &run{
		host: h, structures: structures, model: model, doc: doc,
		roots: map[string]*definition.Element{}, compiled: map[string]*path.Expression{}, read: map[fhir.Key]*fhir.Resource{},
	}
	if err := x.choose(r.Operation); err != nil {
		return nil, err
	}
	if err := x.bind(r.Variables); err != nil {
		return nil, err
	}
	out := newObject()
	top := place{sets: []ast.SelectionSet{x.operation.SelectionSet}}
	switch {
	case x.operation.Operation == ast.Subscription:
		return nil, wrong(x.operation.Position, "subscriptions are not served by GraphQL")
	case x.operation.Operation == ast.Mutation && r.Root != nil:
		return nil, wrong(x.operation.Position, "mutations are asked of the whole system, not of a resource")
	case x.operation.Operation == ast.Mutation && !r.Mutate:
		return nil, wrong(x.operation.Position, "a mutation must be sent by POST")
	case x.operation.Operation == ast.Mutation:
		err = x.mutations(ctx, top, out)
	case r.Root != nil:
		err = x.object(ctx, resourceNode(r.Root.Root()), top, out)
	default:
		err = x.system(ctx, top, out)
	}
	if err != nil {
		return nil, err
	}
	return out.element(), nil
}

// choose picks the operation by its name (GraphQL §6.1: without one there must be
// only one).
func (x *run) choose(name string) error {
	switch x.operation = x.doc.Operations.ForName(name); {
	case len(x.doc.Operations) == 0:
		return wrong(nil, "the document has no operation")
	case name == "" && len(x.doc.Operations) > 1:
		return wrong(nil, "the document has %d operations; operationName must say which", len(x.doc.Operations))
	case x.operation == nil:
		return wrong(nil, "the document has no operation %.64q", name)
	}
	return nil
}

// bind gives the variables their values (GraphQL §6.1.2).
func (x *run) bind(given *fhir.Element) error {
	x.variables = fhir.NewObject()
	if given != nil && !given.Is(fhir.Object) && !given.Is(fhir.Null) {
		return wrong(nil, "variables must be a JSON object")
	}
	for _, d := range x.operation.VariableDefinitions {
		value := given.Get(d.Variable)
		if value == nil && d.DefaultValue != nil {
			var err error
			if value, err = x.json(d.DefaultValue); err != nil {
				return err
			}
		}
		if d.Type.NonNull && (value == nil || value.Is(fhir.Null)) {
			return wrong(d.Position, "variable $%s has no value", d.Variable)
		}
		if value != nil {
			x.variables.Set(d.Variable, value)
		}
	}
	return nil
}

// json is a value as JSON; nil for a variable that was given none.
func (x *run) json(v *ast.Value) (*fhir.Element, error) {
	switch v.Kind {
	case ast.Variable:
		if x.operation.VariableDefinitions.ForName(v.Raw) == nil {
			return nil, wrong(v.Position, "variable $%s is not declared", v.Raw)
		}
		return x.variables.Get(v.Raw), nil
	case ast.IntValue, ast.FloatValue:
		return fhir.NewNumber(v.Raw), nil
	case ast.BooleanValue:
		return fhir.NewBool(v.Raw == "true"), nil
	case ast.NullValue:
		return fhir.NewNull(), nil
	case ast.ListValue:
		list := fhir.NewArray()
		for _, child := range v.Children {
			item, err := x.json(child.Value)
			if err != nil {
				return nil, err
			}
			if item != nil {
				list.Append(item)
			}
		}
		return list, nil
	case ast.ObjectValue:
		object := fhir.NewObject()
		for _, child := range v.Children {
			value, err := x.json(child.Value)
			if err != nil {
				return nil, err
			}
			if object.Get(child.Name) != nil {
				return nil, wrong(v.Position, "%s is given twice", child.Name)
			}
			if value != nil {
				object.Set(child.Name, value)
			}
		}
		return object, nil
	}
	return fhir.NewString(v.Raw), nil // strings and the names of enum values
}

// wrong is a query that cannot be answered, with the place where it says so.
func wrong(at *ast.Position, format string, args ...any) *fhir.Error {
	text := fmt.Sprintf(format, args...)
	if at != nil {
		text = fmt.Sprintf("line %d column %d: %s", at.Line, at.Column, text)
	}
	return fhir.BadSearch("%s", text)
}

// cost counts towards a limit.
func cost(n *int, limit int, what string) error {
	if *n++; *n > limit {
		return fhir.TooCostly("the query asks for more than %d %s", limit, what)
	}
	return nil
}
