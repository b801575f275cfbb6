package guard

import (
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/consents"
	"vitalwire/server/store"
)

// tx is a store.Tx that hides, and judges what is written.
type tx struct {
	*reader
	below store.Tx
}

func (g *guard) tx(t store.Tx) *tx { return &tx{g.reader(t), t} }

// right is what a write takes: an update that creates takes no more than an update
// (SMART 2.2).
func right(op store.Op) auth.Right {
	switch op {
	case store.Create:
		return auth.Create
	case store.Delete:
		return auth.Delete
	case store.Put, store.PutNew:
	}
	return auth.Update
}

// free reports whether nothing of a unit need be judged by what is there.
func (g *guard) free(u store.Unit, ruling *consents.Ruling) bool {
	for i := range u.Writes {
		if !g.freely(&u.Writes[i], ruling) {
			return false
		}
	}
	return len(u.Records) == 0
}

// freely reports whether a write is allowed whatever is there, and what its
// preconditions find may be told.
func (g *guard) freely(w *store.Write, ruling *consents.Ruling) bool {
	if g.mask != nil && (w.Op == store.Put || w.Unless != nil) {
		return false
	}
	typ := w.Key.Type
	free := g.reach.View(typ, right(w.Op)).Whole && (w.Unless == nil || g.agreed(ruling, typ, g.reach.View(typ, auth.Search)).Whole)
	if !free || ruling == nil {
		return free
	}
	// Nothing is hidden from who makes something new, but not all may be collected.
	return typ != consent && (typ != binary || w.Op == store.Create) && !ruling.Collecting() && (w.Op == store.Create || ruling.View(typ).Whole)
}

// Write performs one write.
func (t *tx) Write(w store.Write) (store.Version, error) {
	outcome := t.WriteAll([]store.Write{w})
	if outcome.Err != nil {
		return store.Version{}, outcome.Err
	}
	return outcome.Versions[0], nil
}

// WriteAll performs writes in order. What is hidden is, to a write, not there: a
// delete of it does nothing, an update is a 404, like that of an id nobody has. So
// who may not update all cannot create by an update; he creates.
func (t *tx) WriteAll(writes []store.Write) store.Outcome {
	made := make([]store.Version, len(writes))
	var allowed []store.Write
	var at []int
	flush := func() *store.Outcome {
		if len(allowed) == 0 {
			return nil
		}
		outcome := t.below.WriteAll(allowed)
		if outcome.Err != nil {
			if outcome.Failed >= 0 {
				outcome.Failed = at[outcome.Failed]
			}
			return &outcome
		}
		if outcome = t.maskedOutcome(outcome); outcome.Err != nil {
			return &outcome
		}
		for i, v := range outcome.Versions {
			made[at[i]] = v
		}
		allowed, at = nil, nil
		return nil
	}
	touched := map[fhir.Key]bool{}
	for i, w := range writes {
		if !t.freely(&w, t.ruling) {
			if touched[w.Key] || w.Unless != nil {
				// It is judged by what was written before.
				if failed := flush(); failed != nil {
					return *failed
				}
			}
			gone, err := t.allow(&w)
			if err != nil {
				return store.Outcome{Err: t.named(err, i), Failed: i}
			}
			if gone {
				continue
			}
		}
		touched[w.Key] = true
		allowed, at = append(allowed, w), append(at, i)
	}
	if failed := flush(); failed != nil {
		return *failed
	}
	return store.Outcome{Versions: made}
}

// named gives an error of a write its place in the unit.
func (t *tx) named(err error, i int) error {
	if exists, ok := err.(*store.Exists); ok { //nolint:errorlint // made here, never wrapped
		exists.Write = i
	}
	return err
}

// allow judges a write by what is there. gone: to the caller nothing is, and a delete
// has nothing to do.
func (t *tx) allow(w *store.Write) (gone bool, err error) {
	if w.Unless != nil {
		found, err := t.Holders(w.Key.Type, *w.Unless)
		if err != nil {
			return false, err
		}
		if len(found) > 0 {
			return false, &store.Exists{Matches: found}
		}
		w.Unless = nil
	}
	change := auth.Change{Key: w.Key, Right: right(w.Op)}
	if w.Op != store.Create {
		before, err := t.before(w)
		switch {
		case err != nil:
			return false, err
		case before == nil && w.Op == store.Delete && w.IfMatch != 0:
			return false, fhir.PreconditionFailed("version %d of %s is not the current one", w.IfMatch, w.Key)
		case before == nil && w.Op == store.Delete:
			return true, nil
		case before == nil:
			// Else a free id and a hidden one would be told apart.
			if view, err := t.view(w.Key.Type, change.Right); err != nil || !view.Whole {
				return false, or(err, unknown(w))
			}
		}
		change.Before = before
	}
	if before := change.Before; before != nil && w.Op == store.Put && t.mask != nil {
		if err := t.unmasked(w.Key); err != nil {
			return false, err
		}
	}
	if w.Op != store.Delete {
		if change.After, err = t.after(w); err != nil {
			return false, err
		}
	}
	ok, err := t.reach.Allows(change)
	switch {
	case err != nil:
		return false, err
	case !ok:
		return false, fhir.Forbidden("the access token does not reach what this would change, or what it would become")
	case t.ruling == nil:
		return false, nil
	}
	return false, t.agrees(change)
}

// unknown is the error of an update of what to the caller is not there. What an id of his own
// could be taken for, he is told; not whether it is taken.
func unknown(w *store.Write) error {
	err := fhir.NotFound(w.Key)
	if w.IfMatch == 0 {
		err.Issues[0].Text = w.Key.String() + " is not known, and this access token cannot create by PUT: create with POST, and with If-None-Exist to do so once"
	}
	return err
}

// agrees refuses what a patient lets nobody record, and a Consent of who may not give it.
func (t *tx) agrees(c auth.Change) error {
	if c.Key.Type == consent {
		if !t.reach.Consents(c) {
			return fhir.Forbidden("a Consent is recorded by the patient, a privacy officer or an administrator, or by a backend service whose scope names Consent")
		}
		return nil
	}
	if c.After == nil {
		return nil
	}
	ok, refuses, err := t.ruling.Collects(c.After)
	if err == nil && !ok {
		t.witness.Refused(refuses)
		err = fhir.Forbidden("the patient does not agree to this being recorded")
	}
	return err
}

// before is what a write replaces, nil when to the caller there is nothing.
func (t *tx) before(w *store.Write) (*search.Subject, error) {
	v, err := t.below.Read(w.Key)
	if err != nil || v.Deleted {
		return nil, missing(err)
	}
	ok, err := t.sees(v, nil, t.many|right(w.Op))
	if err == nil {
		err = t.witnessed(v, t.many|right(w.Op), ok)
	}
	if !ok || err != nil {
		return nil, err
	}
	return t.subject(v)
}

// after is what a write would leave. Its values are made anew: nothing but the body
// says what it is.
func (t *tx) after(w *store.Write) (*search.Subject, error) {
	return t.subject(store.Version{Key: w.Key, Body: w.Body, Position: time.Now().UnixMicro()})
}

// PutRecord is of the server's own books.
func (t *tx) PutRecord(store.RecordWrite) error { return errBooks }

// Expunge is for who may do everything.
func (t *tx) Expunge(versions []store.Version) error {
	if !t.reach.Open() {
		return errBooks
	}
	return t.below.Expunge(versions)
}
