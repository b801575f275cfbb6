// Package interaction performs the RESTful interactions of R4 http on a store.
// It knows URLs below the FHIR base, but neither HTTP nor SQL: server/rest calls
// it for requests, and Bundle entries are the same Requests.
package interaction

import (
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
)

// Name is the code of an interaction (R4 restful-interaction).
type Name string

// The interactions served.
const (
	Read            Name = "read"
	VRead           Name = "vread"
	Update          Name = "update"
	Patch           Name = "patch"
	Delete          Name = "delete"
	HistoryInstance Name = "history-instance"
	HistoryType     Name = "history-type"
	HistorySystem   Name = "history-system"
	Create          Name = "create"
	SearchType      Name = "search-type"
	SearchSystem    Name = "search-system"
	Capabilities    Name = "capabilities"
	// Transaction is what POST to the base asks for; the bundle posted may be a
	// batch as well.
	Transaction Name = "transaction"
	Batch       Name = "batch"
	// Operate is an operation ($name), which only entries of a bundle ask of the engine.
	Operate Name = "operation"
)

// Request is one interaction asked for.
type Request struct {
	Interaction Name
	// Key's ID is "" at type level: there an update, patch or delete is of what its
	// Query finds (R4 http §3.1.0.4.3, §3.1.0.6.1, §3.1.0.7.1).
	Key       fhir.Key
	VersionID string // vread
	Query     string // raw query, without '?'

	Body  *fhir.Resource // create, update and the bundle posted
	Patch patch.Patch    // patch
	Call  Call           // operation

	// Conditions, each "" when not given (R4 http §3.1.0.1.3, §3.1.0.5, §3.1.0.8.1).
	IfMatch, IfNoneMatch, IfModifiedSince, IfNoneExist string

	// Lenient is Prefer: handling=lenient.
	Lenient bool
	// Compartment is what a search is confined to; the zero Key confines nothing.
	Compartment fhir.Key

	asked *searching // the search, when it is understood already
}

// Call is an operation asked for by an entry of a bundle.
type Call struct {
	// Method and Path, which is below the FHIR base and ends in $name.
	Method, Path string
	Body         *fhir.Element // nil when there is none
}

// Parse reads what a method on a path below the FHIR base asks for (R4 http
// §3.1.0 summary table). path has no leading slash and is not escaped.
// Errors: Malformed for a bad id, UnknownType, NotAllowed.
func Parse(method, path, query string) (Request, error) {
	parts := strings.Split(path, "/")
	if path == "metadata" {
		return level(method, Request{Interaction: Capabilities, Query: query}, path, map[string]Name{"GET": Capabilities})
	}
	typ := parts[0]
	if path == "" {
		return level(method, Request{Query: query}, "the FHIR base", map[string]Name{"GET": SearchSystem, "POST": Transaction})
	}
	if path == "_search" {
		return level(method, Request{Query: query}, path, map[string]Name{"POST": SearchSystem})
	}
	if path == "_history" {
		return level(method, Request{Interaction: HistorySystem, Query: query}, path, map[string]Name{"GET": HistorySystem})
	}
	if strings.HasPrefix(typ, "_") || strings.HasPrefix(typ, "$") {
		return Request{}, fhir.NotAllowed("%s on the whole system is not served; read /metadata for what is", method)
	}
	if !Served(typ) {
		return Request{}, unknownType(typ)
	}
	r := Request{Key: fhir.Key{Type: typ}, Query: query}
	switch len(parts) {
	case 1:
		if hasCriteria(query) {
			return level(method, r, path, conditionalLevel)
		}
		return level(method, r, path, typeLevel)
	case 2:
		if parts[1] == "_search" {
			return level(method, r, path, map[string]Name{"POST": SearchType})
		}
		if parts[1] == "_history" {
			return level(method, r, path, map[string]Name{"GET": HistoryType})
		}
		if strings.HasPrefix(parts[1], "_") || strings.HasPrefix(parts[1], "$") {
			return Request{}, notServed(path)
		}
		r.Key.ID = parts[1]
		if !fhir.ValidID(r.Key.ID) {
			return Request{}, fhir.Malformed("", "an id is 1 to 64 of A-Z a-z 0-9 - and .").WithCode(fhir.CodeValue)
		}
		return level(method, r, path, instanceLevel)
	case 3, 4:
		r.Key.ID = parts[1]
		if c, ok := inCompartment(r, parts[2:]); ok {
			if parts[len(parts)-1] == "_search" {
				return level(method, c, path, map[string]Name{"POST": c.Interaction})
			}
			return level(method, c, path, map[string]Name{"GET": c.Interaction})
		}
		if parts[2] != "_history" || !fhir.ValidID(r.Key.ID) {
			return Request{}, notServed(path)
		}
		if len(parts) == 3 {
			return level(method, r, path, map[string]Name{"GET": HistoryInstance})
		}
		r.VersionID = parts[3]
		return level(method, r, path, map[string]Name{"GET": VRead})
	}
	return Request{}, notServed(path)
}

// inCompartment reads [type]/[id]/[type], [type]/[id]/* and both with _search, and
// [type]/[id]/_search (R4 search §3.1.1.1).
func inCompartment(r Request, rest []string) (Request, bool) {
	what := rest[0]
	if len(rest) == 2 && rest[1] != "_search" || len(rest) == 2 && what == "_search" || !fhir.ValidID(r.Key.ID) {
		return r, false
	}
	r.Compartment = r.Key
	switch {
	case what == "*" || what == "_search":
		r.Key, r.Interaction = fhir.Key{}, SearchSystem
	case Served(what):
		r.Key, r.Interaction = fhir.Key{Type: what}, SearchType
	default:
		return r, false
	}
	return r, true
}

var (
	typeLevel = map[string]Name{"GET": SearchType, "POST": Create}
	// conditionalLevel is a type with a search after it.
	conditionalLevel = map[string]Name{"GET": SearchType, "POST": Create, "PUT": Update, "PATCH": Patch, "DELETE": Delete}
	instanceLevel    = map[string]Name{"GET": Read, "PUT": Update, "PATCH": Patch, "DELETE": Delete}
)

// hasCriteria reports whether a query says more than the format.
func hasCriteria(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); name != "" && name != "_format" && name != "_pretty" {
			return true
		}
	}
	return false
}

// level picks the interaction of a method. HEAD is GET without a body
// (RFC 9110 §9.3.2); the transport leaves the body out.
func level(method string, r Request, path string, by map[string]Name) (Request, error) {
	if method == "HEAD" {
		method = "GET"
	}
	name, ok := by[method]
	if !ok {
		var allowed []string
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if by[m] != "" {
				allowed = append(allowed, m)
			}
		}
		return Request{}, fhir.NotAllowed("%s is not served on %s; %s is", method, path, strings.Join(allowed, ", "))
	}
	r.Interaction = name
	return r, nil
}

func notServed(path string) error {
	e := fhir.NotAllowed("%s is not an interaction that is served; read /metadata for what is", path)
	e.Situation = fhir.SituationNotFound
	return e
}

// Allow lists the methods served on a path, for the Allow header of 405
// (RFC 9110 §15.5.6).
func Allow(path string) []string {
	var methods []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		if _, err := Parse(method, path, ""); err == nil {
			methods = append(methods, method)
		}
	}
	return methods
}

// Served reports whether resources of the type are kept. Parameters has no
// RESTful end point of its own (R4 parameters §2.28.2).
func Served(typ string) bool { return typ != "Parameters" && fhir.IsResourceType(typ) }
