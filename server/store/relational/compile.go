package relational

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// sqlText gathers SQL and its parameters.
type sqlText struct {
	strings.Builder
	args []any
}

// arg adds a parameter and gives its placeholder.
func (b *sqlText) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

func (b *sqlText) list(values []any) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = b.arg(v)
	}
	return strings.Join(marks, ", ")
}

func (b *sqlText) statement() Statement { return Statement{SQL: b.String(), Args: b.args} }

// plan is a query understood: its clauses by how they are answered.
type plan struct {
	query *search.Query
	at    int64 // the position searched at
	upper int64 // no match has a later position
	facts []factClause
	dates []dateClause
	times []search.Clause // _lastUpdated: conditions on the position itself
	ids   []string        // _id: what is left of all of them
	byID  bool
	sort  []search.Sort
}

// factClause is a token or reference clause: any of the entries.
type factClause struct {
	whole []any    // keys that match with any sub
	exact [][2]any // key and sub
	rank  int      // of two equally large ones the lower is tried first
}

func (f factClause) single() bool { return len(f.whole)+len(f.exact) == 1 }

// dateClause is a date clause: any of the operands on the values of key.
type dateClause struct {
	key      int64
	operands []search.Operand
}

// newPlan sorts a query's clauses. What it does not know is an error, never ignored.
func newPlan(q *search.Query, position int64) (*plan, error) {
	p := &plan{query: q, at: position}
	if q.After != nil {
		p.at = q.After.Snapshot
	}
	p.upper = p.at
	for _, clause := range q.Filter {
		if len(clause.Operands) == 0 {
			return nil, fmt.Errorf("store: a clause of %s without operands", clause.Param.Code)
		}
		if err := p.clause(clause); err != nil {
			return nil, err
		}
	}
	for _, key := range q.Sort {
		if key.Param.Type != search.Date && key.Param.Type != search.LastUpdated {
			return nil, fmt.Errorf("store: cannot sort by %s", key.Param.Code)
		}
		p.sort = append(p.sort, key)
		if key.Param.Type == search.LastUpdated {
			break // no two have the same
		}
	}
	return p, nil
}

func (p *plan) clause(c search.Clause) error {
	switch c.Param.Type {
	case search.Token, search.ReferenceType:
		f, err := newFactClause(c)
		p.facts = append(p.facts, f)
		return err
	case search.Date:
		p.dates = append(p.dates, dateClause{rangeKey(c.Param), c.Operands})
		return knownPrefixes(c)
	case search.LastUpdated:
		p.times = append(p.times, c)
		p.bound(c.Operands)
		return knownPrefixes(c)
	case search.ID:
		return p.addIDs(c)
	}
	return fmt.Errorf("store: cannot search by %s", c.Param.Code)
}

// bound lowers upper by what a clause of one operand says: of two upper bounds
// SQLite seeks by the first and not by the lower.
func (p *plan) bound(operands []search.Operand) {
	if len(operands) > 1 {
		return
	}
	switch o := operands[0]; o.Prefix {
	case "", search.Eq, search.Ap, search.Le:
		p.upper = min(p.upper, o.High)
	case search.Lt, search.Eb:
		p.upper = min(p.upper, o.Low)
	}
}

func knownPrefixes(c search.Clause) error {
	for _, o := range c.Operands {
		switch o.Prefix {
		case "", search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap:
		default:
			return fmt.Errorf("store: unknown prefix %q of %s", o.Prefix, c.Param.Code)
		}
	}
	return nil
}

func (p *plan) addIDs(c search.Clause) error {
	var ids []string
	for _, o := range c.Operands {
		if o.Code == nil {
			return fmt.Errorf("store: _id without a value")
		}
		if fhir.ValidID(*o.Code) && !slices.Contains(ids, *o.Code) { // nothing else is an id
			ids = append(ids, *o.Code)
		}
	}
	if p.byID {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(p.ids, id) })
	}
	p.byID, p.ids = true, ids
	return nil
}

func newFactClause(c search.Clause) (factClause, error) {
	f := factClause{rank: 2}
	if c.Param.Type == search.ReferenceType {
		f.rank = 1
	}
	if c.Param.Code == "identifier" {
		f.rank = 0
	}
	for _, o := range c.Operands {
		switch t := o.Target; {
		case c.Param.Type == search.Token && o.Code != nil && o.System == nil:
			f.whole = append(f.whole, paramKey(factCode, c.Param, *o.Code))
		case c.Param.Type == search.Token && o.Code != nil:
			f.exact = append(f.exact, [2]any{paramKey(factCode, c.Param, *o.Code), subOf(*o.System)})
		case c.Param.Type == search.Token && o.System != nil:
			f.whole = append(f.whole, paramKey(factSystem, c.Param, *o.System))
		case c.Param.Type == search.ReferenceType && t.URI != "":
			f.whole = append(f.whole, paramKey(factURI, c.Param, t.URI))
		case c.Param.Type == search.ReferenceType && t.ID != "" && t.Type == "":
			f.whole = append(f.whole, paramKey(factTarget, c.Param, t.ID))
		case c.Param.Type == search.ReferenceType && t.ID != "":
			f.exact = append(f.exact, [2]any{paramKey(factTarget, c.Param, t.ID), subOf(t.Type)})
		default:
			return f, fmt.Errorf("store: an operand of %s without a value", c.Param.Code)
		}
	}
	return f, nil
}

