package guard

import (
	"strconv"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/consents"
	"vitalwire/server/store"
)

// reader is a store.Reader that hides.
type reader struct {
	inner store.Reader
	*guard
	// one and many are the rights by any of which a resource is read by its id, alone
	// and together with others.
	one, many auth.Right
	// ruling is that of the book, once it was asked for; renewed is how often it was old
	// before its use was over.
	ruling  *consents.Ruling
	renewed int
}

func (g *guard) reader(r store.Reader) *reader {
	return &reader{inner: r, guard: g, one: auth.Read, many: auth.Read | auth.Search}
}

// Writing is the reader for who is about to write: what he may change he must find,
// also when he may not read it.
func Writing(r store.Reader) store.Reader {
	const change = auth.Update | auth.Delete
	switch g := r.(type) {
	case *reader:
		return &reader{inner: g.inner, guard: g.guard, one: g.one | change, many: g.many | change, ruling: g.ruling}
	case *tx:
		return Writing(g.reader)
	}
	return r
}

// Position is the newest of the feed.
func (r *reader) Position() (int64, error) { return r.inner.Position() }

// Marks are those of the server.
func (r *reader) Marks() (store.Marks, error) { return r.inner.Marks() }

// lies judges a version by itself and by what is current: nil current is the version
// itself.
func (r *reader) lies(v store.Version, current *store.Version, rights auth.Right) (bool, error) {
	ruling, err := r.ruled()
	if err != nil {
		return false, err
	}
	reach := r.reach.View(v.Key.Type, rights)
	view := r.agreed(ruling, v.Key.Type, reach)
	if view.Whole {
		return true, nil
	}
	if len(view.Any) == 0 && v.Key.Type != binary {
		return false, nil
	}
	// Only what Consents say of a version is remembered.
	alone := reach.Whole && !v.Deleted && v.Key.Type != binary && (current == nil || current.VersionID == v.VersionID)
	if alone && ruling.Shown(v.Position) {
		return true, nil
	}
	ok, err := r.image(view, v)
	switch {
	case err != nil:
	case ok && alone:
		ruling.Show(v.Position)
	case ok && current != nil && current.VersionID != v.VersionID:
		ok, err = r.image(view, *current)
	}
	if !ok && err == nil && ruling != nil && !ruling.Current() && r.renewed < mostRenewed {
		// It was judged partly by what was agreed to before, and partly by what is.
		r.ruling, r.renewed = nil, r.renewed+1
		return r.lies(v, current, rights)
	}
	return ok, err
}

// mostRenewed is how often a reader asks again for what Consents say while they change.
const mostRenewed = 5

// binary is the type whose resources are seen by who sees what they belong to.
const binary = "Binary"

// image judges a version; a deletion by what it deleted.
func (r *reader) image(view search.View, v store.Version) (bool, error) {
	if v.Deleted {
		was, err := r.inner.ReadVersion(v.Key, v.VersionID-1)
		if err != nil || was.Deleted {
			return false, missing(err)
		}
		v = was
	}
	ok, err := r.judge(view, v)
	if ok || err != nil || v.Key.Type != binary {
		return ok, err
	}
	return r.context(v)
}

// missing is an error other than that there is none.
func missing(err error) error {
	if err != nil && fhir.SituationOf(err) == fhir.SituationNotFound {
		return nil
	}
	return err
}

// context judges a Binary by its securityContext: who may read that may read the
// Binary, if he has a scope for it (R4 binary §2.37.4.2).
func (r *reader) context(v store.Version) (bool, error) {
	if !r.reach.Scoped(binary, r.one) {
		return false, nil
	}
	e, err := fhir.ParseElement(v.Body)
	if err != nil {
		return false, err
	}
	to := fhir.ParseReference(e.Path("securityContext", "reference").Text())
	if e.Get("securityContext") == nil && r.ruling != nil {
		return r.attached(v)
	}
	if to.Key.ID == "" || to.Key.Type == binary || to.Base != "" && to.Base != r.base {
		return false, nil
	}
	owner, err := r.inner.Read(to.Key)
	if err != nil {
		return false, missing(err)
	}
	return r.sees(owner, nil, r.many)
}

// attached judges a Binary that does not say whose it is, of a caller whom Consents bind:
// he sees it by what it is attached to, or when that is nothing.
func (r *reader) attached(v store.Version) (bool, error) {
	reach := r.reach.View(binary, r.one)
	if ok, err := r.shows(reach, v); !ok {
		return false, err
	}
	alone := true
	for _, typ := range fhir.ResourceTypes() {
		p := r.known.Within(typ).References
		if p == nil {
			continue
		}
		q := &search.Query{Type: typ, Count: 50, Sight: search.Everything, Filter: []search.Clause{{Param: p, Operands: []search.Operand{{Target: search.Target{Type: binary, ID: v.Key.ID}}}}}}
		page, err := r.inner.Search(q)
		if err != nil {
			return false, err
		}
		for _, holder := range page.Matches {
			alone = false
			if ok, err := r.sees(holder, nil, r.many); ok || err != nil {
				return ok, err
			}
		}
	}
	return alone, nil
}

