package interaction

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"vitalwire/auth"
	"vitalwire/auth/mask"
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/consents"
	"vitalwire/server/guard"
	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

// Engine performs interactions. Its fields are set once, before use.
type Engine struct {
	Store store.Store
	// Search are the search parameters served.
	Search *search.Registry
	// Base is the public FHIR base without a trailing slash.
	Base string
	// Seal hides cursors from clients.
	Seal *Sealer
	// Zone of dates without an offset in searches.
	Zone *time.Location
	// Check validates a resource that is to be written: an error refuses it, issues
	// are told with the answer. nil checks nothing.
	Check func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error)
	// CheckLenient is Check for a client who prefers handling=lenient; nil is Check.
	CheckLenient func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error)
	// Definitions are what FHIRPath Patch and reference rewriting know types by.
	Definitions func() (definition.Structures, *path.Model)
	// Terms is the terminology that searches may ask; nil is none.
	Terms func(ctx context.Context) search.Terms
	// Audit is told of what is read and of what fails, before it is answered; what is
	// written the Store tells. nil is told nothing.
	Audit *audit.Log
	// Wrote is told of every resource written; nil is told nothing.
	Wrote func(key fhir.Key)
	// Deletes says what a conditional delete may do, References what becomes of a
	// reference to what is not there.
	Deletes    Deletes
	References References
	// MaxEntries is how many entries a batch or transaction may have; 0 is 10,000.
	MaxEntries int
	// Operate performs an operation that an entry of a bundle asks for, on an engine
	// whose store may be the open transaction of the bundle. nil serves none there.
	Operate func(ctx context.Context, e *Engine, call Call, query string) (Response, error)
	// Operations are those of a resource type, for the CapabilityStatement.
	Operations func(typ string) []Operation
	// Terminology makes the TerminologyCapabilities; nil when there are none.
	Terminology func() *fhir.Resource
	// CORS: web pages of some other origin may ask.
	CORS bool
	// Guarded demands that each caller was let in (auth.With) and holds it to its
	// scopes.
	Guarded bool
	// Consents are what patients agree to; nil when that binds nobody.
	Consents *consents.Book
	// Obligations are what of resources is masked for whom; nil masks nothing.
	Obligations *mask.Rules

	// reach is what the caller may do, of an engine that As made of origin for one.
	// guarded is his Store, also where Store is an open transaction on it.
	reach   *auth.Reach
	origin  *Engine
	guarded *guard.Store
	// witness notes what Consents decide of the request; nil when nobody wants to know.
	witness *consents.Witness
	// Software version for the CapabilityStatement, and when it was made.
	Version string
	Started time.Time
	// Statements keeps the CapabilityStatements; nil keeps none.
	Statements *Statements
}

// Response is what an interaction gave. Exactly one of Version, Resource, Text,
// Entries and nothing (a delete, a 304) is the body.
type Response struct {
	// Created: a new resource came to be (201).
	Created bool
	// NotModified: the client's copy is current (304).
	NotModified bool
	// Version read or made.
	Version *store.Version
	// Resource made for the answer, such as a Bundle.
	Resource *fhir.Resource
	// Text is a resource made for the answer that was written at once, as JSON. It
	// must not be changed.
	Text []byte
	// Bundle is the type of the answer to a bundle, of which Entries are the
	// answers to its entries, in their order; "" for any other interaction.
	Bundle  string
	Entries []Result
	// Stored marks Version as made or found by a write: Location is answered and
	// Prefer: return= applies.
	Stored bool
	// Matched: a conditional create found Version instead of making one.
	Matched bool
	// Done says in words what a delete did, "" for other interactions.
	Done string
	// Mute: the caller may not read what was stored.
	Mute bool
	// Issues are what validation had to say of what was stored.
	Issues []fhir.Issue
	// named are the patients that the resources found name.
	named []string
}

// Empty reports whether there is neither a version nor a resource.
func (r Response) Empty() bool { return r.Version == nil && r.Resource == nil && r.Text == nil }

// JSON is the resource made for the answer.
func (r Response) JSON() []byte {
	if r.Text != nil {
		return r.Text
	}
	return r.Resource.JSON()
}

