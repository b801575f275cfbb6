package relational

import (
	"fmt"
	"strings"

	"vitalwire/fhir/search"
)

// marked is the condition that the row named d has one of the bits.
func marked(row string, bits int64) string { return fmt.Sprintf("%s.marks & %d <> 0", row, bits) } //nolint:unparam // as the other columns

// in is the condition that a column is one of the values.
func in(b *sqlText, column string, values []any) string {
	if len(values) == 1 {
		return column + " = " + b.arg(values[0])
	}
	return column + " IN (" + b.list(values) + ")"
}

// subjectClause is a clause on whom a resource is about.
type subjectClause struct {
	keys       []any // values of the column
	held, more int64
	rest       factClause // in ix: what the column does not hold
}

func newSubjectClause(c search.Clause, p *search.Param) (source, error) {
	rest, err := newFactClause(c, p)
	if err != nil {
		return nil, err
	}
	s := &subjectClause{held: heldBit(p), more: moreBit(p), rest: rest}
	for _, o := range c.Operands {
		switch {
		case o.Target.Type != "":
			s.keys = append(s.keys, subjectKey(p.Resource, o.Target))
		case o.Target.URI == "":
			for _, typ := range p.Targets {
				s.keys = append(s.keys, subjectKey(p.Resource, search.Target{Type: typ, ID: o.Target.ID}))
			}
		}
	}
	return s, nil
}

func (s *subjectClause) probe(b *sqlText) string {
	rest := "(" + marked("d", s.more) + " AND " + s.rest.probe(b) + ")"
	if len(s.keys) == 0 {
		return rest
	}
	return "(" + in(b, "+d.subject", s.keys) + " AND " + marked("d", s.held) + " OR " + rest + ")"
}

func (s *subjectClause) arms(b *sqlText, rough bool) []arm {
	if len(s.keys) == 0 {
		return s.rest.arms(b, rough)
	}
	about := in(b, "d.subject", s.keys)
	if !rough {
		about += " AND " + marked("d", s.held)
	}
	return append([]arm{{"item", about}}, s.rest.arms(b, rough)...)
}

func (*subjectClause) drives() bool { return true }

func (*subjectClause) only() bool { return true }

// once: what the column holds is not in ix.
func (s *subjectClause) once() bool { return len(s.keys) <= 1 && s.rest.once() }

// tokenClause is a clause on a code, a status or a category.
type tokenClause struct {
	column  string
	role    role
	more    int64
	whole   []any    // codes in any system
	exact   [][2]any // code and system
	systems []any    // any code of these
	rest    factClause
	// alone asks the columns only: the rest is asked elsewhere.
	alone bool
}

func newTokenClause(c search.Clause, p *search.Param, r role) (source, error) {
	t := &tokenClause{column: map[role]string{codeRole: "code", statusRole: "status", categoryRole: "category"}[r], role: r, more: moreBit(p)}
	for _, o := range c.Operands {
		switch {
		case o.Code != nil && o.System == nil:
			t.whole = append(t.whole, paramKey(factCode, p, *o.Code))
		case o.Code != nil:
			t.exact = append(t.exact, [2]any{paramKey(factCode, p, *o.Code), subOf(*o.System)})
		case o.System != nil:
			t.systems = append(t.systems, subOf(*o.System))
		default:
			return nil, fmt.Errorf("store: an operand of %s without a value", p.Code)
		}
	}
	var err error
	if r != codeRole {
		t.rest, err = newFactClause(c, p)
	}
	return t, err
}

// match is the condition on the columns of a row. unary keeps them out of indexes.
func (t *tokenClause) match(b *sqlText, row, unary string) string {
	column := unary + row + "." + t.column
	var either []string
	if len(t.whole) > 0 {
		either = append(either, in(b, column, t.whole))
	}
	for _, pair := range t.exact {
		either = append(either, "("+column+" = "+b.arg(pair[0])+" AND "+row+"."+t.column+"_system = "+b.arg(pair[1])+")")
	}
	if len(t.systems) > 0 {
		either = append(either, in(b, row+"."+t.column+"_system", t.systems))
	}
	return anyOf(either)
}

func (t *tokenClause) probe(b *sqlText) string {
	test := t.match(b, "d", "+")
	if t.alone {
		return test
	}
	rest := ""
	if t.role == codeRole {
		rest = "(SELECT 1 FROM item_code c WHERE c.pos = d.pos AND " + t.match(b, "c", "+") + " LIMIT 1) IS NOT NULL"
	} else {
		rest = t.rest.probe(b)
	}
	return "(" + test + " OR (" + marked("d", t.more) + " AND " + rest + "))"
}

// codes are all codes asked for, whatever their system.
func (t *tokenClause) codes() []any {
	list := append([]any(nil), t.whole...)
	for _, pair := range t.exact {
		list = append(list, pair[0])
	}
	return list
}

