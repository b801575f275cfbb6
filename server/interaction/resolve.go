package interaction

import (
	"context"
	"slices"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/server/guard"
	"vitalwire/server/store"
)

// link finds the links of the resources written.
func (t *transaction) link(ctx context.Context, failures []error) error {
	structures, _ := t.e.Definitions()
	t.linker = linker{
		base: t.e.Base, structures: structures, roots: map[string]*definition.Element{},
		byURL: map[string]*target{}, byQuery: map[string]*target{},
		condition: func(typ, query string) (*target, error) { return t.reference(ctx, typ, query) },
	}
	for _, a := range t.entries {
		if !a.writes() {
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
		if a.when != nil && a.Interaction != Patch {
			t.linker.byQuery[a.Key.Type+"?"+a.when.text] = &a.target
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
	t.markLate()
	return joined(failures)
}

// reference is the target of a conditional reference.
func (t *transaction) reference(ctx context.Context, typ, query string) (*target, error) {
	if err := t.e.May(typ, auth.Search); err != nil {
		return nil, err
	}
	c, err := t.e.condition(ctx, typ, query, "a conditional reference")
	if err != nil {
		return nil, err
	}
	to := &target{condition: c, entry: t.linker.at}
	t.conditional = append(t.conditional, to)
	return to, nil
}

// resolve answers the conditions, reads what updates replace, and sets the links.
func (t *transaction) resolve(ctx context.Context, s store.Reader) error {
	for i, a := range t.entries {
		if a.when == nil || !(a.Interaction == Create || a.Interaction == Update || a.Interaction == Patch) {
			continue
		}
		if err := t.decide(s, a); err != nil {
			return t.at(i, err)
		}
	}
	if err := t.overlap(func(*action) bool { return true }); err != nil {
		return err
	}
	if err := t.replaced(s); err != nil {
		return err
	}
	for _, to := range t.conditional {
		if to.late {
			continue
		}
		if err := t.refer(s, to); err != nil {
			return at(to.entry, err)
		}
	}
	t.setLinks(func(m mention) bool { return !slices.ContainsFunc(m.targets, func(to *target) bool { return to.late }) })
	for i, a := range t.entries {
		if a.Interaction != Update {
			continue
		}
		if err := t.keep(ctx, a); err != nil {
			return t.at(i, err)
		}
	}
	return nil
}

// decide answers the condition of a create (R4 http §3.1.0.8.1), an update
// (§3.1.0.4.3) or a patch (§3.1.0.6.1): it gives the entry its key.
func (t *transaction) decide(s store.Reader, a *action) error {
	found, err := a.when.find(s)
	if err != nil {
		return err
	}
	a.found, a.key = nil, a.given
	if len(found) > 1 {
		return manyMatches(a.when)
	}
	switch {
	case len(found) == 1 && a.Interaction == Create:
		a.found, a.key, a.version = &found[0], found[0].Key, found[0].VersionID
		a.result.Response = Response{Stored: true, Matched: true, Version: a.found}
	case len(found) == 1:
		a.key = found[0].Key
		if a.Interaction == Update && a.Body.ID() != "" && a.Body.ID() != a.key.ID {
			return fhir.Malformed(a.Key.Type+".id", "the id in the body is not that of the %s that the condition matches", a.Key.Type).WithCode(fhir.CodeInvariant)
		}
	case a.Interaction == Patch:
		err := fhir.NotFound(a.Key)
		err.Issues[0].Text = "the condition matches no " + a.Key.Type
		return err
	case a.Interaction == Update && !t.e.reach.View(a.Key.Type, auth.Update).Whole:
		// Who cannot update all cannot tell an id that is free from one that is hidden.
		err := fhir.NotFound(a.Key)
		err.Issues[0].Text = "the condition matches no " + a.Key.Type + ", and this access token cannot create by PUT: create with POST, and with If-None-Exist to do so once"
		return err
	case a.Interaction == Update && a.Body.ID() != "":
		// An update as create, which must not fall on what the condition left out.
		v, err := guard.Writing(s).Read(a.key)
		if err == nil && !v.Deleted {
			return fhir.Conflict("%s exists, and the condition does not match it", a.key)
		}
		if err != nil && fhir.SituationOf(err) != fhir.SituationNotFound {
			return err
		}
	}
	return nil
}

// replaced reads what updates and patches replace, and foresees which versions
// will be made.
func (t *transaction) replaced(s store.Reader) error {
	var keys []fhir.Key
	for _, a := range t.entries {
		if a.Interaction == Update || a.Interaction == Patch {
			keys = append(keys, a.key)
		}
	}
	current, err := guard.Writing(s).Current(keys)
	if err != nil {
		return err
	}
	for _, a := range t.entries {
		switch {
		case a.Interaction == Update || a.Interaction == Patch:
			a.current = current[a.key]
			a.version = a.current.VersionID + 1
			if a.current.Whole != nil {
				return t.at(a.index, guard.Masked(a.key))
			}
		case a.Interaction == Create && a.found == nil:
			a.version = 1
		}
	}
	return nil
}

// keep gives an update the labels of what it replaces. Profiles that it claims by
// that are checked.
func (t *transaction) keep(ctx context.Context, a *action) error {
	kept, profiles, err := keepLabels(a.Body, a.current)
	if err != nil {
		return err
	}
	if a.body = kept; !profiles {
		return nil
	}
	r := a.Request
	r.Body = kept
	a.checked, err = t.e.check(ctx, r)
	return err
}

func (t *transaction) setLinks(which func(mention) bool) {
	for _, m := range t.linker.mentions {
		if which(m) {
			m.set()
		}
	}
}

// patch applies a patch to what it replaces, and sets the links that it brought.
func (t *transaction) patch(ctx context.Context, a *action) error {
	now, err := patched(ctx, a)
	if err != nil {
		return err
	}
	if !t.alone {
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
	}
	r := a.Request
	r.Body = now
	a.body = now
	a.checked, err = t.e.check(ctx, r)
	return err
}