// Result is the answer to an entry of a bundle.
type Result struct {
	Response
	// Head: the entry asked for no body.
	Head bool
	// Err of an entry of a batch; a transaction fails as a whole.
	Err error
}

// Operation is an operation that is served on a resource type.
type Operation struct{ Code, Definition string }

// Do performs a request. Errors are *fhir.Error as in the table of fhir.Error.
func (e *Engine) Do(ctx context.Context, r Request) (Response, error) {
	if r.Interaction == Capabilities {
		return e.do(ctx, r) // open to all
	}
	mine, err := e.As(ctx)
	if err != nil {
		return e.told(ctx, r, Response{}, err)
	}
	mine = mine.Witnessed()
	response, err := mine.perform(ctx, r)
	return mine.told(ctx, r, response, err)
}

func (e *Engine) perform(ctx context.Context, r Request) (Response, error) {
	if err := e.permit(r); err != nil {
		return Response{}, err
	}
	e.flush(ctx, r)
	if r.Interaction == Patch {
		ctx = audit.Patching(ctx)
	}
	response, err := e.do(ctx, r)
	for again := 0; errors.Is(err, store.ErrStale) && again < maxStale; again++ {
		response, err = e.do(ctx, r)
	}
	if err != nil {
		return response, err
	}
	return response, e.mute(ctx, &response)
}

func (e *Engine) do(ctx context.Context, r Request) (Response, error) {
	switch r.Interaction {
	case Read, VRead, HistoryInstance, HistoryType, HistorySystem, SearchType, SearchSystem:
		var response Response
		err := e.understand(ctx, &r)
		if err != nil {
			return response, err
		}
		view := e.Store.View
		if r.Interaction == Read || r.Interaction == VRead {
			view = e.Store.Glance // one read
		}
		err = view(ctx, func(s store.Reader) (err error) {
			response, err = e.look(s, r)
			return err
		})
		return response, err
	case Create:
		return e.create(ctx, r)
	case Update, Patch, Delete:
		return e.alone(ctx, r)
	case Transaction:
		return e.bundle(ctx, r)
	case Operate:
		return e.operate(ctx, r)
	case Capabilities:
		_ = e.current(ctx) // without the store it says what was last known
		return e.describe(r)
	}
	return Response{}, fhir.NotAllowed("interaction %s is not served", r.Interaction)
}

// operate performs an operation that an entry of a bundle asks for.
func (e *Engine) operate(ctx context.Context, r Request) (Response, error) {
	if e.Operate == nil {
		return Response{}, fhir.NotAllowed("operations are not served in a bundle")
	}
	return e.Operate(ctx, e, r.Call, r.Query)
}

// understand reads the search of a request that is one; look wants it read.
func (e *Engine) understand(ctx context.Context, r *Request) (err error) {
	if r.Interaction == SearchType || r.Interaction == SearchSystem {
		r.asked, err = e.prepareSearch(ctx, *r)
	}
	return err
}

// look performs an interaction that only reads.
func (e *Engine) look(s store.Reader, r Request) (Response, error) {
	switch r.Interaction {
	case Read:
		return e.read(s, r)
	case VRead:
		return e.vread(s, r)
	case HistoryInstance, HistoryType, HistorySystem:
		return e.history(s, r)
	case SearchType, SearchSystem:
		return e.search(s, r.asked)
	case Capabilities:
		return e.describe(r)
	}
	return Response{}, fhir.NotAllowed("interaction %s is not served", r.Interaction)
}

// NewID gives a fresh logical id: a UUID version 7 (RFC 9562 §5.7), so that ids
// sort by time.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	return id.String(), err
}

func (e *Engine) read(s store.Reader, r Request) (Response, error) {
	shape, err := readShape(r.Query)
	if err != nil {
		return Response{}, err
	}
	v, err := s.Read(r.Key)
	if err != nil {
		return Response{}, err
	}
	return e.shaped(shape, r, v)
}

