package interaction

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// historyQuery is a history asked for (R4 http §3.1.0.10).
type historyQuery struct {
	of    store.Selection
	count int
	list  string // id of the List of _list
	self  string // path and parameters that count, for links
}

// historyParameters reads the parameters of a history. The error names the
// parameter and what would be right.
func (e *Engine) historyParameters(r Request, query string) (historyQuery, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return historyQuery{}, fhir.BadSearch("the query has an invalid percent escape")
	}
	q := historyQuery{of: store.Selection{Type: r.Key.Type, ID: r.Key.ID}, count: defaultCount}
	for name, given := range values {
		value := given[0]
		switch name {
		case "_format", "_pretty":
			continue
		case "_count":
			err = q.readCount(value)
		case "_since":
			err = q.readSince(value)
		case "_at":
			err = q.readAt(value, e.Zone)
		case "_sort":
			err = q.readSort(value)
		case "_list":
			err = q.readList(value, e.Base)
		default:
			if !r.Lenient {
				return q, fhir.BadSearch("parameter %q is not known for a history; known are _count, _since, _at, _sort, _list, _format and _pretty", name).WithCode(fhir.CodeNotSupported)
			}
			values.Del(name)
			continue
		}
		if err == nil && len(given) > 1 {
			err = fhir.BadSearch("%s is given twice", name)
		}
		if err != nil {
			return q, err
		}
	}
	values.Del("_format")
	values.Del("_pretty")
	q.self = strings.TrimPrefix(strings.TrimSuffix(r.Key.String(), "/")+"/_history", "/")
	if len(values) > 0 {
		q.self += "?" + values.Encode()
	}
	return q, nil
}

func (q *historyQuery) readCount(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fhir.BadSearch("_count must be a whole number from 0, not %q", value)
	}
	q.count = min(n, maxCount)
	return nil
}

// readSince reads an instant: versions made then or later.
func (q *historyQuery) readSince(value string) error {
	// A '+' of the offset that was not escaped arrives as a blank.
	since, ok := fhir.ParseInstant(strings.Replace(value, " ", "+", 1))
	if !ok {
		return fhir.BadSearch("_since must be an instant such as 2026-01-31T08:00:00Z, not %q", value)
	}
	q.of.Above = ceilMicro(since.Low()) - 1
	return nil
}

// readAt reads a date or time of any precision: versions that were current at
// some moment of it.
func (q *historyQuery) readAt(value string, zone *time.Location) error {
	at, ok := fhir.ParseSearchDate(strings.Replace(value, " ", "+", 1), zone)
	if !ok {
		return fhir.BadSearch("_at must be a date or time such as 2026-01-31 or 2026-01-31T08:00:00Z, not %q", value)
	}
	q.of.During = &store.Period{From: at.Low().UnixMicro(), To: ceilMicro(at.High())}
	return nil
}

// ceilMicro is the first microsecond not before t.
func ceilMicro(t time.Time) int64 {
	if micro := t.UnixMicro(); t.After(time.UnixMicro(micro)) && micro < math.MaxInt64 {
		return micro + 1
	}
	return t.UnixMicro()
}

// readSort knows the only order that versions have.
func (q *historyQuery) readSort(value string) error {
	switch value {
	case "_lastUpdated":
		q.of.Oldest = true
	case "-_lastUpdated":
	default:
		return fhir.BadSearch("_sort of a history must be _lastUpdated or -_lastUpdated, not %q", value)
	}
	return nil
}

func (q *historyQuery) readList(value, base string) error {
	id := strings.TrimPrefix(strings.TrimPrefix(value, base+"/"), "List/")
	if strings.HasPrefix(id, "$") {
		return fhir.BadSearch("_list: the functional list %q is not kept; name a List by its id", value).WithCode(fhir.CodeNotSupported)
	}
	if !fhir.ValidID(id) {
		return fhir.BadSearch("_list must be the id of a List, not %q", value)
	}
	q.list = id
	return nil
}

// listed are the versions that a List refers to (R4 http §3.1.0.10, _list): of a
// reference without a version all of them. What the list says was deleted from it
// is not in it.
func listed(s store.Reader, id string, versionID int64, base string) ([]store.Named, error) {
	v, err := s.ReadVersion(fhir.Key{Type: "List", ID: id}, versionID)
	if err != nil {
		return nil, err
	}
	list, err := fhir.ParseResource(v.AppendJSON(nil))
	if err != nil {
		return nil, err
	}
	named := []store.Named{}
	for _, entry := range list.Get("entry").Items() {
		if entry.Get("deleted").Text() == "true" {
			continue
		}
		ref := fhir.ParseReference(entry.Path("item", "reference").Text())
		if ref.Key.ID == "" || ref.Base != "" && ref.Base != base {
			continue
		}
		n := store.Named{Key: ref.Key}
		if ref.Version != "" {
			if n.VersionID, err = strconv.ParseInt(ref.Version, 10, 64); err != nil || n.VersionID < 1 {
				continue // a version that was never given
			}
		}
		named = append(named, n)
	}
	return named, nil
}
