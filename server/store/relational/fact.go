package relational

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// factClause is a token or reference clause on table ix: any of the entries.
type factClause struct {
	whole []any    // keys that match with any sub
	exact [][2]any // key and sub
	// bit of item.present, or of item.marks, without which there is no entry; 0 of a
	// parameter without one. With both either is enough.
	bit, mark int64
}

// and adds the entries of another, which is there only with one of its bits.
func (f factClause) and(other factClause, bit, mark int64) factClause {
	return factClause{slices.Concat(f.whole, other.whole), slices.Concat(f.exact, other.exact), f.bit | bit, f.mark | mark}
}

func newFactClause(c search.Clause, p *search.Param) (factClause, error) {
	var f factClause
	if p.Retired() {
		return f, store.Stale()
	}
	if p.Bit >= 0 && p.Bit < 63 {
		f.bit = 1 << p.Bit
	}
	if f.bit == 0 {
		f.mark = markBit(p)
	}
	for _, o := range c.Operands {
		if err := f.add(c, p, o); err != nil {
			return f, err
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
	case f.alike():
		return "c.key IN (" + b.list(f.firsts()) + ") AND c.sub = " + b.arg(f.exact[0][1])
	}
	pairs := make([]string, len(f.exact))
	for i, pair := range f.exact {
		pairs[i] = "(CAST(" + b.arg(pair[0]) + " AS bigint), CAST(" + b.arg(pair[1]) + " AS bigint))"
	}
	return "(c.key, c.sub) IN (VALUES " + strings.Join(pairs, ", ") + ")"
}

// alike reports whether all pairs have the same sub.
func (f factClause) alike() bool {
	return !slices.ContainsFunc(f.exact, func(pair [2]any) bool { return pair[1] != f.exact[0][1] })
}

// firsts are the keys of the pairs.
func (f factClause) firsts() []any {
	list := make([]any, len(f.exact))
	for i, pair := range f.exact {
		list[i] = pair[0]
	}
	return list
}

// keys is a condition on the keys alone, before that of match: with pairs by themselves
// SQLite scans the table.
func (f factClause) keys(b *sqlText) string {
	if f.alike() {
		return ""
	}
	return "c.key IN (" + b.list(f.firsts()) + ") AND "
}

// probe is the condition that the row at d.pos has the fact: a seek for each key.
// A scalar subquery is a seek in every planner; an EXISTS may become a join of its
// liking.
func (f factClause) probe(b *sqlText) string {
	var either []string
	for _, kind := range f.kinds() {
		either = append(either, "(SELECT 1 FROM ix c WHERE c.pos = d.pos AND "+kind.keys(b)+kind.match(b)+" LIMIT 1) IS NOT NULL")
	}
	// What has no value at all needs no seek.
	switch {
	case f.bit != 0 && f.mark != 0:
		return fmt.Sprintf("((d.present & %d <> 0 OR %s) AND %s)", f.bit, marked("d", f.mark), anyOf(either))
	case f.bit != 0:
		return fmt.Sprintf("(d.present & %d <> 0 AND %s)", f.bit, anyOf(either))
	case f.mark != 0:
		return "(" + marked("d", f.mark) + " AND " + anyOf(either) + ")"
	}
	return anyOf(either)
}

func (f factClause) arms(b *sqlText, rough bool) []arm {
	var list []arm
	for _, kind := range f.kinds() {
		list = append(list, arm{table: "ix", where: kind.match(b)})
	}
	return list
}

func (factClause) drives() bool { return true }

// once: several subs of one key may stand side by side.
func (f factClause) once() bool { return len(f.whole) == 0 && len(f.exact) == 1 }

func (factClause) only() bool { return true }
