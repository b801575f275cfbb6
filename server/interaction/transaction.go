package interaction

import (
	"context"
	"errors"
	"slices"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// transaction is the work of one transaction bundle (R4 http §3.1.0.11).
type transaction struct {
	e       *Engine
	entries []*action
	linker  linker
	// conditional are the targets of conditional references.
	conditional []*target
}

// action is an entry with what becomes of it.
type action struct {
	entry
	target // what links to the entry point at

	fresh  fhir.Key   // of a create: the key it gets unless it matches
	unless *condition // of a conditional create
	found  *store.Version
	// write has the preconditions of an update or delete; patched is what a patch
	// came to.
	write   store.Write
	patched *fhir.Resource
	result  Result
}

// transaction performs all entries or none. Whatever the order of the bundle,
// DELETE comes first, then POST, then PUT and PATCH, then GET (R4 http
// §3.1.0.11.2).
func (e *Engine) transaction(ctx context.Context, entries []entry) ([]Result, error) {
	t := &transaction{e: e, entries: make([]*action, len(entries))}
	for i := range entries {
		t.entries[i] = &action{entry: entries[i], result: Result{Head: entries[i].head}}
	}
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	done, err := t.commitPlain(ctx)
	if !done && err == nil {
		err = t.commit(ctx)
	}
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(t.entries))
	for i, a := range t.entries {
		if a.result.Stored && !a.result.Matched || a.Interaction == Delete {
			e.wrote(a.key)
		}
		results[i] = a.result
	}
	return results, nil
}

// prepare does what needs no store: it gives ids, finds the links between the
// entries and validates the resources, with links already in place.
func (t *transaction) prepare(ctx context.Context) error {
	failures := make([]error, len(t.entries))
	for i, a := range t.entries {
		failures[i] = t.identify(a)
	}
	if err := joined(failures); err != nil {
		return err
	}
	if err := t.distinct(); err != nil {
		return err
	}
	if err := t.link(failures); err != nil {
		return err
	}
	for _, m := range t.linker.mentions {
		if m.targets[0].condition == nil {
			m.set()
		}
	}
	for i, a := range t.entries {
		if a.Body != nil {
			a.result.Issues, failures[i] = t.e.check(ctx, a.Request)
		}
	}
	return joined(failures)
}

// identify gives an entry the key of what it writes.
func (t *transaction) identify(a *action) (err error) {
	a.key, a.target.entry = a.Key, a.index
	switch a.Interaction {
	case Create:
		if a.fresh.ID, err = NewID(); err != nil {
			return err
		}
		a.fresh.Type = a.Key.Type
		a.key = a.fresh
		if a.IfNoneExist != "" {
			c, err := t.e.condition(a.Key.Type, a.IfNoneExist, "ifNoneExist")
			if err != nil {
				return err
			}
			a.unless = &c
		}
	case Update:
		a.write, err = putConditions(a.Request)
	case Delete:
		a.write, err = deleteWrite(a.Request)
	}
	return err
}

// distinct refuses entries that change one resource twice, and two of one
// fullUrl (R4 http §3.1.0.11.2; R4 bundle, bdl-7).
func (t *transaction) distinct() error {
	changed, conditions, urls := map[fhir.Key]int{}, map[string]int{}, map[string]int{}
	for i, a := range t.entries {
		if step(a.Interaction) == 3 {
			continue
		}
		if first, twice := changed[a.key]; twice {
			return at(i, fhir.Malformed("request", "entry %d changes %s too; a transaction changes a resource once", first, a.key).WithCode(fhir.CodeInvalid))
		}
		changed[a.key] = i
		if a.unless != nil {
			condition := a.Key.Type + "?" + a.IfNoneExist
			if first, twice := conditions[condition]; twice {
				return at(i, fhir.Malformed("request.ifNoneExist", "entry %d has the same ifNoneExist; make one entry of them", first).WithCode(fhir.CodeDuplicate))
			}
			conditions[condition] = i
		}
		if a.fullURL == "" || a.Interaction == Delete {
			continue
		}
		if first, twice := urls[a.fullURL]; twice {
			return at(i, fhir.Malformed("fullUrl", "entry %d has the same fullUrl", first).WithCode(fhir.CodeDuplicate))
		}
		urls[a.fullURL] = i
	}
	return nil
}