// shows reports whether a version lies in a View.
func (r *reader) shows(view search.View, v store.Version) (bool, error) {
	if view.Whole || len(view.Any) == 0 {
		return view.Whole, nil
	}
	return r.judge(view, v)
}

// Read gives the current version.
func (r *reader) Read(key fhir.Key) (store.Version, error) {
	v, err := r.inner.Read(key)
	if err != nil {
		return v, err
	}
	ok, err := r.sees(v, nil, r.one)
	if err == nil {
		err = r.witnessed(v, r.one, ok)
	}
	if !ok || err != nil {
		return store.Version{}, or(err, fhir.NotFound(key))
	}
	return r.maskedOne(v)
}

// or is the error there is, else the one that hides.
func or(err, hidden error) error {
	if err != nil {
		return err
	}
	return hidden
}

// ReadVersion gives that version.
func (r *reader) ReadVersion(key fhir.Key, versionID int64) (store.Version, error) {
	v, err := r.inner.ReadVersion(key, versionID)
	if err != nil {
		return v, err
	}
	if view, err := r.view(key.Type, r.one); err != nil {
		return store.Version{}, err
	} else if view.Whole && !r.traces(key.Type) {
		return r.maskedOne(v)
	}
	current, err := r.inner.Read(key)
	if err != nil {
		return store.Version{}, err
	}
	ok, err := r.sees(v, &current, r.one)
	if err == nil {
		err = r.witnessed(v, r.one, ok)
	}
	if !ok || err != nil {
		return store.Version{}, or(err, fhir.NoVersion(key, strconv.FormatInt(versionID, 10)))
	}
	return r.maskedOne(v)
}

