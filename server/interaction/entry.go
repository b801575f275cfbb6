package interaction

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
)

// defaultEntries is how many entries a batch or transaction may have unless
// Engine.MaxEntries says otherwise.
const defaultEntries = 10_000

// entry is one Bundle.entry that asks for an interaction (R4 bundle §2.36.3).
type entry struct {
	Request
	index   int
	fullURL string
	head    bool
}

// entries reads all entries of a bundle. failures has an error for each entry
// that could not be read, nil for the others.
func (e *Engine) entries(r Request) (list []entry, failures []error, err error) {
	given := r.Body.Get("entry")
	if given != nil && !given.Is(fhir.Array) {
		return nil, nil, fhir.Malformed("Bundle.entry", "entry is a list")
	}
	if most := cmp.Or(e.MaxEntries, defaultEntries); given.Len() > most {
		return nil, nil, fhir.TooLong("a bundle may have %d entries, this one has %d; send it in parts", most, given.Len())
	}
	list, failures = make([]entry, given.Len()), make([]error, given.Len())
	for i, item := range given.Items() {
		list[i].index = i
		failures[i] = e.readEntry(&list[i], item)
		list[i].Lenient = r.Lenient
	}
	return list, failures, nil
}

func (e *Engine) readEntry(n *entry, item *fhir.Element) error {
	request := item.Get("request")
	if !request.Is(fhir.Object) {
		return fhir.Malformed("request", "an entry of a batch or transaction needs a request").WithCode(fhir.CodeRequired)
	}
	method, address := request.Get("method").Text(), request.Get("url").Text()
	if method == "" {
		return fhir.Malformed("request.method", "the method is missing").WithCode(fhir.CodeRequired)
	}
	if address == "" {
		return fhir.Malformed("request.url", "the url is missing").WithCode(fhir.CodeRequired)
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, method) {
		return fhir.Malformed("request.method", "the method is one of GET, HEAD, POST, PUT, PATCH and DELETE").WithCode(fhir.CodeValue)
	}
	path, query, err := e.below(address)
	if err != nil {
		return err
	}
	n.head = method == http.MethodHead
	if strings.HasPrefix(path[strings.LastIndexByte(path, '/')+1:], "$") {
		n.Request = Request{Interaction: Operate, Query: query, Call: Call{Method: method, Path: path, Body: item.Get("resource")}}
		return nil
	}
	if n.Request, err = Parse(method, path, query); err != nil {
		return err
	}
	if n.Interaction == Transaction {
		return fhir.NotAllowed("a bundle is not processed inside another one; send it by itself")
	}
	n.fullURL = item.Get("fullUrl").Text()
	n.IfMatch, n.IfNoneMatch = request.Get("ifMatch").Text(), request.Get("ifNoneMatch").Text()
	n.IfNoneExist = request.Get("ifNoneExist").Text()
	if since := request.Get("ifModifiedSince").Text(); since != "" {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return fhir.Malformed("request.ifModifiedSince", "ifModifiedSince is an instant").WithCode(fhir.CodeValue)
		}
		n.IfModifiedSince = at.UTC().Format(http.TimeFormat)
	}
	return e.entryBody(n, item.Get("resource"))
}

// entryBody takes the resource that the interaction needs.
func (e *Engine) entryBody(n *entry, given *fhir.Element) error {
	switch n.Interaction {
	case Create, Update, Patch:
	default:
		return nil
	}
	if given == nil {
		return fhir.Malformed("resource", "%s needs a resource", n.Interaction).WithCode(fhir.CodeRequired)
	}
	body, err := fhir.AsResource(given)
	if err != nil {
		return err
	}
	if n.Interaction == Patch {
		n.Patch, err = e.entryPatch(body)
		return err
	}
	n.Body = body
	return checkType(n.Request)
}

// entryPatch reads a patch in an entry: Parameters, or a Binary with a JSON Patch
// (R4 http §3.1.0.11.1).
func (e *Engine) entryPatch(body *fhir.Resource) (patch.Patch, error) {
	if body.Type() != "Binary" {
		return e.FHIRPathPatch(body)
	}
	if body.Get("contentType").Text() != JSONPatchType {
		return nil, fhir.BadMedia("a patch is Parameters or a Binary with contentType %s", JSONPatchType)
	}
	data, err := base64.StdEncoding.DecodeString(body.Get("data").Text())
	if err != nil {
		return nil, fhir.Malformed("Binary.data", "data is not base64").WithCode(fhir.CodeValue)
	}
	return patch.ParseJSON(data)
}

// below takes apart the url of an entry, which is relative to the base or begins
// with it.
func (e *Engine) below(address string) (path, query string, err error) {
	address = strings.TrimPrefix(address, e.Base)
	path, query, _ = strings.Cut(strings.TrimPrefix(address, "/"), "?")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" || strings.Contains(plain, "/") {
			return "", "", fhir.Malformed("request.url", "the url is relative to the base, such as Patient/1, without empty or wrongly escaped segments").WithCode(fhir.CodeValue)
		}
		segments[i] = plain
	}
	return strings.Join(segments, "/"), query, nil
}

// at is an error of an entry: what the lone request would have been told, with
// expressions that say in which entry it was.
func at(i int, err error) error {
	var known *fhir.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("in Bundle.entry[%d]: %w", i, err)
	}
	placed := *known
	placed.Issues = slices.Clone(known.Issues)
	for j := range placed.Issues {
		placed.Issues[j].Expression = within(i, placed.Issues[j].Expression)
	}
	return &placed
}

// within is an expression on an entry's resource as one on the bundle.
func within(i int, expression string) string {
	place := fmt.Sprintf("Bundle.entry[%d]", i)
	end := strings.IndexAny(expression+".", ".[")
	switch head := expression[:end]; {
	case expression == "":
		return place
	case head == "request" || head == "resource" || head == "fullUrl":
		return place + "." + expression
	case fhir.ValidType(head):
		return place + ".resource" + expression[end:]
	}
	return place + ".resource." + expression
}

// joined is one error with the issues of all: the first decides what it is.
func joined(failures []error) error {
	var all *fhir.Error
	for i, err := range failures {
		if err == nil {
			continue
		}
		err = at(i, err)
		var known *fhir.Error
		if !errors.As(err, &known) {
			return err
		}
		if all == nil {
			all = known
			continue
		}
		if len(all.Issues) < maxIssues {
			all.Issues = append(all.Issues, known.Issues...)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// maxIssues bounds how many issues of a transaction are gathered.
const maxIssues = 200
