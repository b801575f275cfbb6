package interaction

import (
	"context"
	"errors"
	"slices"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// plain reports whether the writes can be told to the store all at once: what is
// to be read can be read before, and what must not change meanwhile the store
// guards.
func (t *transaction) plain() bool {
	if t.e.References == ReferencesEnforced {
		return false
	}
	deletes, conditions := false, len(t.conditional) > 0
	for _, a := range t.entries {
		switch a.Interaction {
		case Delete:
			deletes = true
			if a.when != nil {
				return false
			}
		case Create:
			if a.when != nil {
				conditions = true
				if a.when.identifier == nil {
					return false
				}
			}
		case Update:
			if a.when != nil {
				return false
			}
		default:
			return false
		}
		if a.late {
			return false
		}
	}
	return !(deletes && conditions) && !slices.ContainsFunc(t.linker.mentions, func(m mention) bool { return m.versioned })
}

// commitPlain commits by Store.Apply, which shares commits between callers. What a
// conditional reference means is read before: if its target is deleted in between,
// the reference stays, as it would had the delete come after. What an update
// replaces is read before, too, and guarded by its version. done is false when the
// transaction is not plain, or when a guard failed: then the serializable way
// decides, and says of which entry.
func (t *transaction) commitPlain(ctx context.Context) (done bool, err error) {
	if !t.plain() {
		return false, nil
	}
	if t.looks() {
		err := t.e.Store.View(ctx, func(s store.Reader) error { return t.resolve(ctx, s) })
		if err != nil {
			return true, err
		}
	}
	if t.e.References == ReferencesWarned {
		if err := t.e.Store.View(ctx, t.integrity); err != nil {
			return true, err
		}
	}
	unit, writers := t.unit(func(a *action) bool { return true })
	if len(unit.Writes) == 0 {
		return true, nil
	}
	outcome := t.e.Store.Apply(ctx, unit)[0]
	if exists := (*store.Exists)(nil); errors.As(outcome.Err, &exists) {
		return false, nil
	}
	switch fhir.SituationOf(outcome.Err) {
	case fhir.SituationPreconditionFailed, fhir.SituationConflict, fhir.SituationNotFound, fhir.SituationForbidden:
		return false, nil
	}
	if outcome.Err != nil {
		return true, outcome.Err
	}
	t.wrote(writers, outcome.Versions)
	return true, nil
}

// looks reports whether something must be read before the writes are known.
func (t *transaction) looks() bool {
	return len(t.conditional) > 0 ||
		slices.ContainsFunc(t.entries, func(a *action) bool { return a.when != nil || a.Interaction == Update })
}

// commit performs the entries inside one serializable transaction.
func (t *transaction) commit(ctx context.Context) error {
	return t.e.Store.Update(ctx, func(tx store.Tx) error {
		t.again()
		if err := t.remove(tx); err != nil {
			return err
		}
		if err := t.resolve(ctx, tx); err != nil {
			return err
		}
		for i, a := range t.entries {
			if a.Interaction != Patch {
				continue
			}
			if err := t.patch(ctx, a); err != nil {
				return t.at(i, err)
			}
		}
		if err := t.save(tx, func(a *action) bool { return a.writes() && !a.late }); err != nil {
			return err
		}
		if err := t.saveLate(ctx, tx); err != nil {
			return err
		}
		if err := t.integrity(tx); err != nil {
			return err
		}
		return t.rest(ctx, tx)
	})
}

// again forgets what an earlier attempt at the same transaction found.
func (t *transaction) again() {
	for _, a := range t.entries {
		a.key, a.version, a.found, a.current, a.body = a.given, 0, nil, store.Version{}, nil
		a.warned, a.result = nil, Result{}
	}
}

// remove performs the deletes, after all their conditions were answered.
func (t *transaction) remove(tx store.Tx) error {
	for i, a := range t.entries {
		if a.Interaction == Delete && a.when != nil {
			if err := t.findRemoved(tx, a); err != nil {
				return t.at(i, err)
			}
		}
	}
	if err := t.overlap(func(a *action) bool { return a.Interaction == Delete }); err != nil {
		return err
	}
	for _, a := range t.entries {
		if a.Interaction == Delete && len(a.removes) == 0 {
			a.removed(nil)
		}
	}
	return t.save(tx, func(a *action) bool { return a.Interaction == Delete })
}

// save writes entries in the order of R4, all at once.
func (t *transaction) save(tx store.Tx, which func(*action) bool) error {
	unit, writers := t.unit(which)
	outcome := tx.WriteAll(unit.Writes)
	switch {
	case outcome.Err == nil:
		t.wrote(writers, outcome.Versions)
		return nil
	case outcome.Failed < 0:
		return outcome.Err
	}
	return t.at(writers[outcome.Failed].index, refused(outcome.Err))
}

// unit is the writes of entries in the order of R4, and the entry of each.
func (t *transaction) unit(which func(*action) bool) (unit store.Unit, writers []*action) {
	made := make([]store.Write, len(t.entries))
	t.each(func(i int) {
		if a := t.entries[i]; a.writes() && which(a) {
			made[i] = t.made(a)
		}
	})
	for order := range stepCall {
		for i, a := range t.entries {
			if step(a.Request) != order || !which(a) {
				continue
			}
			if a.writes() {
				unit.Writes, writers = append(unit.Writes, made[i]), append(writers, a)
			}
			for _, key := range a.removes {
				unit.Writes = append(unit.Writes, store.Write{Op: store.Delete, Key: key, IfMatch: a.write.IfMatch})
				writers = append(writers, a)
			}
		}
	}
	return unit, writers
}

// made is the write of an entry, with its links as they are set.
func (t *transaction) made(a *action) store.Write {
	if a.Interaction == Create {
		write := t.e.newWrite(store.Create, a.key, a.resource())
		if a.when != nil {
			write.Unless = a.when.identifier
		}
		return write
	}
	write := t.e.newWrite(store.Put, a.key, a.resource())
	write.IfMatch, write.IfAbsent = a.write.IfMatch, a.write.IfAbsent
	switch {
	case write.IfMatch != 0:
	case a.current.VersionID != 0:
		// What was read to make this is what it replaces.
		write.IfMatch = a.current.VersionID
	default:
		write.IfAbsent = true
	}
	return write
}

// wrote keeps the answers to writes.
func (t *transaction) wrote(writers []*action, versions []store.Version) {
	for len(writers) > 0 {
		a := writers[0]
		n := 1
		if a.Interaction == Delete {
			n = len(a.removes)
		}
		of := versions[:n]
		writers, versions = writers[n:], versions[n:]
		if a.Interaction == Delete {
			a.removed(of)
			continue
		}
		v := of[0]
		a.version = v.VersionID
		a.result.Response = Response{Created: v.Op == store.Create || v.Op == store.PutNew, Stored: true, Version: &v}
	}
}

// rest performs what does not write resources by itself: operations, then what
// reads. All see what the transaction wrote.
func (t *transaction) rest(ctx context.Context, tx store.Tx) error {
	inner := *t.e
	inner.Store = store.Inside(tx)
	for order := stepCall; order <= stepRead; order++ {
		for i, a := range t.entries {
			if step(a.Request) != order {
				continue
			}
			response, err := inner.Do(ctx, a.Request)
			if err != nil {
				return t.at(i, err)
			}
			a.result.Response = response
		}
	}
	return nil
}
