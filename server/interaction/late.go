package interaction

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Conditional references are resolved when the other entries are done (R4 http
// §3.1.0.11.2, step 5): they can mean a resource that the same transaction makes.
// One by an identifier is answered from the store and the entries themselves. Any
// other one whose type the transaction writes waits: the entries that have it are
// written last, when the store can answer it.

// markLate finds the conditional references that wait.
func (t *transaction) markLate() {
	if len(t.conditional) == 0 {
		return
	}
	written, patched := map[string]bool{}, map[string]bool{}
	for _, a := range t.entries {
		if a.writes() {
			written[a.Key.Type] = true
			patched[a.Key.Type] = patched[a.Key.Type] || a.Interaction == Patch
		}
	}
	for _, to := range t.conditional {
		to.late = written[to.condition.typ] && (to.condition.identifier == nil || patched[to.condition.typ])
	}
	for _, m := range t.linker.mentions {
		for _, to := range m.targets {
			if to.late {
				t.entries[m.entry].late = true
			}
		}
	}
}

// refer answers a conditional reference that need not wait.
func (t *transaction) refer(s store.Reader, to *target) error {
	own := t.own(to.condition)
	found, err := to.condition.find(s)
	if err != nil {
		return err
	}
	if len(own) > 0 && len(found) > 0 {
		// Of what the entries replace, the entries say whether it still matches.
		if found, err = to.condition.all(s, maxCount); err != nil {
			return err
		}
		written := map[fhir.Key]bool{}
		for _, a := range t.entries {
			if a.writes() {
				written[a.key] = true
			}
		}
		kept := found[:0]
		for _, v := range found {
			if !written[v.Key] {
				kept = append(kept, v)
			}
		}
		found = kept
	}
	switch {
	case len(own)+len(found) > 1:
		return fhir.ManyMatches("a conditional reference matches more than one %s", to.condition.typ)
	case len(found) == 1:
		to.key, to.version = found[0].Key, found[0].VersionID
	case len(own) == 1:
		to.key, to.version = own[0].key, own[0].version
	default:
		return noMatch(to)
	}
	return nil
}

func noMatch(to *target) error {
	return fhir.PreconditionFailed("a conditional reference matches no %s", to.condition.typ)
}

// own are the entries whose resource has the identifier of a condition.
func (t *transaction) own(c *condition) []*action {
	if c.identifier == nil {
		return nil
	}
	var list []*action
	for _, a := range t.entries {
		if a.Key.Type != c.typ || !a.writes() || a.Body == nil {
			continue
		}
		if a.identifiers == nil {
			a.identifiers = []search.Value{}
			for _, v := range t.e.Search.Extract(a.Body) {
				if v.Param.Code == "identifier" && v.By == search.ByValue {
					a.identifiers = append(a.identifiers, v)
				}
			}
		}
		for _, v := range a.identifiers {
			if v.Code == c.identifier.Value && (c.identifier.System == nil || *c.identifier.System == v.System) {
				list = append(list, a)
				break
			}
		}
	}
	return list
}

// saveLate writes the entries whose conditional references waited, in rounds: each
// writes those that can be answered by now. At the end every reference must still
// be the answer.
func (t *transaction) saveLate(ctx context.Context, tx store.Tx) error {
	waiting := map[*target]bool{}
	for _, to := range t.conditional {
		if to.late {
			waiting[to] = true
		}
	}
	left := 0
	for _, a := range t.entries {
		if a.late && a.writes() {
			left++
		}
	}
	for left > 0 {
		for to := range waiting {
			found, err := to.condition.find(tx)
			switch {
			case err != nil:
				return at(to.entry, err)
			case len(found) > 1:
				return at(to.entry, fhir.ManyMatches("a conditional reference matches more than one %s", to.condition.typ))
			case len(found) == 1:
				to.key, to.version = found[0].Key, found[0].VersionID
				delete(waiting, to)
			}
		}
		n, err := t.saveAnswered(ctx, tx, waiting)
		if err != nil {
			return err
		}
		if n == 0 {
			for _, to := range t.conditional {
				if waiting[to] {
					return at(to.entry, noMatch(to))
				}
			}
		}
		left -= n
	}
	for _, to := range t.conditional {
		if !to.late {
			continue
		}
		found, err := to.condition.find(tx)
		switch {
		case err != nil:
			return at(to.entry, err)
		case len(found) > 1:
			return at(to.entry, fhir.ManyMatches("a conditional reference matches more than one %s", to.condition.typ))
		case len(found) == 0 || found[0].Key != to.key:
			return at(to.entry, noMatch(to))
		}
	}
	return nil
}

// saveAnswered writes the entries that wait for nothing any more.
func (t *transaction) saveAnswered(ctx context.Context, tx store.Tx, waiting map[*target]bool) (n int, err error) {
	waits := map[int]bool{}
	for _, m := range t.linker.mentions {
		for _, to := range m.targets {
			waits[m.entry] = waits[m.entry] || waiting[to]
		}
	}
	ready := func(a *action) bool { return a.late && a.writes() && !a.result.Stored && !waits[a.index] }
	t.setLinks(func(m mention) bool { return ready(t.entries[m.entry]) })
	for i, a := range t.entries {
		if !ready(a) {
			continue
		}
		n++
		if a.Interaction == Update {
			if err := t.keep(ctx, a); err != nil {
				return 0, t.at(i, err)
			}
		}
	}
	return n, t.save(tx, ready)
}