// kinds splits the operands by how they are matched. One condition for both would
// be an OR, which hides the index from PostgreSQL.
func (f factClause) kinds() []factClause {
	if len(f.whole) == 0 || len(f.exact) == 0 {
		return []factClause{f}
	}
	return []factClause{{whole: f.whole}, {exact: f.exact}}
}

// match is the condition on an ix row named c, of operands of one kind.
func (f factClause) match(b *sqlText) string {
	switch {
	case len(f.whole) == 1:
		return "c.key = " + b.arg(f.whole[0])
	case len(f.whole) > 1:
		return "c.key IN (" + b.list(f.whole) + ")"
	case len(f.exact) == 1:
		return "c.key = " + b.arg(f.exact[0][0]) + " AND c.sub = " + b.arg(f.exact[0][1])
	}
	pairs := make([]string, len(f.exact))
	for i, pair := range f.exact {
		pairs[i] = "(CAST(" + b.arg(pair[0]) + " AS bigint), CAST(" + b.arg(pair[1]) + " AS bigint))"
	}
	return "(c.key, c.sub) IN (VALUES " + strings.Join(pairs, ", ") + ")"
}

// probe is the condition that the row at d.pos has the fact: a seek for each key.
// A scalar subquery is a seek in every planner; an EXISTS may become a join of its
// liking.
func (f factClause) probe(b *sqlText) string {
	var either []string
	for _, kind := range f.kinds() {
		either = append(either, "(SELECT 1 FROM ix c WHERE c.pos = d.pos AND "+kind.match(b)+" LIMIT 1) IS NOT NULL")
	}
	return anyOf(either)
}

func (c dateClause) probe(b *sqlText) string {
	either := make([]string, len(c.operands))
	for i, o := range c.operands {
		either[i] = dateCondition(b, o, "+c.low", "+c.high")
	}
	return "(SELECT 1 FROM ix_range c WHERE c.key = " + b.arg(c.key) + " AND c.pos = d.pos AND " + anyOf(either) + " LIMIT 1) IS NOT NULL"
}

// dateCondition compares a value from "from" to "to" with the operand's range
// (R4 search §3.1.1.4.5). "The range of the search value fully contains that of
// the target" is eq; above and below are what lies beyond the operand's ends.
// A unary plus before the columns keeps the planners of both databases from
// answering by the columns' indexes, where another one is right.
func dateCondition(b *sqlText, o search.Operand, from, to string) string {
	// PostgreSQL takes no parameter that nothing uses.
	switch o.Prefix {
	case search.Gt:
		return "(" + to + " > " + b.arg(o.High) + ")"
	case search.Lt:
		return "(" + from + " < " + b.arg(o.Low) + ")"
	case search.Sa:
		return "(" + from + " >= " + b.arg(o.High) + ")"
	case search.Eb:
		return "(" + to + " <= " + b.arg(o.Low) + ")"
	}
	low, high := b.arg(o.Low), b.arg(o.High)
	switch o.Prefix {
	case search.Ne:
		return fmt.Sprintf("(%[1]s < %[3]s OR %[2]s > %[4]s)", from, to, low, high)
	case search.Ge: // gt or eq; the first bound follows from the rest and is the one an index can serve
		return fmt.Sprintf("(%[2]s > %[3]s AND (%[2]s > %[4]s OR %[1]s >= %[3]s))", from, to, low, high)
	case search.Le: // lt or eq, likewise
		return fmt.Sprintf("(%[1]s < %[4]s AND (%[1]s < %[3]s OR %[2]s <= %[4]s))", from, to, low, high)
	case search.Ap: // overlaps
		return fmt.Sprintf("(%[1]s < %[4]s AND %[2]s > %[3]s)", from, to, low, high)
	}
	// The upper bound on the start follows from the rest; it ends the scan of the index.
	return fmt.Sprintf("(%[1]s >= %[3]s AND %[1]s < %[4]s AND %[2]s <= %[4]s)", from, to, low, high)
}

// timeCondition compares a position, the range of one microsecond, likewise.
func timeCondition(b *sqlText, o search.Operand, pos string) string {
	switch o.Prefix {
	case search.Ne:
		return "(" + pos + " < " + b.arg(o.Low) + " OR " + pos + " >= " + b.arg(o.High) + ")"
	case search.Gt, search.Sa:
		return "(" + pos + " >= " + b.arg(o.High) + ")"
	case search.Lt, search.Eb:
		return "(" + pos + " < " + b.arg(o.Low) + ")"
	case search.Ge:
		return "(" + pos + " >= " + b.arg(o.Low) + ")"
	case search.Le:
		return "(" + pos + " < " + b.arg(o.High) + ")"
	}
	return "(" + pos + " >= " + b.arg(o.Low) + " AND " + pos + " < " + b.arg(o.High) + ")"
}

// anyOf joins conditions by OR as a balanced tree: SQLite bounds the depth.
func anyOf(conditions []string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	half := len(conditions) / 2
	return "(" + anyOf(conditions[:half]) + " OR " + anyOf(conditions[half:]) + ")"
}
