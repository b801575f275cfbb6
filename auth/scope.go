package auth

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Right is a set of what may be done to resources (SMART 2.2, scopes for
// requesting FHIR resources).
type Right uint8

// The rights, in the order that a scope lists them.
const (
	// Create is "c".
	Create Right = 1 << iota
	// Read is "r": read, vread and the history of an instance.
	Read
	// Update is "u": update, also one that creates, and patch.
	Update
	// Delete is "d".
	Delete
	// Search is "s": search of a type or the system, and their history.
	Search

	// Everything is all of them.
	Everything = Create | Read | Update | Delete | Search
)

const rightLetters = "cruds"

// String lists the rights as in a scope, such as "rs".
func (r Right) String() string {
	var b strings.Builder
	for i := range rightLetters {
		if r&(1<<i) != 0 {
			b.WriteByte(rightLetters[i])
		}
	}
	return b.String()
}

// Level is on whose behalf resources are reached.
type Level string

// The levels.
const (
	PatientLevel Level = "patient"
	UserLevel    Level = "user"
	SystemLevel  Level = "system"
)

// Scope is one scope for FHIR resources, such as
// "patient/Observation.rs?category=vital-signs".
type Scope struct {
	Level Level
	// Type is a resource type, or "*" for every one.
	Type   string
	Rights Right
	// Filter is the search, without '?', that a resource must meet; "" for none.
	Filter string
	// legacy is set when it was written in the form of SMART 1.
	legacy bool
}

// ParseScope reads a scope for resources in the form of SMART 2.2, or of SMART 1
// (read, write, *). What is neither, such as rights out of order, is no scope and
// never another one.
func ParseScope(text string) (Scope, bool) {
	level, rest, ok := strings.Cut(text, "/")
	s := Scope{Level: Level(level)}
	if !ok || s.Level != PatientLevel && s.Level != UserLevel && s.Level != SystemLevel {
		return Scope{}, false
	}
	rest, filter, narrowed := strings.Cut(rest, "?")
	if narrowed {
		if values, err := url.ParseQuery(filter); err != nil || len(values) == 0 {
			return Scope{}, false
		}
		s.Filter = filter
	}
	name, rights, ok := strings.Cut(rest, ".")
	if !ok || name != "*" && !fhir.IsResourceType(name) {
		return Scope{}, false
	}
	s.Type = name
	switch rights {
	case "read":
		s.Rights, s.legacy = Read|Search, true
	case "write":
		s.Rights, s.legacy = Create|Update|Delete, true
	case "*":
		s.Rights, s.legacy = Everything, true
	default:
		s.Rights, ok = parseRights(rights)
	}
	return s, ok && (!s.legacy || !narrowed)
}

// parseRights reads letters of "cruds" in that order, each at most once.
func parseRights(letters string) (Right, bool) {
	var rights Right
	next := 0
	for _, letter := range letters {
		i := strings.IndexRune(rightLetters[next:], letter)
		if i < 0 {
			return 0, false
		}
		next += i + 1
		rights |= 1 << (next - 1)
	}
	return rights, rights != 0
}

// String writes the scope, in the form of SMART 1 if it was read in that and
// still means one of its words.
func (s Scope) String() string {
	rights := s.Rights.String()
	if s.legacy {
		switch s.Rights {
		case Read | Search:
			rights = "read"
		case Create | Update | Delete:
			rights = "write"
		case Everything:
			rights = "*"
		}
	}
	text := string(s.Level) + "/" + s.Type + "." + rights
	if s.Filter != "" {
		text += "?" + s.Filter
	}
	return text
}

// audited is the type that a scope must name: what everybody did is not part of all
// there is.
const audited = "AuditEvent"

// covers reports whether a scope is of a type; "*" asks for every type.
func (s Scope) covers(typ string) bool {
	return s.Type == typ || s.Type == "*" && typ != audited
}

// within is what of s lies inside the scope that bounds it.
func (s Scope) within(bound Scope) (Scope, bool) {
	if s.Level != bound.Level || bound.Filter != "" && bound.Filter != s.Filter {
		return Scope{}, false
	}
	switch {
	case bound.covers(s.Type):
	case s.covers(bound.Type):
		s.Type = bound.Type
	default:
		return Scope{}, false
	}
	s.Rights &= bound.Rights
	return s, s.Rights != 0
}

// Scopes are those of a client or a token. Its text form is that of RFC 6749
// §3.3: scopes between blanks.
type Scopes []Scope

// ParseScopes reads the scopes for resources of a text; others are left out.
func ParseScopes(text string) Scopes {
	var list Scopes
	for _, word := range strings.Fields(text) {
		if s, ok := ParseScope(word); ok && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// String is the text of the scopes.
func (list Scopes) String() string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = s.String()
	}
	return strings.Join(words, " ")
}

// Within is what of the scopes lies inside those that bound them.
func (list Scopes) Within(bounds Scopes) Scopes {
	var kept Scopes
	for _, s := range list {
		for _, bound := range bounds {
			if inner, ok := s.within(bound); ok && !slices.Contains(kept, inner) {
				kept = append(kept, inner)
			}
		}
	}
	return kept.distinct()
}

// distinct drops scopes that another one covers.
func (list Scopes) distinct() Scopes {
	return slices.DeleteFunc(slices.Clone(list), func(s Scope) bool {
		return slices.ContainsFunc(list, func(wider Scope) bool {
			inner, ok := s.within(wider)
			return ok && inner.Rights == s.Rights && inner.Type == s.Type && (wider.Type != s.Type || wider.Rights != s.Rights || wider.Filter != s.Filter)
		})
	})
}

// Grantable reads scopes that can all be granted; the error names one that cannot.
func (a *Authority) Grantable(text string) (Scopes, error) {
	for _, word := range strings.Fields(text) {
		s, ok := ParseScope(word)
		if !ok {
			return nil, fmt.Errorf("%.100q cannot be granted; what can is such as system/Observation.rs", word)
		}
		if err := a.enforces(s); err != nil {
			return nil, fmt.Errorf("%.100q cannot be granted: %w", word, err)
		}
	}
	list := ParseScopes(text)
	if len(list) == 0 {
		return nil, errors.New("no scope is given; one is such as system/Observation.rs")
	}
	return list, nil
}

// enforces reports, by an error, a scope that this server cannot hold a caller to.
func (a *Authority) enforces(s Scope) error {
	if a.Rules != nil {
		return a.Rules.Enforces(s)
	}
	if s.Level != SystemLevel || s.Filter != "" {
		return errors.New("only system scopes without a search are")
	}
	return nil
}

// enforced are those of the scopes that this server can hold a caller to.
func (a *Authority) enforced(list Scopes) Scopes {
	return slices.DeleteFunc(slices.Clone(list), func(s Scope) bool { return a.enforces(s) != nil })
}

// At are the scopes of one level.
func (list Scopes) At(level Level) Scopes {
	return slices.DeleteFunc(slices.Clone(list), func(s Scope) bool { return s.Level != level })
}

// Allow reports whether all the rights are given on a type ("*" asks for every
// type). A nil list allows nothing.
func (list Scopes) Allow(typ string, rights Right) bool {
	var have Right
	for _, s := range list {
		if s.covers(typ) {
			have |= s.Rights
		}
	}
	return have&rights == rights && rights != 0
}