func (e *Engine) vread(s store.Reader, r Request) (Response, error) {
	shape, err := readShape(r.Query)
	if err != nil {
		return Response{}, err
	}
	versionID, err := strconv.ParseInt(r.VersionID, 10, 64)
	if err != nil || versionID < 1 || strconv.FormatInt(versionID, 10) != r.VersionID {
		return Response{}, fhir.NoVersion(r.Key, "of that form")
	}
	v, err := s.ReadVersion(r.Key, versionID)
	if err != nil {
		return Response{}, err
	}
	return e.shaped(shape, r, v)
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

// create is R4 http §3.1.0.8. What has no condition, or one identifier as its
// condition, which the store guards, shares a commit with other writes.
func (e *Engine) create(ctx context.Context, r Request) (Response, error) {
	if e.References == ReferencesEnforced || e.References == ReferencesWarned {
		return e.alone(ctx, r)
	}
	var when *condition
	if r.IfNoneExist != "" {
		var err error
		if when, err = e.condition(ctx, r.Key.Type, r.IfNoneExist, "If-None-Exist"); err != nil {
			return Response{}, err
		}
		if when.identifier == nil {
			return e.alone(ctx, r)
		}
	}
	issues, err := e.check(ctx, r)
	if err != nil {
		return Response{}, err
	}
	id, err := NewID()
	if err != nil {
		return Response{}, err
	}
	write := e.newWrite(store.Create, fhir.Key{Type: r.Key.Type, ID: id}, r.Body)
	if when != nil {
		write.Unless = when.identifier
	}
	v, err := e.apply(ctx, write)
	exists := (*store.Exists)(nil)
	switch {
	case err == nil:
		return Response{Created: true, Stored: true, Version: v, Issues: issues}, nil
	case !errors.As(err, &exists):
		return Response{}, err
	case len(exists.Matches) > 1:
		return Response{}, manyMatches(when)
	}
	return Response{Stored: true, Matched: true, Version: &exists.Matches[0], Issues: issues}, nil
}

// putConditions is the write of an update without its body.
func putConditions(r Request) (write store.Write, err error) {
	// R4 http §3.1.0.4: the body must carry the id of the URL.
	switch id := r.Body.ID(); {
	case r.Key.ID == "", id == r.Key.ID:
	case id == "":
		return write, fhir.Malformed(r.Key.Type+".id", "the body of an update must carry the id of the URL").WithCode(fhir.CodeInvariant)
	default:
		return write, fhir.Malformed(r.Key.Type+".id", "the id in the body is not that of the URL").WithCode(fhir.CodeInvariant)
	}
	write = store.Write{Op: store.Put, Key: r.Key}
	if write.IfMatch, err = parseIfMatch(r.IfMatch); err != nil {
		return write, err
	}
	switch {
	case r.IfNoneMatch == "*": // create only (RFC 9110 §13.1.2)
		write.IfAbsent = true
	case r.IfNoneMatch != "":
		return write, fhir.Malformed("", "If-None-Match on an update can only be *").WithCode(fhir.CodeValue)
	}
	return write, nil
}

// apply commits one write.
func (e *Engine) apply(ctx context.Context, write store.Write) (*store.Version, error) {
	outcome := e.Store.Apply(ctx, store.Unit{Writes: []store.Write{write}})[0]
	if outcome.Err != nil {
		return nil, outcome.Err
	}
	e.wrote(write.Key)
	return &outcome.Versions[0], nil
}

// refused turns the store's word for what is there into the client's.
func refused(err error) error {
	if exists := (*store.Exists)(nil); errors.As(err, &exists) {
		return fhir.PreconditionFailed("%s exists already", exists.Matches[0].Key)
	}
	return err
}

func (e *Engine) wrote(key fhir.Key) {
	if e.Wrote != nil {
		e.Wrote(key)
	}
}

// check demands a body of the URL's type that validation lets pass.
func (e *Engine) check(ctx context.Context, r Request) (issues []fhir.Issue, err error) {
	ctx, span := telemetry.Step(ctx, "validate")
	defer func() { span.End(err) }()
	span.Type(r.Key.Type)
	return e.judge(ctx, r)
}

// judge is check without a span of its own.
func (e *Engine) judge(ctx context.Context, r Request) ([]fhir.Issue, error) {
	if err := checkType(r); err != nil {
		return nil, err
	}
	if e.Check == nil {
		return nil, nil
	}
	if r.Lenient && e.CheckLenient != nil {
		return e.CheckLenient(ctx, r.Body)
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
