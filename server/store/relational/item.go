package relational

import (
	"math"
	"strings"

	"vitalwire/fhir/search"
)

// none stands for NULL in a column of a Batch that may be null.
const none = math.MinInt64 + 1

// token is a code and its system as columns hold them.
type token struct{ code, system int64 }

var noToken = token{none, none}

// itemRow is a row of table item: a version that can be found.
type itemRow struct {
	typ                    int64
	present                int64 // a bit for each parameter with a value (search.Param.Bit), for :missing
	marks                  int64
	subject                int64
	code, status, category token
	low, high              int64 // of several dates the lowest low and the highest high
	owner                  int64 // the patient in whose compartment it is, the first of several
}

// codeRow is a row of table item_code: a further code of a version.
type codeRow struct {
	subject int64
	code    token
	low     int64
	high    int64
}

type placedItem struct {
	itemRow
	pos, shard int64
}

type placedCode struct {
	codeRow
	pos, shard int64
}

func newItem(typ string) itemRow {
	return itemRow{typ: typeKey(typ), subject: none, code: noToken, status: noToken, category: noToken, low: none, high: none, owner: none}
}

// hold puts a value in the row's columns; false when it belongs in the generic tables.
func (r *rows) hold(v search.Value) bool {
	if v.By != search.ByValue {
		return false
	}
	it := &r.item
	switch roleOf(v.Param) {
	case subjectRole:
		if v.Target.URI != "" || !isTarget(v.Param, v.Target) {
			it.marks |= moreBit(v.Param)
			return false
		}
		key := subjectKey(v.Param.Resource, v.Target)
		if it.subject == none {
			it.subject = key
		}
		if it.subject != key {
			it.marks |= moreBit(v.Param)
			return false
		}
		it.marks |= heldBit(v.Param)
		return true
	case codeRole:
		t := tokenOf(v)
		if it.code == noToken {
			it.code = t
		} else if it.code != t {
			it.marks |= moreCode
			r.codes = append(r.codes, codeRow{code: t})
		}
		return true
	case statusRole:
		return it.holdToken(&it.status, v)
	case categoryRole:
		return it.holdToken(&it.category, v)
	case dateRole:
		if it.high == none {
			it.low, it.high = v.Low, v.High
			r.dated = v
			return true
		}
		if it.marks&moreDate == 0 { // the second: both are in ix_range
			it.marks |= moreDate
			r.addScoped(r.dated, nil)
		}
		it.low, it.high = min(it.low, v.Low), max(it.high, v.High)
	case noRole:
	}
	return false
}

func (it *itemRow) holdToken(column *token, v search.Value) bool {
	t := tokenOf(v)
	if *column == noToken {
		*column = t
	}
	if *column == t {
		return true
	}
	it.marks |= moreBit(v.Param)
	return false
}

func tokenOf(v search.Value) token {
	return token{paramKey(factCode, v.Param, v.Code), subOf(v.System)}
}

// finish fills in what the rows of further codes repeat of the item.
func (r *rows) finish() {
	for i := range r.codes {
		c := &r.codes[i]
		c.subject, c.low, c.high = r.item.subject, r.item.low, r.item.high
	}
}

// itemNames are the columns of item and, with until behind them, of item_past.
var itemNames = []string{"pos", "shard", "type", "present", "marks", "subject", "code", "code_system", "status", "status_system",
	"category", "category_system", "low", "high", "owner"}

var itemColumns = strings.Join(itemNames, ", ")

// itemColumnsOf are the columns of a row by its name.
func itemColumnsOf(row string) string { return row + "." + strings.Join(itemNames, ", "+row+".") }

func itemBatch(list []placedItem) Batch {
	c := newColumns(len(list), itemNames...)
	for i, r := range list {
		c.set(i, r.pos, r.shard, r.typ, r.present, r.marks, r.subject, r.code.code, r.code.system, r.status.code, r.status.system,
			r.category.code, r.category.system, r.low, r.high, r.owner)
	}
	return Batch(c)
}

func codeBatch(list []placedCode) Batch {
	c := newColumns(len(list), "pos", "shard", "subject", "code", "code_system", "low", "high")
	for i, r := range list {
		c.set(i, r.pos, r.shard, r.subject, r.code.code, r.code.system, r.low, r.high)
	}
	return Batch(c)
}

// columns are those of a batch of numbers, any of which may be none.
type columns Batch

func newColumns(rows int, names ...string) columns {
	c := make(columns, len(names))
	for i, name := range names {
		c[i] = Column{Name: name, Ints: make([]int64, rows), Nullable: true}
	}
	return c
}

func (c columns) set(row int, values ...int64) {
	for i, v := range values {
		c[i].Ints[row] = v
	}
}
