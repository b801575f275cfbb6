package interaction

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Engine performs interactions. Its fields are set once, before use.
type Engine struct {
	Store store.Store
	// Base is the public FHIR base without a trailing slash.
	Base string
	// Seal hides cursors from clients.
	Seal *Sealer
	// Zone of dates without an offset in searches.
	Zone *time.Location
	// Check validates a resource that is to be written: an error refuses it, issues
	// are told with the answer. nil checks nothing.
	Check func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error)
	// Definitions are what FHIRPath Patch and reference rewriting know types by.
	Definitions func() (definition.Structures, *path.Model)
	// Wrote is told of every resource written; nil is told nothing.
	Wrote func(key fhir.Key)
	// Operations are those of a resource type, for the CapabilityStatement.
	Operations func(typ string) []Operation
	// Software version for the CapabilityStatement, and when it was made.
	Version string
	Started time.Time
}

// Response is what an interaction gave. Exactly one of Version, Resource and
// nothing (a delete, a 304) is the body.
type Response struct {
	// Created: a new resource came to be (201).
	Created bool
	// NotModified: the client's copy is current (304).
	NotModified bool
	// Version read or made.
	Version *store.Version
	// Resource made for the answer, such as a Bundle.
	Resource *fhir.Resource
	// Stored marks Version as made or found by a write: Location is answered and
	// Prefer: return= applies.
	Stored bool
	// Matched: a conditional create found Version instead of making one.
	Matched bool
	// Issues are what validation had to say of what was stored.
	Issues []fhir.Issue
}

// Operation is an operation that is served on a resource type.
type Operation struct{ Code, Definition string }

// Do performs a request. Errors are *fhir.Error as in the table of fhir.Error.
func (e *Engine) Do(ctx context.Context, r Request) (Response, error) {
	switch r.Interaction {
	case Read:
		return e.read(ctx, r)
	case VRead:
		return e.vread(ctx, r)
	case Create:
		return e.create(ctx, r)
	case Update:
		return e.update(ctx, r)
	case Patch:
		return e.patch(ctx, r)
	case Delete:
		return e.delete(ctx, r)
	case HistoryInstance:
		return e.history(ctx, r)
	case SearchType:
		return e.search(ctx, r)
	case Capabilities:
		return Response{Resource: e.capabilities()}, nil
	}
	return Response{}, fhir.NotAllowed("interaction %s is not served", r.Interaction)
}

// NewID gives a fresh logical id: a UUID version 7 (RFC 9562 §5.7), so that ids
// sort by time.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	return id.String(), err
}

func (e *Engine) read(ctx context.Context, r Request) (Response, error) {
	if err := noParameters(r.Query); err != nil {
		return Response{}, err
	}
	var v store.Version
	err := e.Store.View(ctx, func(s store.Reader) (err error) {
		v, err = s.Read(r.Key)
		return err
	})
	if err != nil {
		return Response{}, err
	}
	return answer(r, v)
}

func (e *Engine) vread(ctx context.Context, r Request) (Response, error) {
	if err := noParameters(r.Query); err != nil {
		return Response{}, err
	}
	versionID, err := strconv.ParseInt(r.VersionID, 10, 64)
	if err != nil || versionID < 1 || strconv.FormatInt(versionID, 10) != r.VersionID {
		return Response{}, fhir.NoVersion(r.Key, "of that form")
	}
	var v store.Version
	err = e.Store.View(ctx, func(s store.Reader) (err error) {
		v, err = s.ReadVersion(r.Key, versionID)
		return err
	})
	if err != nil {
		return Response{}, err
	}
	return answer(r, v)
}

// answer gives a version read: 410 with its ETag when it is a deletion (R4 http
// §3.1.0.2), 304 when the client has it already (§3.1.0.1.3 conditional read).
func answer(r Request, v store.Version) (Response, error) {
	if v.Deleted {
		return Response{}, fhir.Deleted(r.Key, v.ETag())
	}
	if r.IfNoneMatch != "" {
		return Response{Version: &v, NotModified: r.IfNoneMatch == "*" || matches(r.IfNoneMatch, v)}, nil
	}
	if since, err := time.Parse(time.RFC1123, r.IfModifiedSince); err == nil {
		// An HTTP date has whole seconds.
		return Response{Version: &v, NotModified: !v.LastUpdated().Truncate(time.Second).After(since)}, nil
	}
	return Response{Version: &v}, nil
}

// matches compares a list of entity tags weakly (RFC 9110 §8.8.3.2).
func matches(list string, v store.Version) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(v.ETag(), "W/") {
			return true
		}
	}
	return false
}

// noParameters refuses what a read would ignore.
func noParameters(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name != "" && name != "_format" && name != "_pretty" {
			return fhir.BadSearch("parameter %q is not known for a read; known are _format and _pretty", name).WithCode(fhir.CodeNotSupported)
		}
	}
	return nil
}

func (e *Engine) create(ctx context.Context, r Request) (Response, error) {
	issues, err := e.check(ctx, r)
	if err != nil {
		return Response{}, err
	}
	id, err := NewID()
	if err != nil {
		return Response{}, err
	}
	key := fhir.Key{Type: r.Key.Type, ID: id}
	write := NewWrite(store.Create, key, r.Body)
	if r.IfNoneExist != "" {
		return e.conditionalCreate(ctx, r, write)
	}
	v, err := e.apply(ctx, write)
	if err != nil {
		return Response{}, err
	}
	return Response{Created: true, Stored: true, Version: v, Issues: issues}, nil
}

