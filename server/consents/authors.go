package consents

import (
	"maps"
	"slices"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// authorship is who counts as the author of what, where Consents name authors
// (data.meaning authoredby).
type authorship map[authorOf][]fhir.Key

type authorOf struct {
	named   fhir.Key
	permits bool
}

// of is consent.Compiler.Authors.
func (a authorship) of(key fhir.Key, permits bool) ([]fhir.Key, bool) {
	if !employed(key.Type) {
		return []fhir.Key{key}, true
	}
	list, known := a[authorOf{key, permits}]
	if !known || len(list) > mostAuthors {
		return []fhir.Key{key}, false
	}
	return list, true
}

// Bounds: of how many authors one may be made up, how many PractitionerRoles are looked at
// to know them, and how many are asked for at once. What is beyond is not known, and denies.
const (
	mostAuthors = 2_000
	mostRoles   = 50_000
	rolesAtOnce = 100
)

// employed reports whether others may act for a resource of a type, or it for others.
func employed(typ string) bool {
	return typ == "Organization" || typ == "Practitioner" || typ == practitionerRole
}

const practitionerRole = "PractitionerRole"

// authored are the authors that are known, as of Marks.Consents, and of a position of the feed up to
// which no role was written that they do not know of.
type authored struct {
	authorship
	mark, position int64
}

// authorship is that of all Consents that are known, kept until one of them or a role changes
// (store.IsConsent); kept is false for one of an older moment. The caller holds mu.
func (b *Book) authorship(r store.Reader) (of authorship, kept bool, err error) {
	if b.authored.authorship != nil && b.authored.mark == b.mark {
		return b.authored.authorship, true, nil
	}
	var named []fhir.Key
	for _, c := range b.classes {
		for _, p := range c.policies {
			named = append(named, p.Authors()...)
		}
	}
	if named = slices.DeleteFunc(named, func(key fhir.Key) bool { return !employed(key.Type) }); len(named) == 0 {
		b.authored = authored{authorship{}, b.mark, -1}
		return b.authored.authorship, true, nil
	}
	position, err := r.Position()
	if err != nil {
		return nil, false, err
	}
	known := authorship{}
	if before := b.authored; before.position >= 0 && before.position <= position {
		changed, err := r.Versions(store.Selection{Type: practitionerRole, Above: before.position, Oldest: true}, 1)
		if err != nil {
			return nil, false, err
		}
		if len(changed) == 0 && before.authorship != nil {
			known = before.authorship
		}
	}
	unknown := slices.DeleteFunc(named, func(key fhir.Key) bool { _, is := known[authorOf{key, true}]; return is })
	made, err := b.authorsOf(r, unknown)
	if err != nil {
		return nil, false, err
	}
	maps.Copy(made, known)
	marks, err := r.Marks()
	if err != nil || marks.Consents != b.mark {
		return made, false, err
	}
	b.authored = authored{made, b.mark, position}
	return made, true, nil
}

// authorsOf finds who counts as the authors that are named.
func (b *Book) authorsOf(r store.Reader, named []fhir.Key) (authorship, error) {
	made := authorship{}
	by, seen := map[string][]fhir.Key{}, map[fhir.Key]bool{}
	for _, key := range named {
		if employed(key.Type) && !seen[key] {
			seen[key] = true
			by[key.Type] = append(by[key.Type], key)
		}
	}
	if len(by) == 0 {
		return made, nil
	}
	w := &work{b: b, r: r, roles: map[fhir.Key]consent.Role{}}
	err := w.by("organization", by["Organization"])
	if err == nil {
		err = w.by("practitioner", by["Practitioner"])
	}
	if err == nil {
		err = w.named(by[practitionerRole])
	}
	if err == nil { // what else those do who work there
		err = w.by("practitioner", w.practitioners())
	}
	if err != nil || len(w.roles) > mostRoles {
		return made, err
	}
	roles := w.about()
	for typ, keys := range by {
		for _, key := range keys {
			for _, permits := range []bool{false, true} {
				made[authorOf{key, permits}] = consent.StandIns(key, permits, roles(typ, key))
			}
		}
	}
	return made, nil
}

// work gathers PractitionerRoles.
type work struct {
	b     *Book
	r     store.Reader
	roles map[fhir.Key]consent.Role
}

// by gathers those that refer to some resources by a parameter.
func (w *work) by(code string, to []fhir.Key) error {
	p := w.b.Search.Lookup(practitionerRole, code)
	if p == nil || p.Type != search.ReferenceType {
		return nil
	}
	for some := range slices.Chunk(to, rolesAtOnce) {
		clause := search.Clause{Param: p}
		for _, key := range some {
			clause.Operands = append(clause.Operands, search.Operand{Target: search.Target{Type: key.Type, ID: key.ID}})
		}
		q := &search.Query{Type: practitionerRole, Filter: []search.Clause{clause}, Count: learnedAtOnce, Sight: search.Everything}
		for {
			page, err := w.r.Search(q)
			if err != nil {
				return err
			}
			for _, v := range page.Matches {
				if err := w.note(v); err != nil {
					return err
				}
			}
			if page.Next == nil || len(w.roles) > mostRoles {
				break
			}
			q.After = page.Next
		}
	}
	return nil
}

// named gathers those of some keys.
func (w *work) named(keys []fhir.Key) error {
	for some := range slices.Chunk(keys, rolesAtOnce) {
		found, err := w.r.Current(some)
		if err != nil {
			return err
		}
		for _, v := range found {
			if v.Deleted {
				continue
			}
			if err := w.note(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *work) note(v store.Version) error {
	e, err := fhir.ParseElement(v.Body)
	if err != nil {
		return err
	}
	w.roles[v.Key] = consent.Role{Key: v.Key, Practitioner: w.b.local(e.Path("practitioner", "reference")), Organization: w.b.local(e.Path("organization", "reference"))}
	return nil
}

// practitioners are those in the roles.
func (w *work) practitioners() []fhir.Key {
	var list []fhir.Key
	seen := map[fhir.Key]bool{{}: true}
	for _, r := range w.roles {
		if !seen[r.Practitioner] {
			seen[r.Practitioner] = true
			list = append(list, r.Practitioner)
		}
	}
	return list
}

// about gives the roles that say something of one who is named: those of it, and all of who
// has such a role.
func (w *work) about() func(typ string, key fhir.Key) []consent.Role {
	organization, practitioner := map[fhir.Key][]consent.Role{}, map[fhir.Key][]consent.Role{}
	for _, r := range w.roles {
		organization[r.Organization] = append(organization[r.Organization], r)
		practitioner[r.Practitioner] = append(practitioner[r.Practitioner], r)
	}
	return func(typ string, key fhir.Key) []consent.Role {
		switch typ {
		case "Practitioner":
			return practitioner[key]
		case practitionerRole:
			one, known := w.roles[key]
			if !known {
				return nil
			}
			return append([]consent.Role{one}, practitioner[one.Practitioner]...)
		}
		list := slices.Clone(organization[key])
		seen := map[fhir.Key]bool{{}: true}
		for _, r := range organization[key] {
			if !seen[r.Practitioner] {
				seen[r.Practitioner] = true
				list = append(list, practitioner[r.Practitioner]...)
			}
		}
		return list
	}
}