// plain reports whether the writes can be told to the store all at once: what is
// to be read can be read before, and what must not change meanwhile the store
// guards.
func (t *transaction) plain() bool {
	deletes, conditions := false, len(t.conditional) > 0
	for _, a := range t.entries {
		switch a.Interaction {
		case Delete:
			deletes = true
		case Create:
			if a.unless != nil {
				conditions = true
				if a.unless.identifier == nil {
					return false
				}
			}
		case Update:
		default:
			return false
		}
	}
	return !(deletes && conditions) && !slices.ContainsFunc(t.linker.mentions, func(m mention) bool { return m.versioned })
}

// commitPlain commits by Store.Apply, which shares commits between callers. What a
// conditional reference means is read before: if its target is deleted in between,
// the reference stays, as it would had the delete come after. done
// is false when the transaction is not plain, or when a precondition failed: then
// the serializable way decides, and says of which entry.
func (t *transaction) commitPlain(ctx context.Context) (done bool, err error) {
	if !t.plain() {
		return false, nil
	}
	if len(t.conditional) > 0 || slices.ContainsFunc(t.entries, func(a *action) bool { return a.unless != nil }) {
		if err := t.e.Store.View(ctx, t.resolve); err != nil {
			return true, err
		}
	}
	var unit store.Unit
	var writers []*action
	for order := range 3 {
		for _, a := range t.entries {
			if step(a.Interaction) != order || a.found != nil {
				continue
			}
			unit.Writes = append(unit.Writes, t.made(a))
			writers = append(writers, a)
		}
	}
	if len(unit.Writes) == 0 {
		return true, nil
	}
	outcome := t.e.Store.Apply(ctx, unit)[0]
	if exists := (*store.Exists)(nil); errors.As(outcome.Err, &exists) {
		return false, nil
	}
	switch fhir.SituationOf(outcome.Err) {
	case fhir.SituationPreconditionFailed, fhir.SituationConflict:
		return false, nil
	}
	if outcome.Err != nil {
		return true, outcome.Err
	}
	for i, a := range writers {
		a.wrote(outcome.Versions[i])
	}
	return true, nil
}

// commit performs the entries one by one inside one serializable transaction.
func (t *transaction) commit(ctx context.Context) error {
	return t.e.Store.Update(ctx, func(tx store.Tx) error {
		if err := t.perform(tx, func(a *action) bool { return a.Interaction == Delete }); err != nil {
			return err
		}
		if err := t.resolve(tx); err != nil {
			return err
		}
		for i, a := range t.entries {
			if a.Interaction != Patch {
				continue
			}
			if err := t.patch(ctx, tx, a); err != nil {
				return at(i, err)
			}
		}
		if err := t.perform(tx, func(a *action) bool { return a.Interaction == Create && a.found == nil }); err != nil {
			return err
		}
		if err := t.perform(tx, func(a *action) bool { return a.Interaction == Update || a.Interaction == Patch }); err != nil {
			return err
		}
		for i, a := range t.entries {
			if step(a.Interaction) < 3 {
				continue
			}
			response, err := t.e.look(tx, a.Request)
			if err != nil {
				return at(i, err)
			}
			a.result.Response = response
		}
		return nil
	})
}

func (t *transaction) perform(tx store.Tx, which func(*action) bool) error {
	for i, a := range t.entries {
		if !which(a) {
			continue
		}
		v, err := tx.Write(t.made(a))
		if err != nil {
			return at(i, refused(err))
		}
		a.wrote(v)
	}
	return nil
}

// made is the write of an entry, with its links as they are set.
func (t *transaction) made(a *action) store.Write {
	switch a.Interaction {
	case Create:
		write := t.e.newWrite(store.Create, a.fresh, a.Body)
		if a.unless != nil {
			write.Unless = a.unless.identifier
		}
		return write
	case Update, Patch:
		body := a.Body
		if a.patched != nil {
			body = a.patched
		}
		write := t.e.newWrite(store.Put, a.Key, body)
		write.IfMatch, write.IfAbsent = a.write.IfMatch, a.write.IfAbsent
		return write
	}
	return a.write
}

// wrote keeps the answer to a write.
func (a *action) wrote(v store.Version) {
	switch {
	case a.Interaction != Delete:
		a.result.Response = Response{Created: v.Op == store.Create || v.Op == store.PutNew, Stored: true, Version: &v, Issues: a.result.Issues}
	case v.VersionID > 0:
		a.result.Response = Response{Version: &v}
	}
}
