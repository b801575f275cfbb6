package operation

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/interaction"
	"vitalwire/server/operation/graphql"
	"vitalwire/server/query"
	"vitalwire/server/store"
)

// graphqlOperation is $graphql (R4 resource-operation-graphql, R4 graphql §3.1.8). The
// query comes in the URL, as application/graphql, or as JSON with query,
// operationName and variables; the answer is JSON, no resource.
var graphqlOperation = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Resource-graphql",
	Open:       true, // operationName and variables
	Raw:        rawQuery,
	Run:        runGraphQL,
}

// queryTime bounds one query.
const queryTime = 30 * time.Second

// rawQuery gives the parameters of a body that is no Parameters.
func rawQuery(body *fhir.Element) *fhir.Element {
	if body.Is(fhir.String) { // application/graphql
		return fhir.NewArray(fhir.NewObject(fhir.S("name", "query"), fhir.S("valueString", body.Text())))
	}
	list := fhir.NewArray()
	for _, name := range []string{"query", "operationName", "variables"} {
		text := body.Get(name).Text()
		if value := body.Get(name); value.Is(fhir.Object) {
			text = string(value.AppendJSON(nil))
		}
		if text != "" {
			list.Append(fhir.NewObject(fhir.S("name", name), fhir.S("valueString", text)))
		}
	}
	return list
}

