package relational

import (
	"strings"
	"unicode/utf8"

	"vitalwire/fhir/search"
)

// textRow is a row of table ix_string.
type textRow struct {
	key, n       int64
	head, folded string
	exact        int64
}

type placedText struct {
	textRow
	pos, shard int64
}

// headLimit is how many bytes of a text are in the index: PostgreSQL takes no
// long keys.
const headLimit = 96

func newTextRow(key int64, typ search.Type, text string, n int64) textRow {
	shown := compared(typ, text)
	r := textRow{key: key, n: n, head: headOf(shown), exact: hash(text)}
	if r.head != shown {
		r.folded = shown
	}
	return r
}

// compared is a text as it is compared: folded, or a uri as it is.
func compared(typ search.Type, text string) string {
	if typ == search.StringType {
		return search.Fold(text)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "") // PostgreSQL holds neither
}

func headOf(text string) string {
	if len(text) <= headLimit {
		return text
	}
	end := headLimit
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func textBatch(list []placedText) Batch {
	count := len(list)
	key, pos, n, exact, shard := make([]int64, count), make([]int64, count), make([]int64, count), make([]int64, count), make([]int64, count)
	head, folded := make([]string, count), make([]string, count)
	for i, t := range list {
		key[i], pos[i], n[i], head[i], folded[i], exact[i], shard[i] = t.key, t.pos, t.n, t.head, t.folded, t.exact, t.shard
	}
	return Batch{{Name: "key", Ints: key}, {Name: "pos", Ints: pos}, {Name: "n", Ints: n}, {Name: "head", Texts: head},
		{Name: "folded", Texts: folded}, {Name: "exact", Ints: exact}, {Name: "shard", Ints: shard}}
}

// textCondition compares the ix_string row named c with an operand
// (R4 search §3.1.1.5.4, §3.1.1.5.9).
func textCondition(b *sqlText, typ search.Type, m search.Match, o search.Operand) string {
	text := o.Text
	if o.Code != nil {
		text = *o.Code
	}
	shown := compared(typ, text)
	head := headOf(shown)
	switch m {
	case search.Exact:
		return "(c.head = " + b.arg(head) + " AND c.exact = " + b.arg(hash(text)) + ")"
	case search.Contains:
		return "(" + foldedOf("c") + " LIKE " + b.arg("%"+likeText(shown)+"%") + ` ESCAPE '\')`
	case search.Ends:
		return "(" + foldedOf("c") + " LIKE " + b.arg("%"+likeText(shown)) + ` ESCAPE '\')`
	case search.Equal:
		return "(c.head = " + b.arg(head) + " AND " + foldedOf("c") + " = " + b.arg(shown) + ")"
	case search.Unequal:
		return "(" + foldedOf("c") + " <> " + b.arg(shown) + ")"
	case search.Below:
		below := strings.TrimSuffix(shown, "/") + "/"
		return "(c.head = " + b.arg(head) + " AND c.exact = " + b.arg(hash(text)) + " OR " + beginsWith(b, below) + ")"
	}
	return beginsWith(b, shown)
}

// beginsWith is a range of the index. SQLite's LIKE knows no case, so the text is
// compared by its own bytes.
func beginsWith(b *sqlText, text string) string {
	if head := headOf(text); head != text {
		return "(c.head = " + b.arg(head) + " AND substr(c.folded, 1, " + b.arg(utf8.RuneCountInString(text)) + ") = " + b.arg(text) + ")"
	}
	return "(c.head >= " + b.arg(text) + " AND c.head < " + b.arg(text+"\U0010FFFF") + ")"
}

// foldedOf is the text of an ix_string row: the head alone holds a short one.
func foldedOf(row string) string {
	return "CASE WHEN " + row + ".folded = '' THEN " + row + ".head ELSE " + row + ".folded END"
}

func likeText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}
