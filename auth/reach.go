package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Reach is what a caller may do: for each right and resource type, to which resources.
// It is made by Rules.Decide; the nil Reach is nobody's.
type Reach struct {
	rules  *Rules
	access Access
	// all: everything may be done, by anybody.
	all bool
	// self is the user's resource. staff reach every patient, others only patient;
	// "" is nobody.
	self    fhir.Key
	staff   bool
	patient string
}

// All is the Reach of a server that lets everybody do everything.
func All() *Reach { return &Reach{all: true} }

// Open reports whether everybody may do everything.
func (g *Reach) Open() bool { return g.all }

// Access is what the Reach was made of.
func (g *Reach) Access() Access { return g.access }

// Scoped reports whether scopes give any of the rights on a type: else to ask for it
// is refused, whatever there is.
func (g *Reach) Scoped(typ string, rights Right) bool {
	return g.all || rights&Read != 0 && typ == g.self.Type && g.seesSelf() ||
		slices.ContainsFunc(g.access.Scopes, func(s Scope) bool { return s.Rights&rights != 0 && g.counts(s, typ, rights) })
}

// Whole reports whether all rights are given on every resource of a type; with "*" of
// every type, also of those to come.
func (g *Reach) Whole(typ string, rights Right) bool {
	return rights != 0 && !g.any(rights, func(right Right) bool { _, whole := g.alternatives(typ, right); return !whole })
}

// counts reports whether a scope is of a type, and of any use to the caller for one of
// some rights.
func (g *Reach) counts(s Scope, typ string, rights Right) bool {
	if typ == audited && s.Rights&rights&^Create != 0 && !g.mayAudit(s.Level) {
		return false
	}
	// system/ is of a backend service, never of a client that a user let in.
	return s.covers(typ) && (s.Level != SystemLevel || g.access.User+g.access.FHIRUser == "")
}

// mayAudit reports whether the caller may look at what everybody did: a user with the
// role for it, or a backend service whose scope names AuditEvent.
func (g *Reach) mayAudit(level Level) bool {
	return level == SystemLevel || level == UserLevel && (g.access.Role == PrivacyOfficer || g.access.Role == Admin)
}

func (g *Reach) any(rights Right, is func(Right) bool) bool {
	for right := Create; right <= Search; right <<= 1 {
		if rights&right != 0 && is(right) {
			return true
		}
	}
	return false
}

// View is what of a type is reached by at least one of the rights.
func (g *Reach) View(typ string, rights Right) search.View {
	var v search.View
	for right := Create; right <= Search; right <<= 1 {
		if rights&right == 0 {
			continue
		}
		list, whole := g.alternatives(typ, right)
		if whole {
			return search.View{Whole: true}
		}
		for _, a := range list {
			if len(a.filter) == 0 {
				return search.View{Whole: true}
			}
			c := a.filter[0]
			if len(a.filter) > 1 {
				c = search.Clause{Group: &search.Group{Op: search.All, Clauses: a.filter}}
			}
			v.Any = append(v.Any, c)
		}
	}
	return v
}

// Sight is View of some rights for each type.
func (g *Reach) Sight(rights Right) search.Sight {
	if g == nil {
		return nil
	}
	return func(typ string) search.View { return g.View(typ, rights) }
}

// Change is a write to be judged. Before is nil where there was nothing, After where
// nothing stays.
type Change struct {
	Key           fhir.Key
	Right         Right
	Before, After *search.Subject
}

// Allows judges both images of a write: neither may lie outside it, so that
// nobody moves a resource into or out of it. By a scope that is confined to a patient
// nothing can be made to belong, also or only, to another one, or cease to.
func (g *Reach) Allows(c Change) (bool, error) {
	list, whole := g.alternatives(c.Key.Type, c.Right)
	if whole {
		return true, nil
	}
	for _, image := range []*search.Subject{c.Before, c.After} {
		if image == nil {
			continue
		}
		reached := false
		for _, a := range list {
			ok, err := search.Meets(image, a.filter)
			if err != nil {
				return false, err
			}
			if reached = ok && (a.patient == "" || image != c.After || g.keepsOwners(c, a.patient)); reached {
				break
			}
		}
		if !reached {
			return false, nil
		}
	}
	return true, nil
}

// keepsOwners reports whether a write leaves a resource to the patients it was of, and
// a new one to one patient alone.
func (g *Reach) keepsOwners(c Change, patient string) bool {
	was := []string{patient}
	if c.Before != nil {
		was = g.owners(c.Key, c.Before)
	}
	is := g.owners(c.Key, c.After)
	slices.Sort(was)
	slices.Sort(is)
	return slices.Equal(was, is)
}

func (g *Reach) owners(key fhir.Key, s *search.Subject) []string {
	return g.rules.Search.Owners(key, s.Values)
}

// Confined reports whether all that is reached belongs to one patient.
func (g *Reach) Confined() bool {
	return !g.all && slices.ContainsFunc(g.access.Scopes, func(s Scope) bool { _, confined := g.bounds(s); return confined })
}

// Unbound reports whether Consents do not bind the caller: everybody is nobody known,
// or it is an operator on the machine itself, who has the database anyway.
func (g *Reach) Unbound() bool {
	return g.all || g.access.Client == "" && g.access.User+g.access.FHIRUser == "" && g.Administers()
}

// KeepsConsents reports whether the caller sees Consents whatever they say.
func (g *Reach) KeepsConsents() bool {
	return g.all || g.access.Role == PrivacyOfficer || g.access.Role == Admin || g.Administers()
}

// Consents reports whether the caller may write a Consent: who keeps them, the patient
// himself, or a backend service that was let in for it by name. Nobody else, lest he
// widen what he may see.
func (g *Reach) Consents(c Change) bool {
	if g.KeepsConsents() {
		return true
	}
	if g.access.User+g.access.FHIRUser == "" {
		return slices.ContainsFunc(g.access.Scopes, func(s Scope) bool {
			return s.Type == "Consent" && s.Rights&c.Right != 0 && g.counts(s, "Consent", c.Right)
		})
	}
	if g.self.Type != "Patient" {
		return false
	}
	for _, image := range []*search.Subject{c.Before, c.After} {
		if image != nil && !slices.Equal(g.owners(c.Key, image), []string{g.self.ID}) {
			return false
		}
	}
	return true
}

// Administers reports whether the caller may run the server.
func (g *Reach) Administers() bool { return g.all || g.access.Administers() }

// Bound names the caller: what was sealed for one is of no use to another. It is the
// same for all tokens that mean the same: what was found with the glass broken stays there.
func (g *Reach) Bound() string {
	if g.all {
		return ""
	}
	a := g.access
	words := strings.Fields(a.FullScope())
	slices.Sort(words)
	sum := sha256.Sum256([]byte(strings.Join([]string{a.Client, a.User, a.FHIRUser, string(a.Role), a.Patient, a.Encounter, g.patient, strings.Join(words, " "), strings.Join(slices.Sorted(slices.Values(a.Purposes)), " ")}, "\n")))
	return hex.EncodeToString(sum[:])
}