func runGraphQL(ctx context.Context, s *Set, c Call) (Result, error) {
	request := graphql.Request{Query: c.named("query").Text(), Operation: c.named("operationName").Text(), Mutate: c.Changing}
	if text := c.named("variables").Text(); text != "" {
		variables, err := fhir.ParseElement([]byte(text))
		if err != nil {
			return Result{}, fhir.BadSearch("variables is not JSON").WithCause(err)
		}
		request.Variables = variables
	}
	if c.ID != "" {
		root, err := s.stored(ctx, c.key())
		if err != nil {
			return Result{}, err
		}
		request.Root = root
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	structures, model := s.Knowledge.Definitions()
	host := &graphHost{set: s}
	var data *fhir.Element
	ask := func() (err error) {
		data, err = graphql.Do(ctx, host, structures, model, request)
		return err
	}
	var err error
	if c.Changing && strings.Contains(request.Query, "mutation") {
		err = ask() // what it writes must be seen
	} else {
		err = s.Engine.Store.View(ctx, func(r store.Reader) error {
			host.reader = r
			return ask()
		})
	}
	var known *fhir.Error
	switch {
	case err == nil:
		return Result{JSON: fhir.NewObject(fhir.M("data", data))}, nil
	case errors.As(err, &known):
		return Result{JSON: graphErrors(known), Err: known}, nil
	}
	return Result{}, err
}

// graphErrors is an error as GraphQL has it (GraphQL §7.1.2), with its outcome as R4
// graphql §3.1.8.3 says.
func graphErrors(err *fhir.Error) *fhir.Element {
	list := fhir.NewArray()
	for _, issue := range err.Issues {
		list.Append(fhir.NewObject(fhir.S("message", issue.Text), fhir.M("extensions", fhir.NewObject(
			fhir.S("code", string(issue.Code)), fhir.M("resource", fhir.Outcome([]fhir.Issue{issue}).Root())))))
	}
	return fhir.NewObject(fhir.M("errors", list))
}

// AsResource is the result as a resource, for an entry of a bundle: JSON that is none
// becomes a Binary (R4 resource-operation-graphql). A Stream has none.
func (r Result) AsResource() *fhir.Resource {
	if r.JSON == nil {
		return r.Resource
	}
	binary := fhir.NewResource("Binary")
	binary.Root().Set("contentType", fhir.NewString("application/json"))
	binary.Root().Set("data", fhir.NewString(base64.StdEncoding.EncodeToString(r.JSON.AppendJSON(nil))))
	return binary
}

// graphHost answers what a query asks of the server.
type graphHost struct {
	set *Set
	// reader is the snapshot of a query; nil for mutations.
	reader store.Reader
}

func (h *graphHost) look(ctx context.Context, fn func(store.Reader) error) error {
	if h.reader != nil {
		if err := ctx.Err(); err != nil {
			return fhir.Timeout("the query took longer than %s", queryTime)
		}
		return fn(h.reader)
	}
	return h.set.Engine.Store.View(ctx, fn)
}

func (h *graphHost) Local(reference string) (fhir.Key, bool) { return h.set.local(reference) }

func (h *graphHost) Read(ctx context.Context, key fhir.Key) (*fhir.Resource, error) {
	var v store.Version
	err := h.look(ctx, func(r store.Reader) (err error) {
		v, err = r.Read(key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if v.Deleted {
		return nil, fhir.Deleted(key, v.ETag())
	}
	return fhir.ParseResource(v.AppendJSON(nil))
}

// Limits of a list that a query asks for.
const (
	listSize  = 50
	maxOffset = 10_000
)

func (h *graphHost) Search(ctx context.Context, s graphql.Search) (graphql.Page, error) {
	page := graphql.Page{Size: listSize}
	if s.Count > 0 {
		page.Size = min(s.Count, maxPage)
	}
	if s.Offset > maxOffset {
		return page, fhir.TooCostly("_offset is more than %d; go on by _cursor", maxOffset)
	}
	if err := h.set.Engine.May(s.Type, auth.Search); err != nil {
		return page, err
	}
	parsed, err := h.set.parse(s.Type, s.Query)
	if err != nil {
		return page, err
	}
	bound := s.Type + "?" + s.Query
	var after *search.Cursor
	if s.Cursor != "" {
		if err := h.set.Engine.Seal.Open(s.Cursor, bound, &after); err != nil {
			return page, fhir.BadSearch("_cursor does not belong to this search; begin it anew")
		}
	}
	total, skip := s.Total, s.Offset
	for {
		for _, q := range parsed.Queries {
			q.Count, q.Total, q.After = page.Size, total, after
			if skip > 0 {
				q.Count = min(skip, maxPage)
			}
		}
		var result query.Result
		err := h.look(ctx, func(r store.Reader) (err error) {
			result, err = query.Searcher{Reader: r, Search: h.set.Engine.Search}.Find(parsed.Queries)
			return err
		})
		if err != nil {
			return page, err
		}
		if total {
			page.Total = result.Total
		}
		after, total = result.Next, false
		if skip == 0 {
			return page, h.fill(&page, result, bound)
		}
		if skip -= len(result.Matches); after == nil {
			return page, nil
		}
	}
}

func (h *graphHost) fill(page *graphql.Page, result query.Result, bound string) error {
	add := func(v store.Version, mode string) error {
		r, err := fhir.ParseResource(v.AppendJSON(nil))
		page.Entries = append(page.Entries, graphql.Entry{Resource: r, Mode: mode})
		return err
	}
	for _, m := range result.Matches {
		if err := add(m.Version, "match"); err != nil {
			return err
		}
	}
	for _, v := range result.Included {
		if err := add(v, "include"); err != nil {
			return err
		}
	}
	if result.Next == nil {
		return nil
	}
	next, err := h.set.Engine.Seal.Seal(result.Next, bound)
	page.Next = next
	return err
}

func (h *graphHost) Change(ctx context.Context, key fhir.Key, r *fhir.Resource) (*fhir.Resource, error) {
	request := interaction.Request{Interaction: interaction.Delete, Key: key, Body: r}
	switch {
	case r != nil && key.ID == "":
		request.Interaction = interaction.Create
	case r != nil:
		request.Interaction = interaction.Update
	}
	response, err := h.set.Engine.Do(ctx, request)
	if err != nil || response.Version == nil || response.Version.Deleted {
		return nil, err
	}
	return fhir.ParseResource(response.Version.AppendJSON(nil))
}
