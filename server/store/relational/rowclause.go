package relational

import (
	"fmt"

	"vitalwire/fhir/search"
)

// rowClause is a clause on rows of values: any of the operands.
type rowClause struct {
	table    string
	typ      search.Type
	match    search.Match
	operands []placedOperand
}

// placedOperand is an operand with the key of the values it is compared with.
type placedOperand struct {
	key int64
	search.Operand
	// lead is the system of a composite's first component, nil for any.
	lead *string
}

func newRowClause(c search.Clause, p *search.Param) (*rowClause, error) {
	r := &rowClause{typ: p.Value(), match: c.Match}
	fact := factRange
	switch r.typ {
	case search.Date:
		r.table = "ix_range"
	case search.StringType, search.URIType:
		r.table, fact = "ix_string", factText
	default:
		r.table, fact = "ix_quantity", factAmount
	}
	for _, o := range c.Operands {
		var scope []string
		var lead *string
		if p.Type == search.CompositeType {
			if o.Part == nil {
				return nil, fmt.Errorf("store: an operand of %s without its second part", c.Param.Code)
			}
			scope = scopeOf(o)
			if r.typ != search.Date {
				scope, lead = anySystem(*o.Code), o.System
			}
			o = *o.Part
		}
		r.operands = append(r.operands, placedOperand{paramKey(fact, p, "", scope...), o, lead})
		if err := knownPrefixes([]search.Operand{o}); err != nil {
			return nil, fmt.Errorf("%w of %s", err, c.Param.Code)
		}
	}
	return r, nil
}

// condition compares the row named c; driving lets the index be used.
func (r *rowClause) condition(b *sqlText, o placedOperand, driving bool) string {
	if o.lead != nil {
		first, last := leadNumbers(*o.lead)
		o.lead = nil
		return "(c.n >= " + b.arg(first) + " AND c.n <= " + b.arg(last) + " AND " + r.condition(b, o, driving) + ")"
	}
	switch {
	case r.table == "ix_string":
		return textCondition(b, r.typ, r.match, o.Operand)
	case r.table == "ix_quantity":
		return amountCondition(b, o.Operand)
	case driving:
		return dateCondition(b, o.Operand, "c.low", "c.high")
	}
	return dateCondition(b, o.Operand, "+c.low", "+c.high")
}

func (r *rowClause) probe(b *sqlText) string {
	// Operands on the same values share a subquery.
	var keys []int64
	byKey := map[int64][]placedOperand{}
	for _, o := range r.operands {
		if byKey[o.key] == nil {
			keys = append(keys, o.key)
		}
		byKey[o.key] = append(byKey[o.key], o)
	}
	var probes []string
	for _, key := range keys {
		var either []string
		for _, o := range byKey[key] {
			either = append(either, r.condition(b, o, false))
		}
		probes = append(probes, "(SELECT 1 FROM "+r.table+" c WHERE c.key = "+b.arg(key)+" AND c.pos = d.pos AND "+anyOf(either)+" LIMIT 1) IS NOT NULL")
	}
	return anyOf(probes)
}

// arms: OR would hide the index.
func (r *rowClause) arms(b *sqlText, rough bool) []arm {
	list := make([]arm, len(r.operands))
	for i, o := range r.operands {
		list[i] = arm{table: r.table, where: "c.key = " + b.arg(o.key) + " AND " + r.condition(b, o, true)}
	}
	return list
}

// maxDriving bounds the operands of a clause that may drive: each is a query of a
// UNION, of which SQLite takes 500.
const maxDriving = 64

func (r *rowClause) drives() bool {
	if len(r.operands) > maxDriving || r.match == search.Contains || r.match == search.Ends || r.match == search.Unequal {
		return false
	}
	for _, o := range r.operands {
		if o.Prefix == search.Ne {
			return false
		}
	}
	return true
}

func (*rowClause) once() bool { return false }

func (*rowClause) only() bool { return true }

// missing asks the row's bits whether there is a value.
type missing struct {
	bits  int64
	facts []any // of custom parameters, which have no bit
	want  bool
}

func newMissing(c search.Clause) missing {
	m := missing{want: *c.Missing}
	for _, p := range c.Param.Indexed() {
		if p.Index != "" {
			m.facts = append(m.facts, presentKey(p))
			continue
		}
		m.bits |= 1 << p.Bit
	}
	return m
}

func (m missing) probe(b *sqlText) string {
	if len(m.facts) > 0 {
		is := " IS NOT NULL"
		if m.want {
			is = " IS NULL"
		}
		return "(SELECT 1 FROM ix c WHERE c.key IN (" + b.list(m.facts) + ") AND c.pos = d.pos LIMIT 1)" + is
	}
	compare := " <> 0"
	if m.want {
		compare = " = 0"
	}
	return "(d.present & CAST(" + b.arg(m.bits) + " AS bigint))" + compare
}

func (missing) arms(*sqlText, bool) []arm { return nil }

func (missing) drives() bool { return false }

func (missing) once() bool { return false }

func (missing) only() bool { return true }

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

// dateBound is the part of dateCondition that one index can tell.
func dateBound(b *sqlText, o search.Operand, from, to string) string {
	switch o.Prefix {
	case search.Gt:
		return to + " > " + b.arg(o.High)
	case search.Ge:
		return to + " > " + b.arg(o.Low)
	case search.Lt:
		return from + " < " + b.arg(o.Low)
	case search.Le, search.Ap:
		return from + " < " + b.arg(o.High)
	case search.Sa:
		return from + " >= " + b.arg(o.High)
	case search.Eb:
		return to + " <= " + b.arg(o.Low)
	}
	return from + " >= " + b.arg(o.Low) + " AND " + from + " < " + b.arg(o.High)
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
