package interaction

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Page sizes of searches and histories.
const (
	defaultCount = 20
	maxCount     = 1000
)

// cursorParameter carries the sealed cursor in next links.
const cursorParameter = "_cursor"

func (e *Engine) searchOptions(lenient bool) search.Options {
	return search.Options{Base: e.Base, Zone: e.Zone, DefaultCount: defaultCount, MaxCount: maxCount, Lenient: lenient}
}

func (e *Engine) search(s store.Reader, r Request) (Response, error) {
	query, sealed := takeCursor(r.Query)
	parsed, err := e.Search.Parse(r.Key.Type, query, e.searchOptions(r.Lenient))
	if err != nil {
		return Response{}, err
	}
	self := r.Key.Type + encode(parsed.Applied)
	if sealed != "" {
		parsed.Query.After = new(search.Cursor)
		if err := e.Seal.Open(sealed, self, parsed.Query.After); err != nil {
			return Response{}, fhir.BadSearch("%s does not belong to this search; begin it anew", cursorParameter)
		}
	}
	result, err := s.Search(parsed.Query)
	if err != nil {
		return Response{}, err
	}
	b := newBundle("searchset")
	if result.Total >= 0 {
		b.Set("total", fhir.NewNumber(strconv.FormatInt(result.Total, 10)))
	}
	links := fhir.NewArray(link("self", e.Base+"/"+selfWith(self, sealed)))
	if result.Next != nil && parsed.Query.Count > 0 {
		next, err := e.Seal.Seal(result.Next, self)
		if err != nil {
			return Response{}, err
		}
		links.Append(link("next", e.Base+"/"+selfWith(self, next)))
	}
	b.Set("link", links)
	entries := fhir.NewArray()
	for _, v := range result.Matches {
		if err := e.appendEntry(entries, v, "match"); err != nil {
			return Response{}, err
		}
	}
	for _, v := range result.Included {
		if err := e.appendEntry(entries, v, "include"); err != nil {
			return Response{}, err
		}
	}
	if len(parsed.Warnings) > 0 {
		entries.Append(fhir.NewObject(
			fhir.M("resource", fhir.Outcome(parsed.Warnings).Root()),
			fhir.M("search", fhir.NewObject(fhir.S("mode", "outcome")))))
	}
	if entries.Len() > 0 {
		b.Set("entry", entries)
	}
	return bundleResponse(b)
}

func (e *Engine) appendEntry(entries *fhir.Element, v store.Version, mode string) error {
	resource, err := fhir.ParseElement(v.AppendJSON(nil))
	if err != nil {
		return fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	entries.Append(fhir.NewObject(
		fhir.S("fullUrl", e.Base+"/"+v.Key.String()),
		fhir.M("resource", resource),
		fhir.M("search", fhir.NewObject(fhir.S("mode", mode)))))
	return nil
}

func newBundle(typ string) *fhir.Element {
	return fhir.NewObject(fhir.S("resourceType", "Bundle"), fhir.S("type", typ),
		fhir.S("timestamp", fhir.FormatInstant(time.Now())))
}

func bundleResponse(b *fhir.Element) (Response, error) {
	resource, err := fhir.AsResource(b)
	return Response{Resource: resource}, err
}

func link(relation, url string) *fhir.Element {
	return fhir.NewObject(fhir.S("relation", relation), fhir.S("url", url))
}

// takeCursor takes the cursor parameter out of a raw query.
func takeCursor(query string) (rest, sealed string) {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(pair, cursorParameter+"="); ok {
			sealed = value
		} else if pair != "" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&"), sealed
}

// encode writes the applied parameters as a query with '?'.
func encode(applied []search.Applied) string {
	var b strings.Builder
	for i, a := range applied {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(url.QueryEscape(a.Name) + "=" + url.QueryEscape(a.Value))
	}
	return b.String()
}

func selfWith(self, sealed string) string {
	if sealed == "" {
		return self
	}
	if strings.Contains(self, "?") {
		return self + "&" + cursorParameter + "=" + sealed
	}
	return self + "?" + cursorParameter + "=" + sealed
}
