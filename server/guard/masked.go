package guard

import (
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Masked is the error of a change of what the caller is not shown all of: as an update it
// would delete what he does not know, and a patch could ask for it (security.md L41).
func Masked(key fhir.Key) error {
	return fhir.Forbidden("parts of %s are masked for this access token, so it cannot change it", key)
}

// Refuses is the error of a search that looks at what is masked for the caller; nil for
// any other.
func (s *Store) Refuses(q *search.Query) error { return s.mask.Refuses(q) }

// unmasked refuses to change what of is masked now.
func (t *tx) unmasked(key fhir.Key) error {
	v, err := t.below.Read(key)
	if err == nil {
		v, err = t.maskedOne(v)
	}
	if err == nil && v.Whole != nil {
		err = Masked(key)
	}
	return err
}

// masked takes from versions what the caller is not shown of them. It is the last that
// is done to them: all else is judged by what is stored.
func (r *reader) masked(list []store.Version, err error) ([]store.Version, error) {
	if err != nil || r.mask == nil || len(list) == 0 {
		return list, err
	}
	current := map[fhir.Key]store.Version{}
	if r.mask.Labelled() {
		keys := make([]fhir.Key, len(list))
		for i, v := range list {
			keys[i] = v.Key
		}
		if current, err = r.inner.Current(keys); err != nil {
			return nil, err
		}
	}
	shown := make([]store.Version, len(list))
	for i, v := range list {
		if shown[i], err = r.maskedAs(v, current[v.Key]); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// maskedOne is the same of one version.
func (r *reader) maskedOne(v store.Version) (store.Version, error) {
	if r.mask == nil {
		return v, nil
	}
	list, err := r.masked([]store.Version{v}, nil)
	if err != nil {
		return store.Version{}, err
	}
	return list[0], nil
}

// maskedAs masks a version by its own labels and by those of the current one, of which
// the last there was counts when that is a deletion.
func (r *reader) maskedAs(v, current store.Version) (store.Version, error) {
	if current.Deleted && current.VersionID > 1 {
		was, err := r.inner.ReadVersion(current.Key, current.VersionID-1)
		if err != nil {
			return store.Version{}, missing(err)
		}
		current = was
	}
	return r.guard.maskedAs(v, current)
}

func (g *guard) maskedAs(v, current store.Version) (store.Version, error) {
	if g.mask == nil || v.Deleted || v.Body == nil || v.Whole != nil {
		return v, nil
	}
	body, changed, err := g.mask.Apply(v.Key.Type, v.Body, func(view search.View) (bool, error) {
		ok, err := g.lies(view, v)
		if ok || err != nil || current.Body == nil || current.VersionID == v.VersionID {
			return ok, err
		}
		return g.lies(view, current)
	})
	if err != nil {
		return store.Version{}, err
	}
	if changed {
		v.Whole, v.Body = v.Body, body
	}
	return v, nil
}

// lies is judge, which is not asked where the view says it all.
func (g *guard) lies(view search.View, v store.Version) (bool, error) {
	if view.Whole || len(view.Any) == 0 {
		return view.Whole, nil
	}
	return g.judge(view, v)
}

// maskedPage masks what a search found.
func (r *reader) maskedPage(page store.Result, err error) (store.Result, error) {
	if r.mask == nil || err != nil {
		return page, err
	}
	if page.Matches, err = r.masked(page.Matches, nil); err == nil {
		page.Included, err = r.masked(page.Included, nil)
	}
	if err != nil {
		return store.Result{}, err
	}
	return page, nil
}

// maskedOutcome masks what was written, or what was found in its place: these are current.
func (g *guard) maskedOutcome(o store.Outcome) store.Outcome {
	if g.mask == nil {
		return o
	}
	list := o.Versions
	exists, found := o.Err.(*store.Exists) //nolint:errorlint // as the store made it
	if found {
		list = exists.Matches
	}
	shown := make([]store.Version, len(list))
	for i, v := range list {
		var err error
		if shown[i], err = g.maskedAs(v, store.Version{}); err != nil {
			return store.Outcome{Err: err, Failed: -1}
		}
	}
	if found {
		o.Err = &store.Exists{Write: exists.Write, Matches: shown}
	} else {
		o.Versions = shown
	}
	return o
}
