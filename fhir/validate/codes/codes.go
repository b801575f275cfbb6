// Package codes answers validate.Codes from the CodeSystem and ValueSet
// resources of a definition.Source and from UCUM: membership is decided from
// compose, code by code, without expanding. What needs a terminology that is
// not there (SNOMED CT, LOINC) is unknown.
//
// It leaves out the terminology operations, which fhir/term does.
package codes

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir/definition"
	"vitalwire/fhir/ucum"
	"vitalwire/fhir/validate"
)

// Codes is a validate.Codes. It keeps what it read of the source for as long as
// it lives and is safe for concurrent use.
type Codes struct {
	src     definition.Source
	sets    sync.Map // canonical -> *valueSet
	systems sync.Map // canonical -> *system, nil for none
	missing atomic.Int32
}

var _ validate.Codes = (*Codes)(nil)

// New makes a Codes.
func New(src definition.Source) *Codes { return &Codes{src: src} }

const (
	ucumSystem     = "http://unitsofmeasure.org"
	languageSystem = "urn:ietf:bcp:47"
	mimeSystem     = "urn:ietf:bcp:13"
	maxDepth       = 12
	maxMissing     = 1000 // canonicals remembered as unknown
)

// InSystem tells whether a code system has a code, and with that display.
func (c *Codes) InSystem(_ context.Context, q validate.Coding) validate.Verdict {
	switch q.System {
	case ucumSystem:
		return verdict(ucum.Valid(q.Code))
	case languageSystem:
		return verdict(isLanguage(q.Code))
	case mimeSystem:
		return verdict(isMime(q.Code))
	}
	canonical := q.System
	if q.Version != "" {
		canonical += "|" + q.Version
	}
	s := c.system(canonical)
	if s == nil && q.Version != "" {
		return validate.Verdict{} // another version than those at hand says nothing
	}
	if s == nil {
		return validate.Verdict{}
	}
	return s.has(q)
}

func (s *system) has(q validate.Coding) validate.Verdict {
	if s.content == "supplement" {
		return validate.Verdict{Supplement: true}
	}
	k, ok := s.concept(q.Code)
	if !ok {
		if s.content == "complete" {
			return validate.Verdict{Membership: validate.NotMember}
		}
		return validate.Verdict{}
	}
	v := validate.Verdict{Membership: validate.Member}
	if q.Display != "" && k.display != "" && !k.named(q.Display) {
		v.Display = k.display
	}
	return v
}

func verdict(ok bool) validate.Verdict {
	if ok {
		return validate.Verdict{Membership: validate.Member}
	}
	return validate.Verdict{Membership: validate.NotMember}
}

// isLanguage is the form of RFC 5646: groups of letters and digits, the first
// of two to eight letters.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) == 0 || len(part) > 8 || i == 0 && len(part) < 2 && part != "x" && part != "i" {
			return false
		}
		for _, ch := range []byte(part) {
			letter := ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'
			if !letter && (i == 0 || ch < '0' || ch > '9') {
				return false
			}
		}
	}
	return true
}

// isMime is type/subtype with or without parameters (RFC 2045 §5.1).
func isMime(s string) bool {
	if s == "xml" || s == "json" || s == "ttl" {
		return true // the short forms of R4 http §3.1.0.1.11, which TestScript uses
	}
	s, _, _ = strings.Cut(s, ";")
	s = strings.TrimSpace(s)
	typ, sub, ok := strings.Cut(s, "/")
	return ok && token(typ) && token(sub)
}

func token(s string) bool {
	for _, ch := range []byte(s) {
		if ch <= ' ' || ch >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, ch) >= 0 {
			return false
		}
	}
	return s != ""
}

// InValueSet tells whether a code is in a value set.
func (c *Codes) InValueSet(_ context.Context, valueSet string, q validate.Coding) validate.Verdict {
	return validate.Verdict{Membership: c.member(valueSet, q, 0)}
}

func (c *Codes) member(canonical string, q validate.Coding, depth int) validate.Membership {
	vs := c.set(canonical)
	if vs == nil || depth > maxDepth {
		return validate.Unknown
	}
	if vs.contains != nil {
		for _, sys := range vs.contains[q.Code] {
			if q.System == "" || sys == q.System {
				return validate.Member
			}
		}
		return validate.NotMember
	}
	out := validate.NotMember
	for i := range vs.include {
		switch c.in(&vs.include[i], q, depth) {
		case validate.Member:
			out = validate.Member
		case validate.Unknown:
			if out == validate.NotMember {
				out = validate.Unknown
			}
		}
		if out == validate.Member {
			break
		}
	}
	if out == validate.NotMember {
		return out
	}
	for i := range vs.exclude {
		switch c.in(&vs.exclude[i], q, depth) {
		case validate.Member:
			return validate.NotMember
		case validate.Unknown:
			out = validate.Unknown
		}
	}
	return out
}

// in decides one include or exclude: its system part and every value set it names.
func (c *Codes) in(p *part, q validate.Coding, depth int) validate.Membership {
	out := validate.Member
	if p.system != "" {
		out = c.inPart(p, q)
	}
	for _, vs := range p.valueSets {
		if out == validate.NotMember {
			return out
		}
		switch c.member(vs, q, depth+1) {
		case validate.NotMember:
			return validate.NotMember
		case validate.Unknown:
			out = validate.Unknown
		}
	}
	return out
}

func (c *Codes) inPart(p *part, q validate.Coding) validate.Membership {
	if q.System != "" && q.System != p.system {
		return validate.NotMember
	}
	if p.concepts != nil {
		if _, ok := p.concepts[q.Code]; ok {
			return validate.Member
		}
		if s := c.system(p.canonical()); s != nil && !s.caseSensitive {
			for code := range p.concepts {
				if strings.EqualFold(code, q.Code) {
					return validate.Member
				}
			}
		}
		return validate.NotMember
	}
	q.System, q.Display = p.system, ""
	in := c.InSystem(context.Background(), q).Membership
	if in == validate.NotMember || len(p.filters) == 0 {
		return in
	}
	s := c.system(p.canonical())
	if s == nil || s.content != "complete" {
		return validate.Unknown
	}
	for _, f := range p.filters {
		switch s.filter(f, q.Code) {
		case validate.NotMember:
			return validate.NotMember
		case validate.Unknown:
			in = validate.Unknown
		}
	}
	return in
}
