package relational

import (
	"fmt"

	"vitalwire/fhir/search"
)

// source is a clause as SQL: a condition on one row, and where it can, a list of
// the rows that meet it.
type source interface {
	// probe is the condition that the row of item named d meets it; it may be null
	// for false.
	probe(b *sqlText) string
	// rows writes the rows that meet it; only of one that drives.
	rows(b *sqlText)
	// drives reports whether a search may walk the rows.
	drives() bool
	// once reports whether rows gives no position twice.
	once() bool
}

// newSource compiles a clause: any of what its parameter is indexed by.
func newSource(c search.Clause) (source, error) {
	var any anySource
	for _, p := range c.Param.Indexed() {
		from, err := memberSource(c, p)
		if err != nil {
			return nil, err
		}
		any = append(any, from)
	}
	var from source = any
	if len(any) == 1 {
		from = any[0]
	}
	if c.Not {
		return notSource{from}, nil
	}
	return from, nil
}

func memberSource(c search.Clause, p *search.Param) (source, error) {
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
	either := make([]string, len(s))
	for i, from := range s {
		either[i] = from.probe(b)
	}
	return anyOf(either)
}

func (s anySource) rows(b *sqlText) {
	for i, from := range s {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		from.rows(b)
	}
}

func (s anySource) drives() bool {
	for _, from := range s {
		if !from.drives() {
			return false
		}
	}
	return true
}

func (anySource) once() bool { return false }

// notSource is met by what does not meet another.
type notSource struct{ source }

func (s notSource) probe(b *sqlText) string { return "NOT coalesce(" + s.source.probe(b) + ", false)" }

func (notSource) drives() bool { return false }

// anyOf joins conditions by OR as a balanced tree: SQLite bounds the depth.
func anyOf(conditions []string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	half := len(conditions) / 2
	return "(" + anyOf(conditions[:half]) + " OR " + anyOf(conditions[half:]) + ")"
}
