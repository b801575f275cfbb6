package interaction

import (
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/guard"
	"vitalwire/server/store"
)

// References says what becomes of a write that leaves a reference to what is not
// there (referential integrity).
type References string

// The ways; the zero value is ReferencesOff.
const (
	ReferencesOff      References = "off"     // it is taken
	ReferencesWarned   References = "warn"    // it is taken, with a warning
	ReferencesEnforced References = "enforce" // it is refused: 422, a delete 409
)

// policy lists the reference-handling-policies of the CapabilityStatement.
func (r References) policy() *fhir.Element {
	list := fhir.NewArray(fhir.NewString("literal"), fhir.NewString("logical"))
	if r == ReferencesEnforced {
		list.Append(fhir.NewString("enforced"))
	}
	return list
}

// integrity looks for references to local resources that are not there, in what
// the transaction writes, and to what it deletes. What the transaction itself
// makes is there, what it deletes is not. It must be called inside the
// transaction, after its writes, when a reference is to be refused.
func (t *transaction) integrity(s store.Reader) error {
	if t.e.References != ReferencesWarned && t.e.References != ReferencesEnforced {
		return nil
	}
	own := map[fhir.Key]*action{}
	gone := map[fhir.Key]bool{}
	for _, a := range t.entries {
		for _, key := range a.removes {
			gone[key] = true
		}
		if a.writes() {
			own[a.key] = a
		}
	}
	var keys []fhir.Key
	links := make([][]place, len(t.entries))
	for i, a := range t.entries {
		if !a.writes() || a.resource() == nil {
			continue // a patch that is not applied yet
		}
		links[i] = t.e.places(a.resource())
		for _, p := range links[i] {
			keys = append(keys, p.to.Key)
		}
	}
	current, err := t.looking(s).Current(keys)
	if err != nil {
		return err
	}
	failures := make([]error, len(t.entries))
	for i, a := range t.entries {
		for _, p := range links[i] {
			there, err := present(t.looking(s), p.to, own, gone, current)
			if err != nil {
				return err
			}
			if !there {
				failures[i] = t.missed(a, failures[i], p)
			}
		}
		there, err := guard.Writing(s).Current(a.removes)
		if err != nil {
			return err
		}
		for _, key := range a.removes {
			if _, ok := there[key]; !ok {
				continue // there was nothing to delete, so nothing is missed
			}
			by, err := t.e.referrer(guard.Raw(s), key, own, gone) // what is hidden must not be left dangling
			if err != nil {
				return err
			}
			if by.ID != "" {
				if failures[i], err = t.held(s, a, key, by); err != nil {
					return err
				}
			}
		}
	}
	return t.joined(failures)
}

// missed tells of a reference to what is not there.
func (t *transaction) missed(a *action, before error, p place) error {
	err := fhir.Unprocessable(p.expression, "%s is referred to, but is not on this server", p.to.Key).WithCode(fhir.CodeNotFound)
	if t.e.References == ReferencesWarned {
		err.Issues[0].Severity = fhir.Warning
		a.warned = append(a.warned, err.Issues[0])
		return nil
	}
	if known, ok := before.(*fhir.Error); ok { //nolint:errorlint // made here, never wrapped
		known.Issues = append(known.Issues, err.Issues...)
		return known
	}
	return err
}

// looking is the reader that says whether a target is there. Who is confined to one
// patient must not find out others by referring to them. For everybody else a target
// counts as there also where no scope names its type: a gateway may store what is of
// a patient whom it cannot read.
func (t *transaction) looking(s store.Reader) store.Reader {
	if t.e.reach.Confined() {
		return s
	}
	return guard.Raw(s)
}

// held tells that what is deleted is still referred to, and by what if the caller may
// see that.
func (t *transaction) held(s store.Reader, a *action, key, by fhir.Key) (refused, failed error) {
	seen, failed := s.Current([]fhir.Key{by})
	if failed != nil {
		return nil, failed
	}
	what := "another resource"
	if _, ok := seen[by]; ok {
		what = by.String()
	}
	err := fhir.Conflict("%s is referred to by %s", key, what)
	if t.e.References == ReferencesWarned {
		err.Issues[0].Severity = fhir.Warning
		a.warned = append(a.warned, err.Issues[0])
		return nil, nil
	}
	return err, nil
}