func (t *tokenClause) arms(b *sqlText, rough bool) []arm {
	match := func(row string) string {
		if len(t.whole)+len(t.exact) > 1 { // an OR would hide the index
			return in(b, row+"."+t.column, t.codes()) + " AND " + t.match(b, row, "+")
		}
		return t.match(b, row, "")
	}
	list := []arm{{table: "item", where: match("d")}}
	if t.role == codeRole {
		return append(list, arm{table: "item_code", where: match("c")})
	}
	if t.alone {
		return list
	}
	return append(list, t.rest.arms(b, rough)...)
}

func (t *tokenClause) drives() bool { return len(t.systems) == 0 }

func (*tokenClause) only() bool { return true }

// once: what the column holds is not in the other table.
func (t *tokenClause) once() bool { return len(t.whole) == 0 && len(t.exact) == 1 }

// dateClause is a clause on when it was.
type dateClause struct {
	typ  int64 // the resource type's key
	rest *rowClause
}

func newDateClause(c search.Clause, p *search.Param) (source, error) {
	rest, err := newRowClause(c, p)
	return &dateClause{typeKey(p.Resource), rest}, err
}

func (s *dateClause) probe(b *sqlText) string {
	either := make([]string, len(s.rest.operands))
	for i, o := range s.rest.operands {
		either[i] = dateCondition(b, o.Operand, "+d.low", "+d.high")
	}
	// Several dates are in ix_range, each by itself.
	return fmt.Sprintf("CASE WHEN d.marks & %d = 0 THEN %s ELSE %s END", moreDate, anyOf(either), s.rest.probe(b))
}

func (s *dateClause) arms(b *sqlText, rough bool) []arm {
	var list []arm
	for _, o := range s.rest.operands {
		when := "d.type = " + b.arg(s.typ) + " AND "
		if rough {
			when += dateBound(b, o.Operand, "d.low", "d.high")
		} else {
			when += dateCondition(b, o.Operand, "d.low", "d.high") + fmt.Sprintf(" AND d.marks & %d = 0", moreDate)
		}
		list = append(list, arm{"item", when})
	}
	return append(list, s.rest.arms(b, rough)...)
}

func (s *dateClause) drives() bool { return s.rest.drives() }

func (*dateClause) only() bool { return true }

func (*dateClause) once() bool { return false }

// trackClause are the resources about somebody that are of some kind: the meeting
// of two clauses in one tree, in the order of time. It gives some rows that do not
// meet them: both are asked again.
type trackClause struct {
	subject *subjectClause
	// beside are other ways to be of the subject, in ix.
	beside anySource
	code   *tokenClause
	since  []any // their last date is after each
}

// newTrack finds the clauses of a track; nil when a query has none.
func newTrack(all []source) *trackClause {
	var t trackClause
	for _, from := range all {
		switch from := from.(type) {
		case *subjectClause:
			t.subject, t.beside = from, nil
		case anySource:
			if subject, beside := about(from); subject != nil && t.subject == nil {
				t.subject, t.beside = subject, beside
			}
		case *tokenClause:
			if from.role == codeRole && from.drives() {
				t.code = from
			}
		case *dateClause:
			if since, ok := from.rest.since(); ok {
				t.since = append(t.since, since)
			}
		}
	}
	if t.subject == nil || t.code == nil || len(t.subject.keys) == 0 || len(t.subject.keys) > maxTargets || len(t.code.codes()) > maxDriving {
		return nil
	}
	return &t
}

// about finds the subject in the clause of a compartment.
func about(any anySource) (subject *subjectClause, beside anySource) {
	for _, from := range any {
		switch from := from.(type) {
		case *subjectClause:
			if subject != nil {
				return nil, nil
			}
			subject = from
		case factClause:
			beside = append(beside, from)
		default:
			return nil, nil
		}
	}
	return subject, beside
}

// match is the condition on a row of item or item_code.
func (t *trackClause) match(b *sqlText, row string) string {
	all := []string{in(b, row+".subject", t.subject.keys), in(b, row+".code", t.code.codes())}
	for _, since := range t.since {
		all = append(all, row+".high > "+b.arg(since))
	}
	return strings.Join(all, " AND ")
}

func (t *trackClause) arms(b *sqlText, rough bool) []arm {
	list := append([]arm{{table: "item", where: t.match(b, "d")}, {table: "item_code", where: t.match(b, "c")}}, t.subject.rest.arms(b, rough)...)
	return append(list, t.beside.arms(b, rough)...)
}

func (*trackClause) probe(*sqlText) string { return "" }

func (*trackClause) drives() bool { return true }

func (*trackClause) only() bool { return false }

func (*trackClause) once() bool { return false }

// single reports whether its tree gives its rows in the order of time.
func (t *trackClause) single() bool { return len(t.subject.keys) == 1 && len(t.code.codes()) == 1 }

// since is what the last date of a match is after, by a clause of one operand.
func (r *rowClause) since() (after int64, ok bool) {
	if len(r.operands) != 1 {
		return 0, false
	}
	switch o := r.operands[0]; o.Prefix {
	case "", search.Eq, search.Ap, search.Ge:
		return o.Low, true
	case search.Gt, search.Sa:
		return o.High, true
	}
	return 0, false
}
