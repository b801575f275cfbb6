package relational

import (
	"fmt"
	"strings"

	"vitalwire/fhir/search"
)

// source is a clause as SQL: a condition on one row, and where it can, a list of
// the rows that meet it.
type source interface {
	// probe is the condition that the row of item named d meets it; it may be null
	// for false. Where it is not a condition of a query or of a CASE WHEN, SQLite asks all
	// subqueries of an AND or OR, however soon the rest would tell.
	probe(b *sqlText) string
	// arms are the tables whose rows meet it; only of one that drives. rough ones,
	// for counting, may have more rows but are told by an index alone.
	arms(b *sqlText, rough bool) []arm
	// drives reports whether a search may walk the rows.
	drives() bool
	// once reports whether the arms give no position twice.
	once() bool
	// only reports whether all that the arms give meets it.
	only() bool
}

// arm is part of the rows of a source: those of a table named row() where a
// condition holds.
type arm struct{ table, where string }

// row is the table's name in the condition: d when it is item itself.
func (a arm) row() string {
	if a.table == "item" {
		return "d"
	}
	return "c"
}

// union is a query for the positions of arms, some perhaps several times.
func union(list []arm) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = "SELECT " + a.row() + ".pos FROM " + a.table + " " + a.row() + " WHERE " + a.where
	}
	return strings.Join(texts, " UNION ALL ")
}

// newSource compiles a clause: any of what its parameter is indexed by.
func (s *Store) newSource(c search.Clause) (source, error) {
	var any anySource
	for _, p := range c.Param.Indexed() {
		from, err := s.memberSource(c, p)
		if err != nil {
			return nil, err
		}
		any = append(any, from)
	}
	from := s.anyOf(any)
	if c.Not {
		return notSource{from}, nil
	}
	return from, nil
}

// anyOf is met by what meets one of some.
func (s *Store) anyOf(list anySource) source {
	if s.d.Sparing() && len(list) > 1 {
		list = together(list)
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// together has all that is asked of facts as one clause, so far as rows tell whether they
// have any: each is a subquery. What is asked of columns stays by itself.
func together(list anySource) anySource {
	other, facts := apart(list, nil, factClause{})
	if facts.bit == 0 && facts.mark == 0 {
		return list
	}
	return append(other, facts)
}

// apart takes the facts out of clauses of which any suffices.
func apart(list, other anySource, facts factClause) (anySource, factClause) {
	for _, from := range list {
		switch from := from.(type) {
		case anySource:
			other, facts = apart(from, other, facts)
			continue
		case *tokenClause:
			if from.role != codeRole {
				column := *from
				column.alone = true
				other, facts = append(other, &column), facts.and(from.rest, 0, from.more)
				continue
			}
		case factClause:
			if from.bit != 0 {
				facts = facts.and(from, from.bit, 0)
				continue
			} else if from.mark != 0 {
				facts = facts.and(from, 0, from.mark)
				continue
			}
		}
		other = append(other, from)
	}
	return other, facts
}

func (s *Store) memberSource(c search.Clause, p *search.Param) (source, error) {
	switch {
	case c.By == search.ByText, p.Type == search.TextType:
		return s.newWordClause(c, p)
	case p.Type == search.PlaceType:
		return newPlaceClause(c, p)
	}
	role := noRole
	if c.By == search.ByValue {
		role = roleOf(p)
	}
	switch role {
	case subjectRole:
		return newSubjectClause(c, p)
	case codeRole, statusRole, categoryRole:
		return newTokenClause(c, p, role)
	case dateRole:
		return newDateClause(c, p)
	}
	if p.Type == search.CompositeType {
		return s.newCompositeClause(c, p)
	}
	return newGeneric(c, p)
}

// newGeneric compiles a clause on the tables of its values alone.
func newGeneric(c search.Clause, p *search.Param) (source, error) {
	switch p.Value() {
	case search.Token, search.ReferenceType:
		return newFactClause(c, p)
	case search.Date, search.StringType, search.URIType, search.NumberType, search.QuantityType:
		return newRowClause(c, p)
	}
	return nil, fmt.Errorf("store: cannot search by %s", p.Code)
}

// anySource is met by what meets one of several.
type anySource []source

func (s anySource) probe(b *sqlText) string {
	var either, valued []string
	var bits int64
	for _, from := range s {
		text := from.probe(b)
		if f, ok := from.(factClause); ok && f.bit != 0 && f.mark == 0 {
			valued, bits = append(valued, text), bits|f.bit
		} else {
			either = append(either, text)
		}
	}
	switch len(valued) {
	case 0:
	case 1:
		either = append(either, valued[0])
	default: // of many parameters a resource often has a value of none
		either = append(either, fmt.Sprintf("(d.present & %d <> 0 AND %s)", bits, anyOf(valued)))
	}
	return anyOf(either)
}

func (s anySource) arms(b *sqlText, rough bool) []arm {
	var list []arm
	for _, from := range s {
		list = append(list, from.arms(b, rough)...)
	}
	return list
}

// maxArms is how many arms may drive: of the queries of a UNION SQLite takes 500.
const maxArms = 450

func (s anySource) drives() bool {
	for _, from := range s {
		if !from.drives() {
			return false
		}
	}
	return len(s.arms(&sqlText{}, true)) <= maxArms
}

func (anySource) once() bool { return false }

func (s anySource) only() bool {
	for _, from := range s {
		if !from.only() {
			return false
		}
	}
	return true
}

// notSource is met by what does not meet another.
type notSource struct{ source }

func (s notSource) probe(b *sqlText) string {
	return "CASE WHEN " + s.source.probe(b) + " THEN false ELSE true END"
}

func (notSource) drives() bool { return false }

// anyOf joins conditions by OR as a balanced tree: SQLite bounds the depth.
func anyOf(conditions []string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	half := len(conditions) / 2
	return "(" + anyOf(conditions[:half]) + " OR " + anyOf(conditions[half:]) + ")"
}
