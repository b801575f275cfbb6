package interaction

import (
	"context"
	"strconv"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/query"
	"vitalwire/server/shape"
	"vitalwire/server/store"
)

func (e *Engine) searchOptions(lenient bool) search.Options {
	return search.Options{Base: e.Base, Zone: e.Zone, DefaultCount: defaultCount, MaxCount: maxCount, Lenient: lenient}
}

// searching is a search understood.
type searching struct {
	*search.Parsed
	self    string // without the cursor
	sealed  string
	explain bool
	back    []*search.Cursor
}

// pageCursor is a place in a search, with the places of some pages before it.
type pageCursor struct {
	At   *search.Cursor
	Back []*search.Cursor `json:",omitempty"`
}

// maxBack is how many pages one can go back from any page.
const maxBack = 5

// prepareSearch reads a search (R4 http §3.1.0.9). It may ask the terminology
// service, which reads the store, so it comes before the search's own snapshot.
func (e *Engine) prepareSearch(ctx context.Context, r Request) (*searching, error) {
	if r.Compartment.ID != "" && e.Search.Compartment(r.Compartment.Type) == nil {
		return nil, notServed(r.Compartment.String() + "/" + r.Key.Type)
	}
	text, explain, err := takeExplain(r.Query)
	if err != nil {
		return nil, err
	}
	text, sealed := takeCursor(text)
	o := e.searchOptions(r.Lenient)
	o.Compartment = r.Compartment
	if e.Terms != nil {
		o.Terms = e.Terms(ctx)
	}
	asked := &searching{sealed: sealed, explain: explain}
	place := r.Key.Type
	asked.Parsed, err = e.Understood(ctx, func() (*search.Parsed, error) {
		if r.Key.Type == "" {
			if err := e.permitTypes(text); err != nil {
				return nil, err
			}
			return e.Search.ParseMany(e.searched(), text, o)
		}
		return e.Search.Parse(r.Key.Type, text, o)
	})
	if err != nil {
		return nil, err
	}
	if r.Compartment.ID != "" {
		if place == "" {
			place = "*"
		}
		place = r.Compartment.String() + "/" + place
	}
	asked.self = place + encode(asked.Applied)
	if sealed != "" {
		var cursor pageCursor
		if err := e.Seal.Open(sealed, asked.self, &cursor); err != nil || cursor.At == nil {
			return nil, fhir.BadSearch("%s does not belong to this search; begin it anew", cursorParameter)
		}
		for _, q := range asked.Queries {
			q.After = cursor.At
		}
		asked.back = cursor.Back
	}
	return asked, nil
}

// searched are the types that a search of the whole system looks at: those that the
// caller may search.
func (e *Engine) searched() []string {
	var types []string
	for _, typ := range fhir.ResourceTypes() {
		if Served(typ) && e.reach.Scoped(typ, auth.Search) {
			types = append(types, typ)
		}
	}
	return types
}

// search answers a search with a searchset (R4 search §3.1.1).
func (e *Engine) search(s store.Reader, asked *searching) (Response, error) {
	explained := &explaining{Reader: s}
	if asked.explain {
		s = explained
	}
	result, err := query.Searcher{Reader: s, Search: e.Search}.Find(asked.Queries)
	if err != nil {
		return Response{}, err
	}
	b := newBundle("searchset")
	if result.Total >= 0 {
		b.Set("total", fhir.NewNumber(strconv.FormatInt(result.Total, 10)))
	}
	links, err := e.searchLinks(asked, result.Next)
	if err != nil {
		return Response{}, err
	}
	b.Set("link", links)
	mark := e.Watermark()
	for _, m := range result.Matches {
		if err := mark.Version(m.Version); err != nil {
			return Response{}, err
		}
	}
	for _, v := range result.Included {
		if err := mark.Version(v); err != nil {
			return Response{}, err
		}
	}
	mark.Mark(b)
	out := searchset{base: e.Base, shaper: shape.Shaper{Shape: asked.Shape}, text: b.AppendJSON(nil)}
	out.text = out.text[:len(out.text)-1] // its end comes after the entries
	if !out.shaper.Shape.Whole() {
		out.shaper.Definitions, _ = e.Definitions()
	}
	var about audit.Patients
	for _, m := range result.Matches {
		if e.Audit != nil {
			about.Resource(m.Key, m.Stored())
		}
		if m.Inner != nil {
			out.tree(m.Key.String()+"#"+m.Inner.ID(), m.Inner.Root(), "match")
		} else if err := out.version(m.Version, "match"); err != nil {
			return Response{}, err
		}
	}
	for _, v := range result.Included {
		if e.Audit != nil {
			about.Resource(v.Key, v.Stored())
		}
		if err := out.version(v, "include"); err != nil {
			return Response{}, err
		}
	}
	if notes := append(asked.Warnings[:len(asked.Warnings):len(asked.Warnings)], explained.issues...); len(notes) > 0 {
		out.begin("")
		out.text = fhir.Outcome(notes).Root().AppendJSON(out.text)
		out.end("outcome")
	}
	return Response{Text: out.done(), named: about.IDs}, nil
}

// searchLinks are self, first, and previous and next where there are such pages.
// The first page is begun anew; the others are pinned to the first one's snapshot.
func (e *Engine) searchLinks(asked *searching, next *search.Cursor) (*fhir.Element, error) {
	links := fhir.NewArray(link("self", e.address(selfWith(asked.self, asked.sealed))))
	here := asked.Query.After
	add := func(relation string, cursor pageCursor) error {
		sealed, err := e.Seal.Seal(cursor, asked.self)
		links.Append(link(relation, e.address(selfWith(asked.self, sealed))))
		return err
	}
	if here != nil || next != nil {
		links.Append(link("first", e.address(asked.self)))
	}
	switch n := len(asked.back); {
	case here == nil:
	case n == 0 || asked.back[n-1] == nil:
		if n > 0 {
			links.Append(link("previous", e.address(asked.self)))
		}
	default:
		if err := add("previous", pageCursor{At: asked.back[n-1], Back: asked.back[:n-1]}); err != nil {
			return nil, err
		}
	}
	if next == nil || asked.Query.Count == 0 {
		return links, nil
	}
	back := append(asked.back[:len(asked.back):len(asked.back)], here)
	return links, add("next", pageCursor{At: next, Back: back[max(0, len(back)-maxBack):]})
}

// address is a URL below the base.
func (e *Engine) address(below string) string {
	if below == "" || below[0] == '?' {
		return e.Base + below
	}
	return e.Base + "/" + below
}
