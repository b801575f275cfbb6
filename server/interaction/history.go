package interaction

import (
	"fmt"
	"slices"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/audit"
	"vitalwire/server/store"
)

// historyCursor is a place in a history.
type historyCursor struct {
	// Snapshot is the feed position that the whole history is pinned to.
	Snapshot int64
	// Total is what the first page counted; -1 when that was too much to count.
	Total int64
	// ListVersion is the version of the List of _list, 0 without one.
	ListVersion int64
	// Place is the position of the version that the page lies next to: after it, or
	// with Back before it; 0 for the first page.
	Place int64
	Back  bool
}

// maxCounted bounds the total of a history. A longer one has none: Bundle.total is
// optional, and to count all versions of a large store takes long.
const maxCounted = 1_000_000

// history is R4 http §3.1.0.10 at instance, type and system level. Paging is
// pinned: versions made after the first page was answered are on none.
func (e *Engine) history(s store.Reader, r Request) (Response, error) {
	query, sealed := takeCursor(r.Query)
	asked, err := e.historyParameters(r, query)
	if err != nil {
		return Response{}, err
	}
	cursor, err := e.historyPlace(s, asked, sealed)
	if err != nil {
		return Response{}, err
	}
	if asked.list != "" {
		if asked.of.Only, err = listed(s, asked.list, cursor.ListVersion, e.Base); err != nil {
			return Response{}, err
		}
	}
	versions, before, after, err := historyPage(s, asked, *cursor)
	if err != nil {
		return Response{}, err
	}
	if sealed == "" {
		if len(versions) == 0 && asked.of.ID != "" {
			if _, err := s.Read(r.Key); err != nil {
				return Response{}, err // 404 when there never was one
			}
		}
		if cursor.Total, err = s.CountVersions(pinned(asked.of, cursor.Snapshot), maxCounted); err != nil {
			return Response{}, err
		}
	}
	b := newBundle("history")
	if cursor.Total >= 0 {
		b.Set("total", fhir.NewNumber(strconv.FormatInt(cursor.Total, 10)))
	}
	links, err := e.historyLinks(asked.self, sealed, *cursor, versions, before, after)
	if err != nil {
		return Response{}, err
	}
	b.Set("link", links)
	entries, mark := fhir.NewArray(), e.Watermark()
	var about audit.Patients
	for _, v := range versions {
		if e.Audit != nil {
			about.Resource(v.Key, v.Stored())
		}
		entry, err := e.historyEntry(v)
		if err == nil {
			err = mark.Version(v)
		}
		if err != nil {
			return Response{}, err
		}
		entries.Append(entry)
	}
	mark.Mark(b)
	if entries.Len() > 0 {
		b.Set("entry", entries)
	}
	response, err := bundleResponse(b)
	response.named = about.IDs
	return response, err
}

// historyPlace is where the page lies: that of the cursor, else the beginning.
func (e *Engine) historyPlace(s store.Reader, asked historyQuery, sealed string) (*historyCursor, error) {
	cursor := &historyCursor{}
	if sealed != "" {
		if err := e.Seal.Open(sealed, asked.self, cursor); err != nil {
			return nil, fhir.BadSearch("%s does not belong to this history; begin it anew", cursorParameter)
		}
		return cursor, nil
	}
	var err error
	if cursor.Snapshot, err = s.Position(); err != nil || asked.list == "" {
		return cursor, err
	}
	list, err := s.Read(fhir.Key{Type: "List", ID: asked.list})
	if err != nil || list.Deleted {
		return nil, fhir.BadSearch("_list: List/%s is not known", asked.list).WithCode(fhir.CodeNotFound)
	}
	cursor.ListVersion = list.VersionID
	return cursor, nil
}

// pinned is the selection as it was at a position.
func pinned(of store.Selection, snapshot int64) store.Selection {
	of.AsOf = snapshot
	return of
}

// historyPage reads a page, and tells whether there are versions before and
// after it in the order asked for.
func historyPage(s store.Reader, asked historyQuery, at historyCursor) (page []store.Version, before, after bool, err error) {
	if asked.count == 0 {
		return nil, false, false, nil
	}
	of := pinned(asked.of, at.Snapshot)
	// Reading back is reading on in the other order.
	of.Oldest = of.Oldest != at.Back
	switch {
	case at.Place == 0:
	case of.Oldest:
		of.Above = max(of.Above, at.Place)
	case of.Below == 0 || at.Place < of.Below:
		of.Below = at.Place
	}
	page, err = s.Versions(of, asked.count+1)
	if err != nil {
		return nil, false, false, err
	}
	more := len(page) > asked.count
	page = page[:min(len(page), asked.count)]
	if at.Back {
		slices.Reverse(page)
		return page, more, true, nil
	}
	return page, at.Place != 0, more, nil
}

// historyLinks are self, first, and previous and next where there are such pages.
func (e *Engine) historyLinks(self, sealed string, at historyCursor, page []store.Version, before, after bool) (*fhir.Element, error) {
	links := fhir.NewArray(link("self", e.Base+"/"+selfWith(self, sealed)))
	add := func(relation string, place int64, back bool) error {
		at.Place, at.Back = place, back
		sealed, err := e.Seal.Seal(at, self)
		links.Append(link(relation, e.Base+"/"+selfWith(self, sealed)))
		return err
	}
	if err := add("first", 0, false); err != nil {
		return nil, err
	}
	if before && len(page) > 0 {
		if err := add("previous", page[0].Position, true); err != nil {
			return nil, err
		}
	}
	if after && len(page) > 0 {
		if err := add("next", page[len(page)-1].Position, false); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// historyEntry tells what made a version and what it was (R4 http §3.1.0.10).
func (e *Engine) historyEntry(v store.Version) (*fhir.Element, error) {
	entry := fhir.NewObject(fhir.S("fullUrl", e.Base+"/"+v.Key.String()))
	method, url, status := "PUT", v.Key.String(), "200"
	switch v.Op {
	case store.Create:
		method, url, status = "POST", v.Key.Type, "201"
	case store.Delete:
		method, status = "DELETE", "204"
	case store.PutNew:
		status = "201"
	}
	if !v.Deleted {
		resource, err := fhir.ParseElement(v.AppendJSON(nil))
		if err != nil {
			return nil, fmt.Errorf("stored body of %s: %w", v.Key, err)
		}
		entry.Set("resource", resource)
	}
	entry.Set("request", fhir.NewObject(fhir.S("method", method), fhir.S("url", url)))
	entry.Set("response", fhir.NewObject(
		fhir.S("status", status), fhir.S("etag", v.ETag()), fhir.S("lastModified", fhir.FormatInstant(v.LastUpdated()))))
	return entry, nil
}