// Current gives the current versions of keys.
func (r *reader) Current(keys []fhir.Key) (map[fhir.Key]store.Version, error) {
	found, err := r.inner.Current(keys)
	if err != nil {
		return nil, err
	}
	for key, v := range found {
		ok, err := r.sees(v, nil, r.many)
		if err != nil {
			return nil, err
		}
		if !ok {
			delete(found, key)
			continue
		}
		if found[key], err = r.guard.maskedAs(v, store.Version{}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// At gives the versions at positions.
func (r *reader) At(positions []int64) ([]store.Version, error) {
	list, err := r.inner.At(positions)
	if err != nil {
		return nil, err
	}
	return r.masked(r.visible(list, r.many))
}

// wholeOf reports whether every type of some versions is seen whole.
func (r *reader) wholeOf(list []store.Version, rights auth.Right) (bool, error) {
	for _, v := range list {
		if view, err := r.view(v.Key.Type, rights); !view.Whole || err != nil || r.traces(v.Key.Type) {
			return false, err
		}
	}
	return true, nil
}

// visible are those of versions that are seen.
func (r *reader) visible(list []store.Version, rights auth.Right) ([]store.Version, error) {
	if all, err := r.wholeOf(list, rights); all || err != nil {
		return list, err
	}
	keys := make([]fhir.Key, len(list))
	for i, v := range list {
		keys[i] = v.Key
	}
	current, err := r.inner.Current(keys)
	if err != nil {
		return nil, err
	}
	var kept []store.Version
	hidden := map[fhir.Key]bool{} // as it is now, so all its versions are
	for _, v := range list {
		now := current[v.Key]
		if hidden[v.Key] {
			continue
		}
		if v.VersionID != now.VersionID {
			ok, err := r.sees(now, nil, rights)
			if err != nil {
				return nil, err
			}
			if !ok {
				hidden[v.Key] = true
				continue
			}
		}
		ok, err := r.sees(v, nil, rights)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// Holders gives the resources with an identifier, of those that a search finds.
func (r *reader) Holders(typ string, id store.Identifier) ([]store.Version, error) {
	if err := r.mask.RefusesParam(typ, "identifier"); err != nil {
		return nil, err
	}
	if view, err := r.view(typ, auth.Search); err != nil {
		return nil, err
	} else if view.Whole {
		return r.masked(r.inner.Holders(typ, id))
	}
	p := r.known.Lookup(typ, "identifier")
	if p == nil || p.Type != search.Token {
		return nil, nil
	}
	found, err := r.Search(&search.Query{Type: typ, Count: 3,
		Filter: []search.Clause{{Param: p, Operands: []search.Operand{{System: id.System, Code: &id.Value}}}}})
	return found.Matches, err
}

// Newest is the newest of the Holders of each identifier.
func (r *reader) Newest(typ string, ids []store.Identifier) ([]store.Version, error) {
	newest := make([]store.Version, len(ids))
	for i, id := range ids {
		holders, err := r.Holders(typ, id)
		if err != nil {
			return nil, err
		}
		if len(holders) > 0 {
			newest[i] = holders[0]
		}
	}
	return newest, nil
}

// seeing is a query with what the caller may see, whatever it had before.
func (r *reader) seeing(q *search.Query) (*search.Query, error) {
	if err := r.mask.Refuses(q); err != nil {
		return nil, err
	}
	ruling, err := r.ruled()
	if err != nil {
		return nil, err
	}
	mine := *q
	mine.Sight, mine.Brings = r.sight(ruling, auth.Search), r.sight(ruling, auth.Read|auth.Search)
	return &mine, nil
}

func (r *reader) sight(ruling *consents.Ruling, rights auth.Right) search.Sight {
	reach := r.reach.Sight(rights)
	if ruling == nil {
		return reach
	}
	return func(typ string) search.View {
		view := r.agreed(ruling, typ, reach(typ))
		if r.traces(typ) {
			view.Each = func(key fhir.Key, body []byte) (bool, error) { return r.traced(store.Version{Key: key, Body: body}) }
		}
		return view
	}
}

// Search answers a query. A page of an earlier moment is judged by the present, too.
func (r *reader) Search(q *search.Query) (store.Result, error) {
	mine, err := r.seeing(q)
	if err != nil {
		return store.Result{}, err
	}
	if r.traces(q.Type) {
		return r.maskedPage(r.still(q)(r.sifted(mine)))
	}
	return r.maskedPage(r.still(q)(r.inner.Search(mine)))
}

// still takes away from a page of an earlier moment what is no longer seen.
func (r *reader) still(q *search.Query) func(store.Result, error) (store.Result, error) {
	return func(page store.Result, err error) (store.Result, error) {
		if err != nil || r.reach.Open() {
			return page, err
		}
		// What is brought along, or found among other types, is judged one by one, too.
		if page.Matches, err = r.only(page.Matches); err != nil {
			return page, err
		}
		if page.Included, err = r.only(page.Included); err != nil {
			return page, err
		}
		switch {
		case q.After == nil:
			if err := r.checked(page.Matches, auth.Search); err != nil {
				return store.Result{}, err
			}
			if err := r.checked(page.Included, auth.Read|auth.Search); err != nil {
				return store.Result{}, err
			}
			return page, nil
		}
		if page.Matches, err = r.visible(page.Matches, auth.Search); err != nil {
			return page, err
		}
		page.Included, err = r.visible(page.Included, auth.Read|auth.Search)
		return page, err
	}
}

// Explain is Search with the plan, which tells how many rows there are, so it is for
// who may see all.
func (r *reader) Explain(q *search.Query) (store.Result, store.Plan, error) {
	x, ok := r.inner.(store.Explainer)
	if !ok || r.book != nil || r.mask != nil || !r.reach.Whole("*", auth.Read|auth.Search) {
		result, err := r.Search(q)
		return result, store.Plan{}, err
	}
	mine, err := r.seeing(q)
	if err != nil {
		return store.Result{}, store.Plan{}, err
	}
	return x.Explain(mine)
}

// Facts gives what the index knows of matches.
func (r *reader) Facts(q *search.Query, give func(store.Fact) error) error {
	mine, err := r.seeing(q)
	if err != nil {
		return err
	}
	if r.traces(q.Type) {
		return fhir.BadSearch("the facts of %s are not told to who is bound by Consents", q.Type).WithCode(fhir.CodeNotSupported)
	}
	for _, code := range []string{"code", "date"} { // which a store.Fact tells
		if err := r.mask.RefusesParam(q.Type, code); err != nil {
			return err
		}
	}
	return r.inner.Facts(mine, give)
}

// Changes are the server's own feed.
func (r *reader) Changes(int64, int) ([]store.Version, error) { return nil, errBooks }

// Record is of the server's own books.
func (r *reader) Record(string, string) ([]byte, bool, error) { return nil, false, errBooks }

// Records are of the server's own books.
func (r *reader) Records(string, string, string, int) ([]store.Record, error) { return nil, errBooks }

// RecordsOf are of the server's own books.
func (r *reader) RecordsOf([]store.RecordName) (map[store.RecordName][]byte, error) {
	return nil, errBooks
}

// LastRecord is of the server's own books.
func (r *reader) LastRecord(string, string, string) (store.Record, bool, error) {
	return store.Record{}, false, errBooks
}

// Consented is of the server's own books.
func (r *reader) Consented(int64, int) ([]store.Consented, error) { return nil, errBooks }
