package relational

import (
	sqldriver "database/sql/driver"
	"fmt"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// ownedSource is a clause on what the owners of a resource chose (search.Owned).
type ownedSource struct {
	*ownedCases

	of   *sqlText
	text string // of the probe there
}

// ownedCases are what a search.Owned comes to. A search.Owned is asked in many searches,
// and is long: its SQL is kept.
type ownedCases struct {
	d     Dialect
	cases []source
	table caseTable
	self  string // a patient of whom everything is met, unless ""

	mu   sync.Mutex
	args []any
	at   map[int]string // the SQL by the number of parameters before its own
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
	made, err := o.Compiled(func() (any, error) { return s.ownedCases(o) })
	if err != nil {
		return nil, err
	}
	return &ownedSource{ownedCases: made.(*ownedCases)}, nil
}

func (s *Store) ownedCases(o *search.Owned) (*ownedCases, error) {
	if len(o.Cases) > mostCases {
		return nil, fhir.TooCostly("what patients agree to comes to more than %d different cases, which no search can tell apart", mostCases)
	}
	made := &ownedCases{d: s.d, self: o.Self, table: caseTable{o.Table.ID, &o.Table.Cases}, at: map[int]string{}}
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
	// It is the same in each query of a union, with the same parameters.
	if s.of != b {
		s.of, s.text = b, b.hold(s.after(b))
	}
	return s.text
}

// after is the condition behind the parameters that there are.
func (s *ownedCases) after(b *sqlText) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, known := s.at[len(b.args)]
	if !known {
		own := &sqlText{args: make([]any, len(b.args)), have: map[int64]string{}}
		text = s.condition(own)
		s.args = own.args[len(b.args):]
		s.at[len(b.args)] = text
	}
	b.args = append(b.args, s.args...)
	return text
}

func (s *ownedCases) condition(b *sqlText) string {
	results := make([]string, len(s.cases))
	for i, met := range s.cases {
		results[i] = "CASE WHEN " + met.probe(b) + " THEN true ELSE false END"
	}
	table, self := b.arg(s.table), ""
	if s.self != "" {
		self = b.arg(ownerKey(s.self))
	}
	met := func(owner string) string {
		text := s.d.Switch(table, "coalesce((SELECT o.number FROM consented o WHERE o.owner = "+owner+"), 0)", results)
		if self != "" {
			text = "(" + owner + " = " + self + " OR " + text + ")"
		}
		return text
	}
	if s.d.Sparing() { // the cases once, whether there is one owner or several
		return fmt.Sprintf("CASE WHEN d.owner IS NULL THEN true ELSE NOT EXISTS (SELECT 1 FROM (SELECT d.owner AS sub WHERE d.marks & %d = 0 UNION ALL SELECT e.sub FROM ix e WHERE d.marks & %d <> 0 AND e.key = %s AND e.pos = d.pos OFFSET 0) w WHERE NOT %s) END",
			moreOwner, moreOwner, b.arg(ownersKey()), met("w.sub"))
	}
	return fmt.Sprintf("CASE WHEN d.owner IS NULL THEN true WHEN d.marks & %d = 0 THEN %s ELSE NOT EXISTS (SELECT 1 FROM ix w WHERE w.key = %s AND w.pos = d.pos AND NOT %s) END",
		moreOwner, met("d.owner"), b.arg(ownersKey()), met("w.sub"))
}

func (*ownedSource) arms(*sqlText, bool) []arm { return nil }

func (*ownedSource) drives() bool { return false }

func (*ownedSource) once() bool { return false }

func (*ownedSource) only() bool { return true }
