package consents

import (
	"slices"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// standing is whom a caller stands for, until a period ends or a role changes.
type standing struct {
	actors      []fhir.Key
	identifiers []consent.Identifier
	roles       []consent.Coding
	until       time.Time
}

// For is what an access may see by the Consents, as a reader sees them.
func (b *Book) For(r store.Reader, access auth.Access) (*Ruling, error) {
	by, self, err := b.requester(r, access)
	if err != nil {
		return nil, err
	}
	return b.Ruling(r, by, self)
}

// requester is who asks with an access, and the Patient that he is; "" for none.
func (b *Book) requester(r store.Reader, access auth.Access) (by consent.Requester, self string, err error) {
	if err := b.learn(r); err != nil {
		return by, "", err
	}
	by = consent.Requester{Now: b.now(), Actions: []string{"access", "disclose"}, Treating: access.Role == auth.Practitioner || access.User+access.FHIRUser == ""}
	for _, purpose := range access.Purposes {
		system, code := auth.PurposeCode(purpose)
		by.Purposes = append(by.Purposes, consent.Coding{System: system, Code: code})
	}
	if user := fhir.ParseReference(access.FHIRUser); user.Key.Type == "Patient" {
		self = user.Key.ID
	}
	if b.names() {
		s, err := b.standing(r, access)
		if err != nil {
			return by, "", err
		}
		by.Actors, by.Identifiers, by.Roles = s.actors, s.identifiers, s.roles
	}
	if b.Options.SelfToo {
		self = ""
	}
	return by, self, nil
}

// names reports whether any Consent names who may or may not see.
func (b *Book) names() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.naming
}

// standing finds whom a caller stands for: his resource, the roles and organizations
// that he has by PractitionerRole, and the groups and care teams that any of them is in.
func (b *Book) standing(r store.Reader, access auth.Access) (*standing, error) {
	name := access.FHIRUser + "\n" + access.ClientResource
	now := b.now()
	b.mu.RLock()
	s := b.callers[name]
	b.mu.RUnlock()
	if s != nil && now.Before(s.until) {
		return s, nil
	}
	f := &finding{b: b, r: r, now: now, standing: standing{until: now.Add(standingFor)}}
	for _, text := range []string{access.FHIRUser, access.ClientResource} {
		ref := fhir.ParseReference(text)
		if ref.Key.ID == "" || ref.Base != "" && ref.Base != b.Base {
			continue
		}
		if err := f.stand(ref.Key); err != nil {
			return nil, err
		}
	}
	if err := f.join(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.callers) >= mostKept {
		clear(b.callers)
	}
	b.callers[name] = &f.standing
	return &f.standing, nil
}

// standingFor is how long it is believed at most. What changes by a write is noticed at
// once (store.Marks), what ends by time when it does.
const standingFor = time.Minute

// finding gathers a standing.
type finding struct {
	b   *Book
	r   store.Reader
	now time.Time
	standing
}

// stand adds a resource that the caller is, with what it says of him.
func (f *finding) stand(key fhir.Key) error {
	if slices.Contains(f.actors, key) {
		return nil
	}
	f.actors = append(f.actors, key)
	v, err := f.r.Read(key)
	if err != nil || v.Deleted {
		if fhir.SituationOf(err) == fhir.SituationNotFound {
			err = nil
		}
		return err
	}
	e, err := fhir.ParseElement(v.Body)
	if err != nil {
		return err
	}
	for _, id := range each(e.Get("identifier")) {
		f.identifiers = append(f.identifiers, consent.Identifier{System: id.Get("system").Text(), Value: id.Get("value").Text()})
	}
	switch key.Type {
	case "Practitioner":
		return f.found("PractitionerRole", "practitioner", key, func(v store.Version, e *fhir.Element) error { return f.role(v.Key, e) })
	case "PractitionerRole":
		if to := f.b.local(e.Path("practitioner", "reference")); to.ID != "" {
			if err := f.stand(to); err != nil {
				return err
			}
		}
		return f.role(key, e)
	}
	return nil
}

// role takes on what an active PractitionerRole says.
func (f *finding) role(key fhir.Key, e *fhir.Element) error {
	if e.Get("active").Text() == "false" || !f.during(e.Get("period")) {
		return nil
	}
	for _, code := range each(e.Get("code")) {
		for _, c := range each(code.Get("coding")) {
			f.roles = append(f.roles, consent.Coding{System: c.Get("system").Text(), Code: c.Get("code").Text()})
		}
	}
	if !slices.Contains(f.actors, key) {
		f.actors = append(f.actors, key)
	}
	if to := f.b.local(e.Path("organization", "reference")); to.ID != "" {
		return f.stand(to)
	}
	return nil
}

// join adds the groups and care teams of whom the caller stands for.
func (f *finding) join() error {
	for _, member := range slices.Clone(f.actors) {
		if err := f.found("Group", "member", member, func(v store.Version, e *fhir.Element) error {
			if e.Get("active").Text() == "false" {
				return nil
			}
			for _, m := range each(e.Get("member")) {
				if f.b.local(m.Path("entity", "reference")) == member && m.Get("inactive").Text() != "true" && f.during(m.Get("period")) {
					f.actors = append(f.actors, v.Key)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if err := f.found("CareTeam", "participant", member, func(v store.Version, e *fhir.Element) error {
			if status := e.Get("status").Text(); status != "" && status != "active" || !f.during(e.Get("period")) {
				return nil
			}
			for _, p := range each(e.Get("participant")) {
				if f.b.local(p.Path("member", "reference")) == member && f.during(p.Get("period")) {
					f.actors = append(f.actors, v.Key)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// found gives the resources that refer to one by a parameter.
func (f *finding) found(typ, code string, to fhir.Key, give func(store.Version, *fhir.Element) error) error {
	p := f.b.Search.Lookup(typ, code)
	if p == nil || p.Type != search.ReferenceType {
		return nil
	}
	q := &search.Query{Type: typ, Count: 200, Sight: search.Everything,
		Filter: []search.Clause{{Param: p, Operands: []search.Operand{{Target: search.Target{Type: to.Type, ID: to.ID}}}}}}
	for {
		page, err := f.r.Search(q)
		if err != nil {
			return err
		}
		for _, v := range page.Matches {
			e, err := fhir.ParseElement(v.Body)
			if err != nil {
				return err
			}
			if err := give(v, e); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = page.Next
	}
}

// during reports whether a Period holds now, and notes when that changes. One that
// cannot be read holds never.
func (f *finding) during(period *fhir.Element) bool {
	in := true
	for _, end := range []string{"start", "end"} {
		text := period.Get(end).Text()
		if text == "" {
			continue
		}
		d, ok := fhir.ParseDateTime(text)
		if !ok {
			return false
		}
		at := d.Low()
		if end == "end" {
			at = d.High()
		}
		if at.After(f.now) && at.Before(f.until) {
			f.until = at
		}
		in = in && at.After(f.now) == (end == "end")
	}
	return in
}

// local is the resource of this server that a reference names.
func (b *Book) local(e *fhir.Element) fhir.Key {
	ref := fhir.ParseReference(e.Text())
	if ref.Base != "" && ref.Base != b.Base || strings.HasPrefix(e.Text(), "#") {
		return fhir.Key{}
	}
	return ref.Key
}

func each(e *fhir.Element) []*fhir.Element {
	if e == nil {
		return nil
	}
	return e.Items()
}
