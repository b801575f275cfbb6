package relational

import "vitalwire/fhir/search"

// amountRow is a row of table ix_quantity.
type amountRow struct {
	key, n                    int64
	low, high, ulow, uhigh    string
	unit, system, code, label int64
}

type placedAmount struct {
	amountRow
	pos, shard int64
}

func newAmountRow(key int64, a *search.Amount, n int64) amountRow {
	r := amountRow{key: key, n: n, low: a.Low, high: a.High, ulow: a.Low, uhigh: a.High,
		unit: subOf(a.Canonical), system: subOf(a.System), code: subOf(a.Code), label: subOf(a.Unit)}
	if a.Canonical != "" {
		r.ulow, r.uhigh = a.From, a.To
	}
	return r
}

func amountBatch(list []placedAmount) Batch {
	var ints [8][]int64
	var texts [4][]string
	for i := range ints {
		ints[i] = make([]int64, len(list))
	}
	for i := range texts {
		texts[i] = make([]string, len(list))
	}
	for i, a := range list {
		for j, v := range [...]int64{a.key, a.pos, a.n, a.unit, a.system, a.code, a.label, a.shard} {
			ints[j][i] = v
		}
		for j, v := range [...]string{a.low, a.high, a.ulow, a.uhigh} {
			texts[j][i] = v
		}
	}
	return Batch{{Name: "key", Ints: ints[0]}, {Name: "pos", Ints: ints[1]}, {Name: "n", Ints: ints[2]},
		{Name: "low", Texts: texts[0]}, {Name: "high", Texts: texts[1]}, {Name: "ulow", Texts: texts[2]}, {Name: "uhigh", Texts: texts[3]},
		{Name: "unit", Ints: ints[3]}, {Name: "system", Ints: ints[4]}, {Name: "code", Ints: ints[5]}, {Name: "label", Ints: ints[6]},
		{Name: "shard", Ints: ints[7]}}
}

// amountCondition compares the ix_quantity row named c with an operand. The
// operand's precision counts for eq and ne alone (R4 search §3.1.1.5.2).
func amountCondition(b *sqlText, o search.Operand) string {
	from, to, unit := "c.low", "c.high", ""
	switch {
	case o.Bounds.Canonical != "":
		from, to, unit = "c.ulow", "c.uhigh", " AND c.unit = "+b.arg(subOf(o.Bounds.Canonical))
	case o.Code != nil && o.System == nil: // number||code: the unit's code or its text
		mark := b.arg(subOf(*o.Code))
		unit = " AND (c.code = " + mark + " OR c.label = " + mark + ")"
	default:
		if o.System != nil {
			unit = " AND c.system = " + b.arg(subOf(*o.System))
		}
		if o.Code != nil {
			unit += " AND c.code = " + b.arg(subOf(*o.Code))
		}
	}
	n := o.Bounds
	compare := ""
	switch o.Prefix {
	case search.Gt:
		compare = to + " > " + b.arg(n.Value)
	case search.Lt:
		compare = from + " < " + b.arg(n.Value)
	case search.Ge:
		compare = to + " >= " + b.arg(n.Value)
	case search.Le:
		compare = from + " <= " + b.arg(n.Value)
	case search.Sa:
		compare = from + " > " + b.arg(n.Value)
	case search.Eb:
		compare = to + " < " + b.arg(n.Value)
	case search.Ne:
		compare = "(" + from + " < " + b.arg(n.Low) + " OR " + to + " >= " + b.arg(n.High) + ")"
	case search.Ap:
		compare = from + " <= " + b.arg(n.Near[1]) + " AND " + to + " >= " + b.arg(n.Near[0])
	default:
		compare = from + " >= " + b.arg(n.Low) + " AND " + to + " < " + b.arg(n.High)
	}
	return "(" + compare + unit + ")"
}