// conditionalCreate is R4 http §3.1.0.8.1: no match creates, one match answers
// 200 with it, several are 412.
func (e *Engine) conditionalCreate(ctx context.Context, r Request, write store.Write) (Response, error) {
	parsed, err := search.Parse(r.Key.Type, strings.TrimPrefix(r.IfNoneExist, "?"), e.searchOptions(false))
	if err != nil {
		return Response{}, err
	}
	if len(parsed.Query.Filter) == 0 {
		return Response{}, fhir.PreconditionFailed("If-None-Exist names no search criterion")
	}
	query := parsed.Query
	query.Count, query.Include, query.Sort, query.Total = 2, nil, nil, false
	var response Response
	err = e.Store.Update(ctx, func(tx store.Tx) error {
		result, err := tx.Search(query)
		if err != nil {
			return err
		}
		switch len(result.Matches) {
		case 0:
			v, err := tx.Write(write)
			response = Response{Created: true, Stored: true, Version: &v}
			return err
		case 1:
			response = Response{Stored: true, Matched: true, Version: &result.Matches[0]}
			return nil
		}
		return fhir.ManyMatches("If-None-Exist matches more than one %s", r.Key.Type)
	})
	if err == nil && response.Created {
		e.wrote(write.Key)
	}
	return response, err
}

func (e *Engine) update(ctx context.Context, r Request) (Response, error) {
	issues, err := e.check(ctx, r)
	if err != nil {
		return Response{}, err
	}
	// R4 http §3.1.0.4: the body must carry the id of the URL.
	switch id := r.Body.ID(); id {
	case r.Key.ID:
	case "":
		return Response{}, fhir.Malformed(r.Key.Type+".id", "the body of an update must carry the id of the URL").WithCode(fhir.CodeInvariant)
	default:
		return Response{}, fhir.Malformed(r.Key.Type+".id", "the id in the body is not that of the URL").WithCode(fhir.CodeInvariant)
	}
	write := NewWrite(store.Put, r.Key, r.Body)
	if write.IfMatch, err = parseIfMatch(r.IfMatch); err != nil {
		return Response{}, err
	}
	switch {
	case r.IfNoneMatch == "*": // create only (RFC 9110 §13.1.2)
		write.IfAbsent = true
	case r.IfNoneMatch != "":
		return Response{}, fhir.Malformed("", "If-None-Match on an update can only be *").WithCode(fhir.CodeValue)
	}
	v, err := e.apply(ctx, write)
	if err != nil {
		return Response{}, err
	}
	return Response{Created: v.Op == store.PutNew, Stored: true, Version: v, Issues: issues}, nil
}

func (e *Engine) delete(ctx context.Context, r Request) (Response, error) {
	write := store.Write{Op: store.Delete, Key: r.Key}
	var err error
	if write.IfMatch, err = parseIfMatch(r.IfMatch); err != nil {
		return Response{}, err
	}
	v, err := e.apply(ctx, write)
	if err != nil || v.VersionID == 0 {
		return Response{}, err // what was never there is as gone as can be: 204
	}
	return Response{Version: v}, nil
}

// apply commits one write.
func (e *Engine) apply(ctx context.Context, write store.Write) (*store.Version, error) {
	outcome := e.Store.Apply(ctx, store.Unit{Writes: []store.Write{write}})[0]
	if outcome.Err != nil {
		if exists := (*store.Exists)(nil); errors.As(outcome.Err, &exists) {
			return nil, fhir.PreconditionFailed("%s exists already", write.Key)
		}
		return nil, outcome.Err
	}
	e.wrote(write.Key)
	return &outcome.Versions[0], nil
}

func (e *Engine) wrote(key fhir.Key) {
	if e.Wrote != nil {
		e.Wrote(key)
	}
}

// check demands a body of the URL's type that validation lets pass.
func (e *Engine) check(ctx context.Context, r Request) ([]fhir.Issue, error) {
	if err := checkType(r); err != nil {
		return nil, err
	}
	if e.Check == nil {
		return nil, nil
	}
	return e.Check(ctx, r.Body)
}

func checkType(r Request) error {
	if r.Body == nil {
		return fhir.Malformed("", "the body is empty; a %s was expected", r.Key.Type)
	}
	if r.Body.Type() != r.Key.Type {
		return fhir.Malformed("resourceType", "the body is a %s, the URL says %s", r.Body.Type(), r.Key.Type).WithCode(fhir.CodeInvariant)
	}
	return nil
}

// parseIfMatch reads W/"3" or "3"; 0 when there is no condition.
func parseIfMatch(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	tag := strings.TrimPrefix(strings.TrimSpace(text), "W/")
	if len(tag) > 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		if n, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64); err == nil && n > 0 {
			return n, nil
		}
		// A tag that this server never gave matches nothing.
		return -1, nil
	}
	return 0, fhir.Malformed("", `If-Match must be one entity tag such as W/"3"`).WithCode(fhir.CodeValue)
}
