package operation

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/query"
	"vitalwire/server/store"
)

// $everything (R4 patient-operation-everything, encounter-operation-everything,
// group-operation-everything): a resource with its compartment, and what those
// refer to. Without _count the answer for one resource is one bundle, written as
// it is read; else it comes in pages pinned to the moment of the first.
var (
	patientEverything = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
		Needs:      gathers,
		Run:        runEverything,
	}
	encounterEverything = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
		Needs:      gathers,
		Run:        runEverything,
	}
	groupEverything = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Group-everything",
		Needs:      gathers,
		Run:        runEverything,
	}
)

// Sizes of a page of $everything.
const (
	maxPage      = 1000     // entries
	maxPageBytes = 32 << 20 // of their bodies
)

// everythingCursor is a place in $everything, behind what was given.
type everythingCursor struct {
	// At is the position all pages are pinned to.
	At int64
	// Outer is the place among the patients of a call that is of several, and Focus
	// the one at work.
	Outer *search.Cursor `json:",omitempty"`
	Index int            `json:",omitempty"`
	Focus string         `json:",omitempty"`
	// Stage and After are the place in what belongs to it, Last the last resource
	// given of those referred to.
	Stage int            `json:",omitempty"`
	After *search.Cursor `json:",omitempty"`
	Last  string         `json:",omitempty"`
}

// begin goes on to another focus.
func (c *everythingCursor) begin(focus fhir.Key) {
	c.Focus, c.Stage, c.After, c.Last = focus.String(), 0, nil, ""
}

// everything is a call at work.
type everything struct {
	set   *Set
	call  Call
	types []string // _type; empty for all
	since string   // search parameter _lastUpdated, "" for none
	dates []string // search values of the care date
	at    int64
	group []fhir.Key // members, of a call on a Group
	rec   *record    // the record at work
	// reader is the snapshot at work, nil outside of one.
	reader store.Reader
}

func runEverything(ctx context.Context, s *Set, c Call) (Result, error) {
	e := &everything{set: s, call: c, types: c.texts("_type")}
	if err := e.readParameters(); err != nil {
		return Result{}, err
	}
	count, err := c.number("_count", 0, 1)
	if err != nil {
		return Result{}, err
	}
	cursor, err := e.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	if count == 0 && c.Stream && c.Cursor == "" && c.ID != "" && c.Type != "Group" {
		// What can fail for being too much fails before the answer begins.
		if e.rec, err = e.record(ctx, cursor.Focus); err == nil {
			err = e.inSnapshot(ctx, func() error { return e.rec.gather(ctx) })
		}
		return Result{Stream: e.stream(ctx, cursor)}, err
	}
	if count == 0 {
		count = maxPage
	}
	return answer(e.page(ctx, cursor, min(count, maxPage)))
}

func (e *everything) readParameters() error {
	for _, typ := range e.types {
		if !fhir.IsResourceType(typ) {
			return fhir.BadSearch("_type: %.64q is no resource type", typ).WithCode(fhir.CodeValue)
		}
	}
	if since := e.call.named("_since").Text(); since != "" {
		if _, ok := fhir.ParseInstant(since); !ok {
			return fhir.BadSearch("_since must be an instant such as 2026-01-31T12:00:00Z").WithCode(fhir.CodeValue)
		}
		e.since = "_lastUpdated=gt" + url.QueryEscape(since)
	}
	for name, prefix := range map[string]string{"start": "ge", "end": "le"} {
		if date := e.call.named(name).Text(); date != "" {
			if _, ok := fhir.ParseSearchDate(date, e.set.Engine.Zone); !ok {
				return fhir.BadSearch("%s must be a date such as 2026-01-31", name).WithCode(fhir.CodeValue)
			}
			e.dates = append(e.dates, prefix+url.QueryEscape(date))
		}
	}
	slices.Sort(e.dates)
	return nil
}

// begin is where the call starts: at what its cursor says, else before the first
// resource that there is now.
func (e *everything) begin(ctx context.Context) (cursor everythingCursor, err error) {
	if e.call.Cursor != "" {
		if err := e.set.Engine.Seal.Open(e.call.Cursor, e.call.url("everything"), &cursor); err != nil {
			return cursor, fhir.BadSearch("%s does not belong to this call; begin it anew", cursorParameter)
		}
		e.at = cursor.At
	} else if e.at, err = e.set.position(ctx); err != nil {
		return cursor, err
	}
	cursor.At = e.at
	if e.call.ID == "" || e.call.Cursor != "" && e.call.Type != "Group" {
		return cursor, nil
	}
	found, err := e.read(ctx, []fhir.Key{e.call.key()}, false)
	if err == nil && len(found) == 0 {
		if _, err = e.set.stored(ctx, e.call.key()); err == nil {
			err = fhir.NotFound(e.call.key()) // it came to be a moment ago
		}
	}
	if err != nil {
		return cursor, err
	}
	if e.call.Type != "Group" {
		cursor.begin(e.call.key())
		return cursor, nil
	}
	r, err := fhir.ParseResource(found[0].Body)
	if err != nil {
		return cursor, err
	}
	for _, member := range r.Get("member").Items() {
		if key, ok := e.set.local(member.Path("entity", "reference").Text()); ok && key.Type == "Patient" && member.Get("inactive").Text() != "true" {
			e.group = append(e.group, key)
		}
	}
	return cursor, nil
}

