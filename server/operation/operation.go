// Package operation performs FHIR operations ($name; R4 operations §3.2). Each
// is driven by its OperationDefinition: where it can be called, with which
// parameters, and whether by GET.
package operation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/server/indexing"
	"vitalwire/server/interaction"
	"vitalwire/server/knowledge"
	"vitalwire/server/store"
)

// Operation is one operation.
type Operation struct {
	// Definition is the canonical of its OperationDefinition.
	Definition string
	// Body names the in parameter that a bare resource as the body stands for.
	Body string
	// Open takes in parameters that the definition does not list: later editions
	// of FHIR add some that clients use already.
	Open bool
	// Changes: it changes something, so it is called by POST. R4's definitions
	// leave affectsState out where it is true.
	Changes bool
	// Raw gives the parameters of a body that is no Parameters; nil where there is
	// no such body.
	Raw func(body *fhir.Element) *fhir.Element
	// Needs refuses callers; nil is reads. What an operation reads and writes it does
	// as its caller.
	Needs func(*interaction.Engine, Call) error
	// Server: it is the server's own work on all there is, for who administers it.
	Server bool
	// Versions: it can be called on a past version (Type/id/_history/version/$name).
	Versions bool
	// Run performs a call whose parameters were checked.
	Run func(ctx context.Context, s *Set, c Call) (Result, error)
}

// operations are those served.
func operations() []Operation {
	return []Operation{
		validateOperation,
		expand, validateInValueSet, validateInCodeSystem, lookup, subsumes, translate, preferredID,
		meta, metaAdd, metaDelete,
		convert, versions,
		graphqlOperation, lastn, stats, graph, document, memberMatch,
		reindex, reindexStatus,
		expunge, purgeHistory, explainAccess,
		patientEverything, encounterEverything, groupEverything,
	}
}

// Set is the operations with what they work on.
type Set struct {
	// Engine makes the writes; its store, search parameters, base and seal are used.
	Engine    *interaction.Engine
	Knowledge *knowledge.Base
	// Indexing are the search parameters that are not R4's; nil where there are none.
	Indexing *indexing.Service
	// Log is told what was removed for ever; nil is told nothing.
	Log    *slog.Logger
	byCode map[string][]*served
}

// served is an operation with what its definition says.
type served struct {
	Operation
	code                  string
	system, typ, instance bool
	affectsState          bool
	types                 []string // resource types, or Resource for all
	in                    map[string]parameter
}

type parameter struct {
	typ      string
	repeats  bool
	required bool
}

// Call is one call.
type Call struct {
	Type, ID  string         // "" at levels above
	VersionID string         // "" for the current version
	In        *fhir.Resource // Parameters
	Cursor    string         // sealed place in an answer of several pages, "" for the first
	Language  string         // of the client (Accept-Language)
	Stream    bool           // the answer may be a Stream
	Changing  bool           // it was sent by POST, so it may change something
}

// key is the resource the call is of.
func (c Call) key() fhir.Key { return fhir.Key{Type: c.Type, ID: c.ID} }

// Result is what a call gave: a resource, a stream of one, or JSON.
type Result struct {
	Resource *fhir.Resource
	// Stream writes a resource as JSON that may be too large to hold. It is given
	// only to a Request that takes it; an error means that what was written is cut
	// short.
	Stream func(w io.Writer) error
	// JSON is an answer that is no resource, and Err what went wrong when it says so.
	JSON *fhir.Element
	Err  error
	// Location of a resource that was stored, relative to the base; "" for none.
	Location string
}

// answer is the Result of a resource.
func answer(r *fhir.Resource, err error) (Result, error) { return Result{Resource: r}, err }

// returned is an answer of one out parameter that is no resource (R4 operations
// §3.2.0.4.3: only a resource is an answer by itself).
func returned(typ string, value *fhir.Element) (Result, error) {
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", fhir.NewArray(fhir.NewObject(fhir.S("name", "return"), fhir.M("value"+typ, value))))
	return Result{Resource: r}, nil
}

// New reads the definitions of all operations; the error is a definition that is
// not there or makes no sense.
func New(e *interaction.Engine, k *knowledge.Base) (*Set, error) {
	set := &Set{Engine: e, Knowledge: k, byCode: map[string][]*served{}}
	for _, o := range operations() {
		d, err := definition(k, o.Definition)
		if err != nil {
			return nil, err
		}
		one := &served{
			Operation: o, code: d.Get("code").Text(),
			system: isTrue(d.Get("system")), typ: isTrue(d.Get("type")), instance: isTrue(d.Get("instance")),
			affectsState: o.Changes || isTrue(d.Get("affectsState")), in: map[string]parameter{},
		}
		for _, t := range d.Get("resource").Items() {
			one.types = append(one.types, t.Text())
		}
		for _, p := range d.Get("parameter").Items() {
			if p.Get("use").Text() == "in" {
				one.in[p.Get("name").Text()] = parameter{
					typ: p.Get("type").Text(), repeats: p.Get("max").Text() != "1", required: p.Get("min").Text() != "0",
				}
			}
		}
		set.byCode[one.code] = append(set.byCode[one.code], one)
	}
	return set, nil
}

