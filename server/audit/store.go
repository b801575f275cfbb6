package audit

import (
	"bytes"
	"context"
	"errors"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Store is a store that audits what is written with it: the events are in the same
// commit, so that there is no write without them. The AuditEvents of the server are
// never changed, by nobody. Records, which are the server's own books, are not audited.
type Store struct {
	inner store.Store
	log   *Log // nil: nothing is audited, and AuditEvents are guarded nevertheless
	own   Source
}

var _ store.Store = (*Store)(nil)

// Around audits a store with a log, which may be nil. base is the FHIR base.
func Around(inner store.Store, log *Log, base string) *Store {
	return &Store{inner, log, Source{base}}
}

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.inner.View(ctx, fn)
}

// Glance runs fn with reads of which each sees the newest moment.
func (s *Store) Glance(ctx context.Context, fn func(store.Reader) error) error {
	return s.inner.Glance(ctx, fn)
}

// Update runs fn in a transaction.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.inner.Update(ctx, func(t store.Tx) error { return fn(&tx{t, s, ctx}) })
}

// Reindex makes versions findable by other search parameters.
func (s *Store) Reindex(ctx context.Context, r store.Reindexing) (store.Reindexed, error) {
	return s.inner.Reindex(ctx, r)
}

// Follow has the Registry of the store know what other servers made of it.
func (s *Store) Follow(learn store.Learn) { s.inner.Follow(learn) }

// Close closes the store.
func (s *Store) Close() error { return s.inner.Close() }

// Apply commits units, each with its events.
func (s *Store) Apply(ctx context.Context, units ...store.Unit) []store.Outcome {
	outcomes := make([]store.Outcome, len(units))
	var ready []store.Unit
	var at []int
	for i, u := range units {
		whole, known, err := s.told(ctx, u)
		switch {
		case err != nil:
			outcomes[i] = store.Outcome{Err: err, Failed: -1}
		case !known:
			outcomes[i] = s.alone(ctx, u)
		default:
			ready, at = append(ready, whole), append(at, i)
		}
	}
	if len(ready) == 0 {
		return outcomes
	}
	for i, o := range s.inner.Apply(ctx, ready...) {
		n := len(units[at[i]].Writes)
		if errors.Is(o.Err, store.ErrMoved) {
			o = s.alone(ctx, units[at[i]])
		}
		if o.Err == nil {
			o.Versions = o.Versions[:n]
		} else if o.Failed >= n {
			o.Failed = -1
		}
		outcomes[at[i]] = o
	}
	return outcomes
}

// alone commits a unit in a transaction of its own, which sees what it makes.
func (s *Store) alone(ctx context.Context, u store.Unit) (outcome store.Outcome) {
	err := s.Update(ctx, func(t store.Tx) error {
		outcome = store.Inside(t).Apply(ctx, u)[0]
		return outcome.Err
	})
	if err != nil && outcome.Err == nil {
		outcome = store.Outcome{Err: err, Failed: -1}
	}
	return outcome
}

// told is a unit with its events, as far as it is known before what its writes make: a
// write that would make another version then fails with ErrMoved. What is there is
// looked up for the writes that do not say it.
func (s *Store) told(ctx context.Context, u store.Unit) (whole store.Unit, known bool, err error) {
	if len(u.Writes) == 0 || s.log == nil && !touches(u.Writes) {
		return u, true, nil
	}
	there, err := s.there(ctx, u.Writes)
	if err != nil {
		return u, false, err
	}
	if err := s.guard(u.Writes, there); err != nil || s.log == nil {
		return u, true, err
	}
	whole = store.Unit{Writes: append(make([]store.Write, 0, 2*len(u.Writes)), u.Writes...), Records: u.Records}
	twice := map[fhir.Key]bool{}
	for i := range u.Writes {
		w := &whole.Writes[i]
		if twice[w.Key] {
			return u, false, nil // the second makes what only the first shows
		}
		twice[w.Key] = true
		now, ok := there[w.Key]
		live := ok && !now.Deleted
		v := store.Version{Key: w.Key, Op: w.Op, VersionID: 1}
		if w.Op != store.Create {
			v.VersionID = w.Made(now.VersionID, live)
			w.Makes = v.VersionID
		}
		if w.Op == store.Put && !live {
			v.Op = store.PutNew
		}
		e, err := s.event(ctx, w, v, now)
		if err != nil {
			return u, false, err
		}
		if e != nil {
			whole.Writes = append(whole.Writes, s.own.Writes(e)...)
		}
	}
	return whole, true, nil
}

// touches reports whether AuditEvents are among the writes.
func touches(writes []store.Write) bool {
	for i := range writes {
		if writes[i].Key.Type == store.Audited {
			return true
		}
	}
	return false
}

// there are the current versions of what is not created: a resource that changes its
// patient is about both.
func (s *Store) there(ctx context.Context, writes []store.Write) (map[fhir.Key]store.Version, error) {
	keys := lookedUp(writes)
	if len(keys) == 0 {
		return nil, nil
	}
	var there map[fhir.Key]store.Version
	err := s.inner.Glance(ctx, func(r store.Reader) (err error) {
		there, err = r.Current(keys)
		return err
	})
	return there, err
}

