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
	other []source        // what is not in ix alone
	times []search.Clause // _lastUpdated: conditions on the position itself
	never bool            // nothing can match
	ids   []string        // _id: what is left of all of them
	byID  bool
	sort  []search.Sort
}

// factClause is a token or reference clause: any of the entries.
type factClause struct {
	whole []any    // keys that match with any sub
	exact [][2]any // key and sub
	rank  int      // of two equally large ones the lower is tried first
	not   bool     // none of the entries
}

func (f factClause) single() bool { return len(f.whole)+len(f.exact) == 1 }

// newPlan sorts a query's clauses. What it does not know is an error, never ignored.
func newPlan(q *search.Query, position int64) (*plan, error) {
	p := &plan{query: q, at: position}
	if q.After != nil {
		p.at = q.After.Snapshot
	}
	p.upper = p.at
	for _, clause := range q.Filter {
		if len(clause.Operands) == 0 && clause.Missing == nil {
			return nil, fmt.Errorf("store: a clause of %s without operands", clause.Param.Code)
		}
		if err := p.clause(clause); err != nil {
			return nil, err
		}
	}
	for _, key := range q.Sort {
		if !key.Param.Sortable() {
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
	if c.Missing != nil {
		p.other = append(p.other, newMissing(c))
		return nil
	}
	switch c.Param.Value() {
	case search.Token, search.ReferenceType:
		f, err := newFactClause(c)
		p.facts = append(p.facts, f)
		return err
	case search.LastUpdated:
		p.times = append(p.times, c)
		p.bound(c.Operands)
		return knownPrefixes(c.Operands)
	case search.ID:
		return p.addIDs(c)
	case search.Date, search.StringType, search.URIType, search.NumberType, search.QuantityType:
		r, err := newRowClause(c)
		p.other = append(p.other, r)
		return err
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

func knownPrefixes(operands []search.Operand) error {
	for _, o := range operands {
		switch o.Prefix {
		case "", search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap:
		default:
			return fmt.Errorf("store: unknown prefix %q", o.Prefix)
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
	f := factClause{rank: 2, not: c.Not}
	if c.Param.Type == search.ReferenceType {
		f.rank = 1
	}
	if c.Param.Code == "identifier" {
		f.rank = 0
	}
	for _, o := range c.Operands {
		for _, p := range c.Param.Indexed() {
			if err := f.add(c, p, o); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

// add adds the entries of one operand for one parameter.
func (f *factClause) add(c search.Clause, p *search.Param, o search.Operand) error {
	var scope []string
	typ := p.Type
	if typ == search.CompositeType {
		if o.Part == nil {
			return fmt.Errorf("store: an operand of %s without its second part", p.Code)
		}
		scope, typ, o = scopeOf(o), p.Value(), *o.Part
	}
	fact := factCode
	switch c.By {
	case search.ByType:
		fact = factTyped
	case search.ByIdentifier:
		fact, typ = factByID, search.Token
	}
	t := o.Target
	switch {
	case typ == search.Token && o.Code != nil && o.System == nil:
		f.whole = append(f.whole, paramKey(fact, p, *o.Code, scope...))
	case typ == search.Token && o.Code != nil:
		f.exact = append(f.exact, [2]any{paramKey(fact, p, *o.Code, scope...), subOf(*o.System)})
	case typ == search.Token && o.System != nil && fact == factCode && scope == nil:
		f.whole = append(f.whole, paramKey(factSystem, p, *o.System))
	case typ == search.ReferenceType && t.URI != "":
		f.whole = append(f.whole, paramKey(factURI, p, t.URI, scope...))
	case typ == search.ReferenceType && t.ID != "" && t.Type == "":
		f.whole = append(f.whole, paramKey(factTarget, p, t.ID, scope...))
	case typ == search.ReferenceType && t.ID != "":
		f.exact = append(f.exact, [2]any{paramKey(factTarget, p, t.ID, scope...), subOf(t.Type)})
	case fact != factCode && o.System != nil:
		return fhir.BadSearch("%s must have a value behind the system", p.Code).WithCode(fhir.CodeNotSupported)
	default:
		return fmt.Errorf("store: an operand of %s without a value", p.Code)
	}
	return nil
}

// scopeOf is the scope of a composite operand, by its first component.
func scopeOf(o search.Operand) []string {
	if o.System == nil {
		return anySystem(*o.Code)
	}
	return inSystem(*o.System, *o.Code)
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
	if f.not {
		return "NOT " + anyOf(either)
	}
	return anyOf(either)
}

// anyOf joins conditions by OR as a balanced tree: SQLite bounds the depth.
func anyOf(conditions []string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	half := len(conditions) / 2
	return "(" + anyOf(conditions[:half]) + " OR " + anyOf(conditions[half:]) + ")"
}
