package relational

import (
	sqldriver "database/sql/driver"
	"fmt"
	"strconv"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// ownedSource is a clause on what the owners of a resource chose (search.Owned).
type ownedSource struct {
	*ownedCases
	// about is the key of who likely owns most of what is found, whose class is then looked
	// up once; nil when there is nobody.
	about *int64

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

	mu sync.Mutex
	at map[placed]*longText
}

// placed is where the SQL stands: behind so many parameters, of which the last is about
// whom it is, perhaps.
type placed struct {
	behind int
	about  bool
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
	made := &ownedCases{d: s.d, self: o.Self, table: caseTable{o.Table.ID, &o.Table.Cases}, at: map[placed]*longText{}}
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
		if s.about != nil {
			b.args = append(b.args, *s.about)
		}
		long := s.after(len(b.args), s.about != nil)
		b.args = append(b.args, long.args...)
		s.of, s.text = b, b.hold(long)
	}
	return s.text
}

// after is the condition behind so many parameters.
func (s *ownedCases) after(behind int, about bool) *longText {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.at[placed{behind, about}]
	if text == nil {
		own := &sqlText{args: make([]any, behind), literal: true}
		text = &longText{sql: s.condition(own, about)}
		text.args = own.args[behind:]
		s.at[placed{behind, about}] = text
	}
	return text
}

func (s *ownedCases) condition(b *sqlText, about bool) string {
	who := "$" + strconv.Itoa(len(b.args))
	results := make([]string, len(s.cases))
	for i, met := range s.cases {
		results[i] = "CASE WHEN " + met.probe(b) + " THEN true ELSE false END"
	}
	table, self := b.arg(s.table), ""
	if s.self != "" {
		self = b.arg(ownerKey(s.self))
	}
	met := func(owner string) string {
		class := "(SELECT o.number FROM consented o WHERE o.owner = " + owner + ")"
		if about {
			class = "CASE WHEN " + owner + " = " + who + " THEN (SELECT o.number FROM consented o WHERE o.owner = " + who + ") ELSE " + class + " END"
		}
		text := s.d.Switch(table, "coalesce("+class+", 0)", results)
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

// supposed tells the conditions on what owners chose who likely owns what a query finds.
func supposed(all []source, filter []search.Clause) {
	patient := whom(filter)
	if patient == "" {
		return
	}
	about := ownerKey(patient)
	for _, from := range all {
		suppose(from, &about)
	}
}

func suppose(from source, about *int64) {
	switch from := from.(type) {
	case *ownedSource:
		from.about = about
	case notSource:
		suppose(from.source, about)
	case allSource:
		for _, inner := range from {
			suppose(inner, about)
		}
	case anySource:
		for _, inner := range from {
			suppose(inner, about)
		}
	}
}

// whom is the one patient that a clause names, if any does.
func whom(filter []search.Clause) string {
	for _, c := range filter {
		switch {
		case c.Group != nil:
			if patient := whom(c.Group.Clauses); patient != "" {
				return patient
			}
		case len(c.Operands) == 1 && c.Operands[0].Target.Type == "Patient":
			return c.Operands[0].Target.ID
		}
	}
	return ""
}

func (*ownedSource) arms(*sqlText, bool) []arm { return nil }

func (*ownedSource) drives() bool { return false }

func (*ownedSource) once() bool { return false }

func (*ownedSource) only() bool { return true }