func lookedUp(writes []store.Write) []fhir.Key {
	var keys []fhir.Key
	for i := range writes {
		if writes[i].Op != store.Create {
			keys = append(keys, writes[i].Key)
		}
	}
	return keys
}

// guard refuses to change an AuditEvent of the server, and to write one that passes
// itself off as that.
func (s *Store) guard(writes []store.Write, there map[fhir.Key]store.Version) error {
	for i := range writes {
		w := &writes[i]
		if w.Key.Type != store.Audited {
			continue
		}
		if now, ok := there[w.Key]; ok && s.own.Made(now.Body) {
			return fhir.NotAllowed("%s was written by the server itself, and is never changed", w.Key)
		}
		if w.Op != store.Delete && s.own.Made(w.Body) {
			return fhir.Unprocessable("AuditEvent", "an AuditEvent of this server is written by the server alone: the tag %s and its source.observer are not for clients", tagSystem)
		}
	}
	return nil
}

// Made reports whether the body of an AuditEvent says that the server wrote it.
func (s Source) Made(body []byte) bool {
	if !bytes.Contains(body, []byte(tagSystem)) && !bytes.Contains(body, []byte(s.Base)) && !bytes.Contains(body, []byte(`"Vitalwire"`)) {
		return false
	}
	root, err := fhir.ParseElement(body)
	if err != nil {
		return true // what cannot be read is not to be trusted
	}
	for _, tag := range root.Path("meta", "tag").Items() {
		if tag.Get("system").Text() == tagSystem {
			return true
		}
	}
	observer := root.Path("source", "observer")
	own := s.observer()
	return observer.Path("identifier", "value").Text() == s.Base || observer.Get("reference").Text() == s.Base ||
		observer.Get("display").Text() == own.Get("display").Text()
}

// event is that of a write that makes a version; nil when it makes none.
func (s *Store) event(ctx context.Context, w *store.Write, v, before store.Version) (*Event, error) {
	kind := Update
	switch {
	case w.Op == store.Create || v.Op == store.PutNew || v.Op == store.Create:
		kind = Create
	case w.Op == store.Delete:
		kind = Delete
	case patching(ctx):
		kind = Patch
	}
	if v.VersionID <= 0 {
		return nil, nil // there was nothing to delete
	}
	e, err := begin(ctx, kind)
	if err != nil {
		return nil, err
	}
	e.What = w.Key.String() + "/_history/" + strconv.FormatInt(v.VersionID, 10)
	var about Patients
	about.Resource(w.Key, w.Body)
	about.Resource(w.Key, before.Body)
	e.Patients = about.IDs
	return e, nil
}

type patchKey struct{}

// Patching is a context in which updates are patches.
func Patching(ctx context.Context) context.Context { return context.WithValue(ctx, patchKey{}, true) }

func patching(ctx context.Context) bool { return ctx.Value(patchKey{}) != nil }

// tx is a transaction that audits what is written.
type tx struct {
	store.Tx
	s   *Store
	ctx context.Context
}

// Write performs one write.
func (t *tx) Write(w store.Write) (store.Version, error) {
	outcome := t.WriteAll([]store.Write{w})
	if outcome.Err != nil {
		return store.Version{}, outcome.Err
	}
	return outcome.Versions[0], nil
}

// WriteAll performs writes, and then writes their events.
func (t *tx) WriteAll(writes []store.Write) store.Outcome {
	if len(writes) == 0 || t.s.log == nil && !touches(writes) {
		return t.Tx.WriteAll(writes)
	}
	var there map[fhir.Key]store.Version
	if keys := lookedUp(writes); len(keys) > 0 {
		var err error
		if there, err = t.Current(keys); err != nil {
			return store.Outcome{Err: err, Failed: -1}
		}
	}
	if err := t.s.guard(writes, there); err != nil {
		return store.Outcome{Err: err, Failed: -1}
	}
	outcome := t.Tx.WriteAll(writes)
	if outcome.Err != nil || t.s.log == nil {
		return outcome
	}
	var events []store.Write
	for i := range writes {
		e, err := t.s.event(t.ctx, &writes[i], outcome.Versions[i], there[writes[i].Key])
		if err != nil {
			return store.Outcome{Err: err, Failed: -1}
		}
		if e != nil {
			events = append(events, t.s.own.Writes(e)...)
		}
	}
	if told := t.Tx.WriteAll(events); told.Err != nil {
		return store.Outcome{Err: told.Err, Failed: -1}
	}
	return outcome
}

// Expunge removes versions for ever; none of an AuditEvent.
func (t *tx) Expunge(versions []store.Version) error {
	for _, v := range versions {
		if v.Key.Type == store.Audited {
			return fhir.NotAllowed("%s is an AuditEvent, and is never removed", v.Key)
		}
	}
	return t.Tx.Expunge(versions)
}

// Explain is Search, with the plan.
func (t *tx) Explain(q *search.Query) (store.Result, store.Plan, error) {
	if x, ok := t.Tx.(store.Explainer); ok {
		return x.Explain(q)
	}
	result, err := t.Search(q)
	return result, store.Plan{}, err
}
