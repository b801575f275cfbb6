package relational

import (
	sqldriver "database/sql/driver"
	"fmt"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// ownedSource is a clause on what the owners of a resource chose (search.Owned).
type ownedSource struct {
	d     Dialect
	cases []source
	table caseTable
	self  string // a patient of whom everything is met, unless ""

	of   *sqlText
	text string // of the probe there
}

// caseTable is a search.CaseTable as a parameter. It is compared by its id: what was
// counted by another table is not taken for what this one says.
type caseTable struct {
	id    int64
	cases *[]byte
}

// Value gives the bytes to the database.
func (t caseTable) Value() (sqldriver.Value, error) { return *t.cases, nil }

// mostCases bounds what patients may differ in: each case is part of the statement.
const mostCases = 200

func (s *Store) newOwned(o *search.Owned) (source, error) {
	if len(o.Cases) > mostCases {
		return nil, fhir.TooCostly("what patients agree to comes to more than %d different cases, which no search can tell apart", mostCases)
	}
	made := &ownedSource{d: s.d, self: o.Self, table: caseTable{o.Table.ID, &o.Table.Cases}}
	for _, v := range o.Cases {
		met, err := s.viewed(o.Type, v)
		if err != nil {
			return nil, err
		}
		made.cases = append(made.cases, met)
	}
	return made, nil
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

func (s *ownedSource) probe(b *sqlText) string {
	// It is long, and the same in each query of a union.
	if s.of == b {
		return s.text
	}
	results := make([]string, len(s.cases))
	for i, met := range s.cases {
		results[i] = "coalesce(" + met.probe(b) + ", false)"
	}
	met := s.d.Switch(b.arg(s.table), "coalesce((SELECT o.number FROM consented o WHERE o.owner = w.owner), 0)", results)
	if s.self != "" {
		met = "(w.owner = " + b.arg(ownerKey(s.self)) + " OR " + met + ")"
	}
	several := fmt.Sprintf("d.marks & %d", moreOwner)
	s.of, s.text = b, "(d.owner IS NULL OR (SELECT 1 FROM (SELECT d.owner AS owner WHERE "+several+" = 0 UNION ALL SELECT x.sub AS owner FROM ix x WHERE "+several+
		" <> 0 AND x.key = "+b.arg(ownersKey())+" AND x.pos = d.pos) w WHERE NOT "+met+" LIMIT 1) IS NULL)"
	return s.text
}

func (*ownedSource) arms(*sqlText, bool) []arm { return nil }

func (*ownedSource) drives() bool { return false }

func (*ownedSource) once() bool { return false }

func (*ownedSource) only() bool { return true }