// present reports whether the resource, or the version of it, that a reference
// names is there.
func present(s store.Reader, to fhir.Reference, own map[fhir.Key]*action, gone map[fhir.Key]bool, current map[fhir.Key]store.Version) (bool, error) {
	a := own[to.Key]
	if to.Version == "" {
		v, known := current[to.Key]
		return a != nil || known && !v.Deleted && !gone[to.Key], nil
	}
	n, err := strconv.ParseInt(to.Version, 10, 64)
	if err != nil || n < 1 {
		return false, nil //nolint:nilerr // what cannot be read refers to nothing
	}
	if a != nil && a.version == n {
		return true, nil
	}
	v, err := s.ReadVersion(to.Key, n)
	if fhir.SituationOf(err) == fhir.SituationNotFound && err != nil {
		return false, nil //nolint:nilerr // what cannot be read refers to nothing
	}
	return !v.Deleted, err
}

// place is a literal reference to a local resource, and where it stands.
type place struct {
	to         fhir.Reference
	expression string
}

// places lists the literal references of a resource to local ones: logical
// references, those into itself and those to other servers are not of them.
func (e *Engine) places(r *fhir.Resource) []place {
	var list []place
	var walk func(at *fhir.Element, path string)
	walk = func(at *fhir.Element, path string) {
		if text := at.Get("reference"); text.Is(fhir.String) {
			to := fhir.ParseReference(text.Text())
			if to.Key.ID != "" && (to.Base == "" || to.Base == e.Base) {
				list = append(list, place{to, path + ".reference"})
			}
		}
		for _, m := range at.Members() {
			switch {
			case m.Value.Is(fhir.Object):
				if m.Value.Get("resourceType").Text() != "Bundle" {
					walk(m.Value, path+"."+m.Name)
				}
			case m.Value.Is(fhir.Array):
				for i, item := range m.Value.Members() {
					if item.Value.Is(fhir.Object) {
						walk(item.Value, path+"."+m.Name+"["+strconv.Itoa(i)+"]")
					}
				}
			}
		}
	}
	if r.Type() != "Bundle" { // its entries refer to each other
		walk(r.Root(), r.Type())
	}
	return list
}

// referrer is a resource that refers to another one; its ID is "" when there is
// none. Only references that a search parameter finds are known.
func (e *Engine) referrer(s store.Reader, key fhir.Key, own map[fhir.Key]*action, gone map[fhir.Key]bool) (fhir.Key, error) {
	for _, typ := range fhir.ResourceTypes() {
		if !Served(typ) || typ == "AuditEvent" { // what was done stays told when it is gone
			continue
		}
		for _, p := range e.Search.Params(typ) {
			if p.Type != search.ReferenceType || !mayTarget(p, key.Type) {
				continue
			}
			result, err := s.Search(&search.Query{Type: typ, Sight: search.Everything, Count: len(own) + len(gone) + 1, Filter: []search.Clause{{
				Param: p, Operands: []search.Operand{{Target: search.Target{Type: key.Type, ID: key.ID}}},
			}}})
			if err != nil {
				return fhir.Key{}, err
			}
			for _, v := range result.Matches {
				a := own[v.Key]
				if v.Key != key && !gone[v.Key] && (a == nil || a.result.Stored) {
					return v.Key, nil
				}
			}
		}
	}
	return fhir.Key{}, nil
}

func mayTarget(p *search.Param, typ string) bool {
	for _, t := range p.Targets {
		if t == typ {
			return true
		}
	}
	return len(p.Targets) == 0
}

// localise makes absolute references to this server relative, so that they are
// found, and stay good when its address changes.
func (e *Engine) localise(root *fhir.Element) {
	if text := root.Get("reference"); text.Is(fhir.String) {
		if rest, ok := strings.CutPrefix(text.Text(), e.Base+"/"); ok {
			if _, ok := fhir.ParseKey(rest); ok {
				*text = *fhir.NewString(rest)
			}
		}
	}
	for _, m := range root.Members() {
		e.localise(m.Value)
	}
}
