package interaction

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"vitalwire/auth"
	"vitalwire/fhir"
)

// caller is what who asks may do.
type caller struct {
	open   bool // this server lets everybody do everything
	scopes auth.Scopes
}

// caller finds who asks. Without an access nothing is done: a path that forgot to
// let its caller in fails.
func (e *Engine) caller(ctx context.Context) (caller, error) {
	if !e.Guarded {
		return caller{open: true}, nil
	}
	access, ok := auth.From(ctx)
	if !ok {
		return caller{}, fhir.LoginRequired("an access token is needed")
	}
	return caller{scopes: access.Scopes}, nil
}

// everyType asks for rights on whatever type.
const everyType = "*"

func (c caller) allows(typ string, rights auth.Right) bool {
	return c.open || c.scopes.Allow(typ, rights)
}

func (c caller) may(typ string, rights auth.Right) error {
	if c.allows(typ, rights) {
		return nil
	}
	what := typ
	if typ == everyType {
		what = "every type"
	}
	return fhir.Forbidden("the access token lacks the right %q on %s", rights, what)
}

// needs are the rights of SMART 2.2 that an interaction takes: a search or history
// of the whole system takes them on every type.
func needs(r Request) (typ string, rights auth.Right) {
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
	case Operate:
		if r.Call.Method == http.MethodPost {
			return everyType, auth.Everything
		}
		return everyType, auth.Read | auth.Search
	case Capabilities, Transaction:
		return "", 0 // open to all; its entries are judged one by one
	}
	return everyType, auth.Search
}

// permit refuses an interaction that the caller has no right to.
func (c caller) permit(r Request) error {
	typ, rights := needs(r)
	if rights == 0 {
		return nil
	}
	if err := c.may(typ, rights); err != nil {
		return err
	}
	switch {
	case r.Compartment.Type != "": // the compartment of a resource that must be readable, too
		if err := c.may(r.Compartment.Type, auth.Read); err != nil {
			return err
		}
		return c.permitSearch(typ, r.Query)
	case r.Interaction == SearchType:
		return c.permitSearch(typ, r.Query)
	case r.Interaction == Create:
		return c.permitSearch(typ, r.IfNoneExist)
	case r.Key.ID == "" && (r.Interaction == Update || r.Interaction == Patch || r.Interaction == Delete):
		return c.permitCondition(typ, r.Query)
	case r.Interaction == HistoryType || r.Interaction == HistoryInstance:
		return c.permitSearch(typ, r.Query)
	}
	return nil
}

// permitCondition refuses a search that decides what is done, as what it finds
// shows, to who may not search.
func (c caller) permitCondition(typ, query string) error {
	if err := c.may(typ, auth.Search); err != nil {
		return err
	}
	return c.permitSearch(typ, query)
}

// permitSearch refuses parameters that look at or bring along resources of other
// types, unless the caller may read and search them all: what is hidden must not
// be found out by a chain (SMART 2.2 lets a scope never widen).
func (c caller) permitSearch(typ, query string) error {
	if c.allows(everyType, auth.Read|auth.Search) {
		return nil
	}
	for pair := range strings.SplitSeq(strings.TrimPrefix(query, "?"), "&") {
		pair, err := url.QueryUnescape(pair)
		if err != nil {
			return fhir.BadSearch("the query has an invalid percent escape")
		}
		name, value, _ := strings.Cut(pair, "=")
		code, _, _ := strings.Cut(name, ":")
		switch {
		case strings.Contains(name, "."), code == "_has", code == "_include", code == "_revinclude", code == "_filter", code == "_list",
			code == "_sort" && strings.Contains(value, "."), code == "_query", code == "_type", code == explainParameter:
			return fhir.Forbidden("%.60q may lead to other types than %s, so it takes an access token with the rights \"rs\" on every type", name, typ)
		}
	}
	return nil
}

// mute marks writes whose result the caller may not read.
func (c caller) mute(r *Response, typ string) {
	r.Mute = r.Stored && !c.allows(typ, auth.Read)
}