func isTrue(e *fhir.Element) bool { return e.Text() == "true" }

// Request is an operation asked for.
type Request struct {
	Method, Path, Query string
	// Body is what was posted, nil when nothing was.
	Body     *fhir.Element
	Language string
	// Stream: the answer may be a Stream.
	Stream bool
}

// Is reports whether a path below the FHIR base names an operation.
func Is(path string) bool {
	return strings.HasPrefix(path[strings.LastIndexByte(path, '/')+1:], "$")
}

// maxStale is how often a request is performed again because what searches go by, search
// parameters or Consents, has changed meanwhile.
const maxStale = 3

// Do performs a request. Errors: UnknownType for an operation that is not served
// there, NotAllowed for GET where POST is needed, Malformed for parameters.
func (s *Set) Do(ctx context.Context, r Request) (Result, error) {
	engine, err := s.Engine.As(ctx)
	if err != nil {
		return s.told(ctx, r, Result{}, err)
	}
	mine := *s
	mine.Engine = engine.Witnessed()
	result, err := mine.perform(ctx, r)
	for again := 0; errors.Is(err, store.ErrStale) && again < maxStale; again++ {
		result, err = mine.perform(ctx, r)
	}
	return mine.told(ctx, r, result, err)
}

func (s *Set) perform(ctx context.Context, r Request) (Result, error) {
	code, c, ok := place(r.Path)
	o := s.find(code, c)
	if !ok || o == nil || c.VersionID != "" && !o.Versions {
		return Result{}, s.unknown(code)
	}
	if c.ID != "" && !fhir.ValidID(c.ID) {
		return Result{}, fhir.Malformed("", "an id is 1 to 64 of A-Z a-z 0-9 - and .").WithCode(fhir.CodeValue)
	}
	switch r.Method {
	case "GET", "HEAD":
		if o.affectsState {
			return Result{}, fhir.NotAllowed("$%s changes something: it is called by POST", code)
		}
	case "POST":
	default:
		return Result{}, fhir.NotAllowed("$%s is called by GET or POST", code)
	}
	engine := s.Engine
	needs := o.Needs
	switch {
	case o.Server:
		needs = administers
	case needs == nil:
		needs = reads
	}
	if err := needs(engine, c); err != nil {
		return Result{}, err
	}
	mine := *s
	if mine.Engine = engine; o.Server {
		mine.Engine = engine.Unbounded()
	}
	c.Language, c.Stream, c.Changing = r.Language, r.Stream, r.Method == "POST"
	c.Cursor = cursorIn(r.Query)
	in, err := o.parameters(r)
	if err != nil {
		return Result{}, err
	}
	c.In = in
	return o.Run(ctx, &mine, c)
}

// place reads Type/id/_history/version/$code, where all but the code may be absent.
func place(path string) (code string, c Call, ok bool) {
	parts := strings.Split(path, "/")
	code = strings.TrimPrefix(parts[len(parts)-1], "$")
	switch parts = parts[:len(parts)-1]; len(parts) {
	case 0:
		return code, c, true
	case 1:
		return code, Call{Type: parts[0]}, true
	case 2:
		return code, Call{Type: parts[0], ID: parts[1]}, true
	case 4:
		return code, Call{Type: parts[0], ID: parts[1], VersionID: parts[3]}, parts[2] == "_history"
	}
	return code, c, false
}

// find is the operation of that code at the level of the call, nil when none is.
func (s *Set) find(code string, c Call) *served {
	for _, o := range s.byCode[code] {
		if o.at(c) {
			return o
		}
	}
	return nil
}

// at reports whether the operation is defined at the level of the call.
func (o *served) at(c Call) bool {
	if c.Type != "" && (!fhir.IsResourceType(c.Type) || !slices.Contains(o.types, "Resource") && !slices.Contains(o.types, c.Type)) {
		return false
	}
	switch {
	case c.Type == "":
		return o.system
	case c.ID == "":
		return o.typ
	}
	return o.instance
}

func (s *Set) unknown(code string) error {
	e := fhir.UnknownType(code)
	e.Issues[0].Text = fmt.Sprintf("operation $%.64s is not served here; known are $%s", code, strings.Join(s.Codes(), ", $"))
	return e
}

// Codes are the codes of the operations served, sorted.
func (s *Set) Codes() []string { return slices.Sorted(maps.Keys(s.byCode)) }

// For lists the operations of a resource type, or with "" those of the whole
// system, for the CapabilityStatement.
func (s *Set) For(typ string) []interaction.Operation {
	var list []interaction.Operation
	for _, code := range s.Codes() {
		o := s.find(code, Call{Type: typ})
		if o == nil {
			o = s.find(code, Call{Type: typ, ID: "x"})
		}
		if o != nil {
			list = append(list, interaction.Operation{Code: code, Definition: o.Definition})
		}
	}
	return list
}
