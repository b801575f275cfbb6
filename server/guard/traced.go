package guard

import (
	"slices"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// A Provenance tells of its targets: that they are there, when they came to be and by
// whom. Who may not see one of them for a Consent does not see the Provenance. Its own
// row does not know what its targets are like, so that is judged here, one by one.

const provenance = "Provenance"

// traces reports whether resources of a type must be judged by what they tell of.
func (r *reader) traces(typ string) bool { return typ == provenance && r.ruling != nil }

// sees judges a version by itself and by what is current: nil current is the version
// itself.
func (r *reader) sees(v store.Version, current *store.Version, rights auth.Right) (bool, error) {
	ok, err := r.lies(v, current, rights)
	if !ok || err != nil || !r.traces(v.Key.Type) {
		return ok, err
	}
	return r.traced(v)
}

// traced reports whether Consents show all targets of a Provenance that are there.
func (r *reader) traced(v store.Version) (bool, error) {
	if v.Deleted {
		was, err := r.inner.ReadVersion(v.Key, v.VersionID-1)
		if err != nil || was.Deleted {
			return false, missing(err)
		}
		v = was
	}
	e, err := fhir.ParseElement(v.Body)
	if err != nil {
		return false, err
	}
	for _, target := range e.Get("target").Items() {
		ref := fhir.ParseReference(target.Get("reference").Text())
		if ref.Key.ID == "" || ref.Base != "" && ref.Base != r.base {
			continue
		}
		about, err := r.inner.Read(ref.Key)
		if err != nil {
			if missing(err) == nil {
				continue
			}
			return false, err
		}
		view := r.agreed(r.ruling, ref.Key.Type, search.View{Whole: true})
		if view.Whole {
			continue
		}
		if ok, err := r.image(view, about); !ok {
			return false, err
		}
	}
	return true, nil
}

// only are those versions of a list that are seen, where that must be judged so.
func (r *reader) only(list []store.Version) (kept []store.Version, err error) {
	if !slices.ContainsFunc(list, func(v store.Version) bool { return r.traces(v.Key.Type) }) {
		return list, nil
	}
	for _, v := range list {
		ok := true
		if r.traces(v.Key.Type) {
			if ok, err = r.traced(v); err != nil {
				return nil, err
			}
		}
		if ok {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// sifted answers a search for what must be judged one by one as if the rest never was:
// pages are full, a next page has something, a total counts what is seen.
func (r *reader) sifted(q *search.Query) (store.Result, error) {
	out := store.Result{Total: -1}
	step := *q
	step.Total, step.Include = false, nil
	looked := 0
	// more appends what is seen of the next page, of at most some, to a list.
	more := func(list []store.Version, atMost int) ([]store.Version, error) {
		step.Count = atMost
		page, err := r.inner.Search(&step)
		if err != nil {
			return nil, err
		}
		if looked += len(page.Matches); looked > mostLooked {
			return nil, fhir.TooCostly("this search cannot be told apart from those of others within the work a request may cost; narrow it")
		}
		step.After = page.Next
		kept, err := r.only(page.Matches)
		return append(list, kept...), err
	}
	var err error
	if q.Total {
		var all []store.Version
		for step.After = nil; err == nil && (len(all) == 0 || step.After != nil); {
			before := len(all)
			if all, err = more(all, someLooked); before == len(all) && step.After == nil {
				break
			}
		}
		if err != nil {
			return out, err
		}
		out.Total = int64(len(all))
	}
	if q.Count == 0 {
		return out, nil
	}
	step.After = q.After
	for first := true; len(out.Matches) < q.Count && (first || step.After != nil); first = false {
		if out.Matches, err = more(out.Matches, q.Count-len(out.Matches)); err != nil {
			return out, err
		}
	}
	// There is a next page when something on it is seen.
	next := step.After
	for step.After != nil && out.Next == nil {
		rest, err := more(nil, q.Count)
		if err != nil {
			return out, err
		}
		if len(rest) > 0 {
			out.Next = next
		}
	}
	if len(q.Include) == 0 || len(out.Matches) == 0 {
		return out, nil
	}
	brought := *q
	brought.Total, brought.After, brought.Sort, brought.Count = false, nil, nil, len(out.Matches)
	brought.Filter = []search.Clause{{Param: r.known.Lookup(q.Type, "_id")}}
	for _, v := range out.Matches {
		brought.Filter[0].Operands = append(brought.Filter[0].Operands, search.Operand{Code: &v.Key.ID})
	}
	page, err := r.inner.Search(&brought)
	out.Included = page.Included
	return out, err
}
