package guard

import (
	"context"
	"fmt"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/server/consents"
	"vitalwire/server/store"
)

// ruled is what Consents let the caller see, as the reader sees them; nil when they
// bind nobody.
func (r *reader) ruled() (*consents.Ruling, error) {
	if r.book == nil || r.ruling != nil {
		return r.ruling, nil
	}
	var err error
	r.ruling, err = r.book.For(r.inner, r.reach.Access())
	r.witness.Under(r.ruling)
	return r.ruling, err
}

// witnessed notes what the Consents decided of a resource that was asked for by itself:
// ok is whether it is seen. What scope or compartment hides is none of their doing.
func (r *reader) witnessed(v store.Version, rights auth.Right, ok bool) error {
	if r.witness == nil || r.ruling == nil || v.Deleted || !r.agreeable(v.Key.Type) {
		return nil
	}
	if reach := r.reach.View(v.Key.Type, rights); !ok && !reach.Whole {
		if reached, err := r.judge(reach, v); !reached || err != nil {
			return err
		}
	}
	r.witness.Saw(v, ok)
	return nil
}

// Judged is a version as the Consents judge it.
func (s *Store) Judged(v store.Version) (*search.Subject, error) { return s.lazy(v) }

// Agreeable reports whether what patients agree to counts for a type, "" for any.
func (s *Store) Agreeable(typ string) bool { return s.agreeable(typ) }

// present is the same as of now.
func (s *Store) present(ctx context.Context) (ruling *consents.Ruling, err error) {
	if s.book == nil {
		return nil, nil
	}
	err = s.inner.Glance(ctx, func(r store.Reader) (err error) {
		ruling, err = s.reader(r).ruled()
		return err
	})
	return ruling, err
}

// agreed is what of a View patients agree to show.
func (g *guard) agreed(ruling *consents.Ruling, typ string, view search.View) search.View {
	if ruling != nil && typ == binary {
		return search.View{} // which context judges, one by one
	}
	if ruling == nil || !g.agreeable(typ) {
		return view
	}
	return both(view, ruling.View(typ))
}

// agreeable reports whether what patients agree to counts for a type: who may look at what
// everybody did sees it whatever that is, and who keeps Consents sees these.
func (g *guard) agreeable(typ string) bool {
	return typ != store.Audited && (typ != consent || !g.reach.KeepsConsents())
}

// consent is the type of what is agreed to; who keeps the Consents sees them all.
const consent = "Consent"

// both is what lies in two Views.
func both(x, y search.View) search.View {
	switch {
	case x.Whole:
		return y
	case y.Whole:
		return x
	case len(y.Any) == 0:
		return y
	}
	clause, _ := y.Clause()
	if len(y.Any) == 1 {
		clause = y.Any[0]
	}
	var met search.View
	for _, one := range x.Any {
		met.Any = append(met.Any, search.Clause{Group: &search.Group{Op: search.All, Clauses: []search.Clause{one, clause}}})
	}
	return met
}

// view is what of a type the caller sees by any of some rights.
func (r *reader) view(typ string, rights auth.Right) (search.View, error) {
	ruling, err := r.ruled()
	if err != nil {
		return search.View{}, err
	}
	return r.agreed(ruling, typ, r.reach.View(typ, rights)), nil
}

// checked judges in memory what the store found by its SQL: two ways to one answer.
// When they differ nobody gets it, and the operator is told, unless a Consent has changed
// since: then it is asked again (store.ErrStale).
func (r *reader) checked(list []store.Version, rights auth.Right) error {
	if r.book == nil {
		return nil
	}
	searched := r.ruling
	for _, v := range list {
		ok, err := r.sees(v, nil, rights)
		if err != nil {
			return err
		}
		if !ok {
			if old, err := r.outdated(searched); old || err != nil {
				return or(err, store.Stale())
			}
			if r.book.Alarm != nil {
				r.book.Alarm(v.Key, "found by a search, and hidden by a Consent")
			}
			return fmt.Errorf("guard: the store and the Consents disagree on %s", v.Key)
		}
	}
	return nil
}

// outdated reports whether a Ruling is of another moment than what was found by it: a Consent
// has changed since, or the snapshot is older than what the book knew.
func (r *reader) outdated(by *consents.Ruling) (bool, error) {
	if r.ruling != by || !r.ruling.Current() {
		return true, nil
	}
	marks, err := r.inner.Marks()
	return !by.Of(marks), err
}
