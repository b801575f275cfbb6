package relational

import (
	"strconv"
	"strings"

	"vitalwire/fhir/search"
)

// ownedSource is a clause on what the owners of a resource chose (search.Owned).
type ownedSource struct {
	cases []ownedCase
	rest  source
	self  string // a patient of whom everything is met, unless ""
}

type ownedCase struct {
	classes []int64
	met     source
}

func (s *Store) newOwned(o *search.Owned) (source, error) {
	rest, err := s.viewed(o.Type, o.Rest)
	made := ownedSource{rest: rest, self: o.Self}
	for _, c := range o.Cases {
		if err != nil {
			break
		}
		var met source
		met, err = s.viewed(o.Type, c.View)
		made.cases = append(made.cases, ownedCase{c.Classes, met})
	}
	return made, err
}

// viewed is the condition that a row lies in a View.
func (s *Store) viewed(typ string, v search.View) (source, error) {
	clause, some := v.Clause()
	if !some {
		return constSource(true), nil
	}
	if err := belongs(typ, clause); err != nil {
		return nil, err
	}
	return s.member(clause)
}

func (s ownedSource) probe(b *sqlText) string {
	one, each := s.by(b, "d.owner"), s.by(b, "w.sub")
	return "CASE WHEN d.owner IS NULL THEN (1 = 1) WHEN d.marks & " + strconv.FormatInt(moreOwner, 10) + " = 0 THEN " + one +
		" ELSE NOT EXISTS (SELECT 1 FROM ix w WHERE w.key = " + b.arg(ownersKey()) + " AND w.pos = d.pos AND NOT " + each + ") END"
}

// by is what an owner demands of a row.
func (s ownedSource) by(b *sqlText, owner string) string {
	var text strings.Builder
	text.WriteString("CASE")
	if s.self != "" {
		text.WriteString(" WHEN " + owner + " = " + b.arg(ownerKey(s.self)) + " THEN (1 = 1)")
	}
	class := "coalesce((SELECT o.class FROM consented o WHERE o.owner = " + owner + "), 0)"
	for _, c := range s.cases {
		numbers := make([]string, len(c.classes))
		for i, n := range c.classes {
			numbers[i] = strconv.FormatInt(n, 10)
		}
		// Not parameters: there may be more than a statement takes.
		text.WriteString(" WHEN " + class + " IN (" + strings.Join(numbers, ", ") + ") THEN coalesce(" + c.met.probe(b) + ", false)")
	}
	rest := "coalesce(" + s.rest.probe(b) + ", false)"
	if text.Len() == len("CASE") {
		return rest
	}
	return "(" + text.String() + " ELSE " + rest + " END)"
}

func (ownedSource) arms(*sqlText, bool) []arm { return nil }

func (ownedSource) drives() bool { return false }

func (ownedSource) once() bool { return false }

func (ownedSource) only() bool { return true }