// next goes on to the next focus; false when there is none.
func (e *everything) next(ctx context.Context, c *everythingCursor) (bool, error) {
	switch {
	case e.call.Type == "Group":
		if c.Index >= len(e.group) {
			return false, nil
		}
		c.begin(e.group[c.Index])
		c.Index++
		return true, nil
	case e.call.ID != "":
		return false, nil
	}
	q := &search.Query{Type: e.call.Type, Count: 1, After: c.Outer}
	if q.After == nil {
		q.After = from(e.at)
	}
	result, err := e.search(ctx, q)
	if err != nil || len(result.Matches) == 0 {
		return false, err
	}
	v := result.Matches[0]
	c.begin(v.Key)
	c.Outer = &search.Cursor{Snapshot: e.at, Row: v.Position}
	return true, nil
}

// entry is a resource to be given, and its search mode.
type entry struct {
	version store.Version
	mode    string
}

// each gives entries from the cursor on while there is room, and moves the cursor
// along. What is read at once is at most a batch; no snapshot is open while it is given.
func (e *everything) each(ctx context.Context, c *everythingCursor, room func() int, give func(entry) error) error {
	for ended := false; !ended; {
		n := min(room(), batchSize)
		if n <= 0 {
			return nil
		}
		var list []entry
		var at everythingCursor
		err := e.inSnapshot(ctx, func() (err error) {
			list, at = nil, *c
			for ended = false; !ended && len(list) < n; {
				if ended, err = e.step(ctx, &at, n-len(list), &list); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, entry := range list {
			if err := give(entry); err != nil {
				return err
			}
		}
		*c = at
	}
	return nil
}

// step adds up to n entries to a list; ended when there are no others.
func (e *everything) step(ctx context.Context, c *everythingCursor, n int, list *[]entry) (ended bool, err error) {
	if c.Focus == "" {
		if ok, err := e.next(ctx, c); err != nil || !ok {
			return true, err
		}
	}
	if e.rec == nil || e.rec.focus.String() != c.Focus {
		if e.rec, err = e.record(ctx, c.Focus); err != nil {
			return false, err
		}
	}
	done, err := e.rec.batch(ctx, c, n, list)
	if done {
		c.Focus = ""
	}
	return false, err
}

// inSnapshot runs fn with one snapshot for all that it reads.
func (e *everything) inSnapshot(ctx context.Context, fn func() error) error {
	return e.set.Engine.Store.View(ctx, func(r store.Reader) error {
		e.reader = r
		defer func() { e.reader = nil }()
		return fn()
	})
}

// search answers a query in the snapshot at work, else in one of its own.
func (e *everything) search(ctx context.Context, q *search.Query) (store.Result, error) {
	if e.reader != nil {
		return query.Searcher{Reader: e.reader, Search: e.set.Engine.Search}.One(q)
	}
	return e.set.page(ctx, q)
}

// some reports whether there is an entry behind the cursor.
func (e *everything) some(ctx context.Context, c everythingCursor) (bool, error) {
	found := false
	err := e.each(ctx, &c, func() int {
		if found {
			return 0
		}
		return 1
	}, func(entry) error {
		found = true
		return nil
	})
	return found, err
}

// page is the answer from the cursor on, of count entries at most.
func (e *everything) page(ctx context.Context, cursor everythingCursor, count int) (*fhir.Resource, error) {
	entries := fhir.NewArray()
	seen := map[fhir.Key]bool{} // a practitioner of two patients
	size, mark := 0, e.set.Engine.Watermark()
	err := e.each(ctx, &cursor, func() int {
		if size > maxPageBytes {
			return 0
		}
		return count - entries.Len()
	}, func(found entry) error {
		v := found.version
		if seen[v.Key] {
			return nil
		}
		seen[v.Key] = true
		size += len(v.Body)
		if err := mark.Version(v); err != nil {
			return err
		}
		r, err := fhir.ParseElement(v.AppendJSON(nil))
		entries.Append(e.set.entry(v.Key, r, found.mode))
		return err
	})
	if err != nil {
		return nil, err
	}
	more, err := e.some(ctx, cursor)
	if err != nil {
		return nil, err
	}
	self := e.call.url("everything")
	b := newBundle("searchset", e.at)
	links := fhir.NewArray(e.set.link("self", withCursor(self, e.call.Cursor)))
	if more {
		sealed, err := e.set.Engine.Seal.Seal(cursor, self)
		if err != nil {
			return nil, err
		}
		links.Append(e.set.link("next", withCursor(self, sealed)))
	}
	b.Set("link", links)
	mark.Mark(b)
	if entries.Len() > 0 {
		b.Set("entry", entries)
	}
	return fhir.AsResource(b)
}

// url is the call below the base, its parameters in one order.
func (c Call) url(code string) string {
	path := "$" + code
	if c.Type != "" {
		path = c.Type + "/" + path
		if c.ID != "" {
			path = c.Type + "/" + c.ID + "/$" + code
		}
	}
	var query []string
	for _, p := range c.In.Get("parameter").Items() {
		query = append(query, url.QueryEscape(p.Get("name").Text())+"="+url.QueryEscape(valueOf(p).Text()))
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + strings.Join(query, "&")
}

func withCursor(url, sealed string) string {
	switch {
	case sealed == "":
		return url
	case strings.Contains(url, "?"):
		return url + "&" + cursorParameter + "=" + sealed
	}
	return url + "?" + cursorParameter + "=" + sealed
}
