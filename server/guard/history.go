package guard

import (
	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// The work that one history may cost: versions looked at, and those read at once.
const (
	mostLooked = 20_000
	someLooked = 500
)

// selected is the right that a history takes: of an instance r, of types s (SMART 2.2,
// scopes for requesting FHIR resources).
func selected(of store.Selection) auth.Right {
	if of.ID != "" {
		return auth.Read
	}
	return auth.Search
}

// reached is a selection without the AuditEvents, of which there may be more than of all
// else, when the caller reaches none: a scope for every type is none for them.
func (r *reader) reached(of store.Selection) store.Selection {
	if of.Type == "" && !r.reach.Scoped(store.Audited, selected(of)) {
		of.Except = store.Audited
	}
	return of
}

// wholly reports whether nothing that a selection names is hidden.
func (r *reader) wholly(of store.Selection) (bool, error) {
	if of.Type == "" {
		return r.book == nil && r.reach.Whole("*", selected(of)) && (of.Except == store.Audited || r.reach.View(store.Audited, selected(of)).Whole), nil
	}
	view, err := r.view(of.Type, selected(of))
	return view.Whole && !r.traces(of.Type), err
}

// Versions gives the versions that a selection names, looking at them in rounds. To
// look at too many is too costly.
func (r *reader) Versions(of store.Selection, limit int) ([]store.Version, error) {
	of = r.reached(of)
	if whole, err := r.wholly(of); err != nil {
		return nil, err
	} else if whole {
		return r.masked(r.inner.Versions(of, limit))
	}
	var page []store.Version
	done, err := r.rounds(of, limit, func(list []store.Version) bool {
		page = append(page, list...)
		return len(page) < limit
	})
	switch {
	case err != nil:
		return nil, err
	case !done:
		return nil, fhir.TooCostly("this history cannot be told apart from those of others within the work a request may cost; narrow it by _since, _count or the type, or ask for that of one resource")
	}
	return r.masked(page[:min(limit, len(page))], nil)
}

// CountVersions is how many versions a selection names; -1 when they are more than
// atMost, or too many to look at.
func (r *reader) CountVersions(of store.Selection, atMost int64) (int64, error) {
	of = r.reached(of)
	if whole, err := r.wholly(of); err != nil {
		return 0, err
	} else if whole {
		return r.inner.CountVersions(of, atMost)
	}
	n := int64(0)
	done, err := r.rounds(of, someLooked, func(list []store.Version) bool {
		n += int64(len(list))
		return n <= atMost
	})
	if err != nil || !done || n > atMost {
		return -1, err
	}
	return n, nil
}

// rounds gives the visible versions of a selection until give wants no more. done is
// false when that would have taken more than may be looked at.
func (r *reader) rounds(of store.Selection, size int, give func([]store.Version) bool) (done bool, err error) {
	size = min(max(size, 50), someLooked)
	for looked := 0; ; {
		list, err := r.inner.Versions(of, size)
		if err != nil || len(list) == 0 {
			return true, err
		}
		seen, err := r.visible(list, selected(of))
		if err != nil {
			return true, err
		}
		if !give(seen) || len(list) < size {
			return true, nil
		}
		if looked += len(list); looked >= mostLooked {
			return false, nil
		}
		size = someLooked
		if last := list[len(list)-1].Position; of.Oldest {
			of.Above = last
		} else {
			of.Below = last
		}
	}
}
