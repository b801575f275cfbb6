package interaction

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/server/store"
)

// link finds the links of the resources written.
func (t *transaction) link(failures []error) error {
	structures, _ := t.e.Definitions()
	t.linker = linker{
		base: t.e.Base, structures: structures, roots: map[string]*definition.Element{},
		byURL: map[string]*target{}, byQuery: map[string]*target{}, condition: t.reference,
	}
	for _, a := range t.entries {
		if a.Interaction != Create && a.Interaction != Update && a.Interaction != Patch {
			continue
		}
		if a.fullURL != "" {
			t.linker.byURL[a.fullURL] = &a.target
			if a.Body != nil {
				if version := a.Body.Path("meta", "versionId").Text(); version != "" {
					t.linker.byURL[a.fullURL+"/_history/"+version] = &a.target
				}
			}
		}
		if a.unless != nil {
			t.linker.byQuery[a.Key.Type+"?"+a.IfNoneExist] = &a.target
		}
	}
	for i, a := range t.entries {
		if a.Body == nil {
			continue
		}
		t.linker.err = nil
		t.linker.at = i
		t.linker.resource(a.Body.Root(), a.fullURL)
		failures[i] = t.linker.err
	}
	return joined(failures)
}

// reference is the target of a conditional reference.
func (t *transaction) reference(typ, query string) (*target, error) {
	c, err := t.e.condition(typ, query, "a conditional reference")
	if err != nil {
		return nil, err
	}
	to := &target{condition: &c, entry: t.linker.at}
	t.conditional = append(t.conditional, to)
	return to, nil
}

// resolve answers the conditions and sets the links.
func (t *transaction) resolve(s store.Reader) error {
	for i, a := range t.entries {
		if a.unless == nil {
			continue
		}
		found, err := a.unless.find(s)
		if err != nil {
			return at(i, err)
		}
		a.found, a.key = nil, a.fresh
		issues := a.result.Issues
		a.result = Result{Head: a.head}
		a.result.Issues = issues
		switch len(found) {
		case 0:
		case 1:
			a.found, a.key, a.version = &found[0], found[0].Key, found[0].VersionID
			a.result.Response = Response{Stored: true, Matched: true, Version: a.found}
		default:
			return at(i, manyMatches(a.Key.Type))
		}
	}
	for _, to := range t.conditional {
		found, err := to.condition.find(s)
		if err != nil {
			return at(to.entry, err)
		}
		switch len(found) {
		case 0:
			return at(to.entry, fhir.PreconditionFailed("a conditional reference matches no %s", to.condition.typ))
		case 1:
			to.key, to.version = found[0].Key, found[0].VersionID
		default:
			return at(to.entry, fhir.ManyMatches("a conditional reference matches more than one %s", to.condition.typ))
		}
	}
	return t.setLinks(s)
}

// setLinks sets all links, and first reads which versions will be made where a
// link names one.
func (t *transaction) setLinks(s store.Reader) error {
	for _, m := range t.linker.mentions {
		if m.versioned {
			if err := t.foresee(s, m.targets[0]); err != nil {
				return err
			}
		}
		m.set()
	}
	return nil
}

func (t *transaction) foresee(s store.Reader, to *target) error {
	if to.condition != nil || t.entries[to.entry].found != nil {
		return nil
	}
	v, err := s.Read(to.key)
	if err != nil && fhir.SituationOf(err) != fhir.SituationNotFound {
		return at(to.entry, err)
	}
	to.version = v.VersionID + 1
	return nil
}

// patch applies a patch, and sets the links that it brought.
func (t *transaction) patch(ctx context.Context, s store.Reader, a *action) error {
	now, v, err := t.e.patchedResource(ctx, s, a.Request)
	if err != nil {
		return err
	}
	l := t.linker
	l.mentions, l.err = nil, nil
	l.condition = func(typ, _ string) (*target, error) {
		return nil, fhir.Unprocessable("", "a patch cannot bring a conditional reference to %s", typ)
	}
	l.resource(now.Root(), a.fullURL)
	if l.err != nil {
		return l.err
	}
	for _, m := range l.mentions {
		m.versioned = false
		m.set()
	}
	r := a.Request
	r.Body = now
	if a.result.Issues, err = t.e.check(ctx, r); err != nil {
		return err
	}
	a.patched = now
	a.write = store.Write{Op: store.Put, Key: a.Key, IfMatch: v.VersionID}
	return nil
}
