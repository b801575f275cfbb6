package interaction

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// everyType asks for rights on whatever type.
const everyType = "*"

// needs is the right of SMART 2.2 that an interaction takes, and on which type; "*"
// is at least one.
func needs(r Request) (typ string, right auth.Right) {
	typ = r.Key.Type
	switch r.Interaction {
	case Read, VRead, HistoryInstance:
		return typ, auth.Read
	case Create:
		return typ, auth.Create
	case Update, Patch:
		return typ, auth.Update
	case Delete:
		return typ, auth.Delete
	case SearchType, HistoryType:
		return typ, auth.Search
	case Operate, Capabilities, Transaction:
		return "", 0 // judged by the operation; open to all; judged entry by entry
	}
	return everyType, auth.Search
}

// permit refuses an interaction on a type that no scope of the caller names: that it
// is refused is the same whatever there is. What of a type he reaches is the guarded
// store's to say.
func (e *Engine) permit(r Request) error {
	typ, right := needs(r)
	if right == 0 {
		return nil
	}
	if typ == everyType {
		if len(e.searched()) == 0 {
			return lacks(right, "any type")
		}
	} else if err := e.May(typ, right); err != nil {
		return err
	}
	conditional := r.IfNoneExist != "" && r.Interaction == Create ||
		r.Key.ID == "" && (r.Interaction == Update || r.Interaction == Patch || r.Interaction == Delete)
	if conditional {
		// What a condition finds shows in what is done.
		return e.May(typ, auth.Search)
	}
	return e.permitExplain(r.Query)
}

// permitTypes refuses a search of the system that names a type which no scope does.
func (e *Engine) permitTypes(query string) error {
	given, err := search.Split(query)
	if err != nil {
		return err
	}
	for _, a := range given {
		for typ := range strings.SplitSeq(a.Value, ",") {
			if typ = strings.TrimSpace(typ); a.Name == "_type" && Served(typ) {
				if err := e.May(typ, auth.Search); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// May refuses who has no scope that names a type with one of some rights.
func (e *Engine) May(typ string, rights auth.Right) error {
	if e.reach.Scoped(typ, rights) {
		return nil
	}
	return lacks(rights, typ)
}

func lacks(rights auth.Right, on string) error {
	return fhir.Forbidden("the access token lacks the right %q on %s", rights, on)
}

// permitExplain refuses _explain, which tells how many rows there are, to who may not
// see them all.
func (e *Engine) permitExplain(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == explainParameter && !e.reach.Whole(everyType, auth.Read|auth.Search) {
			return fhir.Forbidden("%s takes an access token with the rights \"rs\" on every type", explainParameter)
		}
	}
	return nil
}

// permitParsed refuses a search that can only be answered by resources of types that
// no scope names: that it finds nothing would not be true. Of types that are named the
// store looks at what may be seen.
func (e *Engine) permitParsed(parsed *search.Parsed) error {
	if e.reach == nil || e.reach.Open() {
		return nil
	}
	for _, q := range parsed.Queries {
		if err := e.guarded.Refuses(q); err != nil {
			return err
		}
		for i := range q.Filter {
			if typ := e.beyond(&q.Filter[i]); typ != "" {
				return lacks(auth.Search, typ)
			}
		}
		for _, key := range q.Sort {
			if len(key.Targets) > 0 && !slices.ContainsFunc(key.Targets, func(p *search.Param) bool { return e.reach.Scoped(p.Resource, auth.Search) }) {
				return lacks(auth.Search, key.Targets[0].Resource)
			}
		}
	}
	return nil
}

// beyond is a type that a clause looks at and no scope names; "" when the clause can be
// answered. A chain over several types needs one of them.
func (e *Engine) beyond(c *search.Clause) string {
	switch {
	case c.Has != nil:
		if !e.reach.Scoped(c.Has.Type, auth.Search) {
			return c.Has.Type
		}
		return e.beyond(&c.Has.Clause)
	case c.Group != nil:
		for i := range c.Group.Clauses {
			if typ := e.beyond(&c.Group.Clauses[i]); typ != "" {
				return typ
			}
		}
	}
	first := ""
	for i := range c.Chain {
		link := &c.Chain[i]
		typ := link.Type
		if e.reach.Scoped(typ, auth.Search) {
			typ = e.beyond(&link.Clause)
		}
		if typ == "" {
			return ""
		}
		if first == "" {
			first = typ
		}
	}
	return first
}

// mute marks writes whose result the caller may not read.
func (e *Engine) mute(ctx context.Context, r *Response) error {
	if !r.Stored || r.Version == nil {
		return nil
	}
	readable, err := e.guarded.Sees(ctx, *r.Version, auth.Read)
	r.Mute = !readable
	return err
}
