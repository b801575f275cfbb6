package audit

import (
	"fmt"
	"net/url"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// BrokenGlass is a glass that was broken, and the patients whose data was touched by that.
type BrokenGlass struct {
	Sighting
	// Patients are ids; More that there are more events than were looked at.
	Patients []string
	More     bool
}

// Glasses lists the glasses that were broken, the newest first, at most count; next is
// where the next page begins, nil after the last. The caller makes sure that it is for who
// asks. The reader is an unguarded one.
func Glasses(r store.Reader, known *search.Registry, after *search.Cursor, count int) (list []BrokenGlass, next *search.Cursor, err error) {
	page, err := own(r, known, "subtype="+url.QueryEscape(systemDICOM+"|"+GlassKind)+"&_sort=-_lastUpdated", after, count)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range page.Matches {
		s, err := sighting(v)
		if err != nil {
			return nil, nil, err
		}
		one := BrokenGlass{Sighting: s}
		var about Patients
		about.Named(v.Body)
		if s.Token != "" {
			used, err := own(r, known, "policy="+url.QueryEscape(tokenPolicy+s.Token), nil, mostBroken)
			if err != nil {
				return nil, nil, fmt.Errorf("what was done with a broken glass: %w", err)
			}
			for _, v := range used.Matches {
				about.Named(v.Body)
			}
			one.More = used.Next != nil
		}
		one.Patients = about.IDs
		list = append(list, one)
	}
	return list, page.Next, nil
}

// own searches the server's own AuditEvents.
func own(r store.Reader, known *search.Registry, query string, after *search.Cursor, count int) (store.Result, error) {
	query += "&_tag=" + url.QueryEscape(tagSystem+"|"+tagCode)
	parsed, err := known.Parse(store.Audited, query, search.Options{Zone: time.UTC, DefaultCount: count, MaxCount: max(count, 1)})
	if err != nil {
		return store.Result{}, err
	}
	q := parsed.Query
	q.Sight, q.After = auth.All().Sight(auth.Search), after
	return r.Search(q)
}
