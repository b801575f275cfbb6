package relational

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"vitalwire/fhir/search"
)

// Full text is one row for each version that has any, in table ix_words: terms with
// blanks between them. A term is what it is a word of, and the word: seven letters
// hashed from resource type and parameter, so that one index serves all types and
// parameters, and a search walks no others. Words are folded and cut in package
// search; the databases only keep terms, so both find the same.

// placedWords is a row of table ix_words.
type placedWords struct {
	terms      string
	pos, shard int64
}

const termHead = 7

// heads is how many there are.
const heads = 36 * 36 * 36 * 36 * 36 * 36 * 36

// termOf is what the terms of a parameter begin with.
func termOf(p *search.Param) string {
	n := uint64(hash("word", p.Resource, p.Code)) % heads
	text := strconv.FormatUint(n, 36)
	return strings.Repeat("0", termHead-len(text)) + text
}

// Term is what full text is searched for: all words that are Text, or that begin
// with it. It has only letters and digits.
type Term struct {
	Text   string
	Prefix bool
}

// addWords adds the terms of a value.
func (r *rows) addWords(v search.Value) {
	head := termOf(v.Param)
	for word := range strings.FieldsSeq(v.Text) {
		if len(r.terms) > 0 {
			r.terms = append(r.terms, ' ')
		}
		r.terms = append(append(r.terms, head...), word...)
	}
}

func wordBatch(list []placedWords) Batch {
	pos, shard, terms := make([]int64, len(list)), make([]int64, len(list)), make([]string, len(list))
	for i, w := range list {
		pos[i], shard[i], terms[i] = w.pos, w.shard, w.terms
	}
	return Batch{{Name: "pos", Ints: pos}, {Name: "terms", Texts: terms}, {Name: "shard", Ints: shard}}
}

// wordClause is a clause on full text: any of the terms.
type wordClause struct {
	d     Dialect
	terms []Term
	most  int64 // what is ever counted to
}

func (s *Store) newWordClause(c search.Clause, p *search.Param) (source, error) {
	w := wordClause{d: s.d, most: s.cfg.Gather}
	params := []*search.Param{p}
	if narrative := s.cfg.Search.Lookup(p.Resource, "_text"); p.Code == "_content" && narrative != nil {
		params = append(params, narrative) // the narrative is content, and indexed once
	}
	for _, o := range c.Operands {
		if o.Text == "" {
			return nil, fmt.Errorf("store: an operand of %s without a word", p.Code)
		}
		for _, p := range params {
			w.terms = append(w.terms, Term{termOf(p) + o.Text, c.Match == search.Begins})
		}
	}
	return w, nil
}

func (w wordClause) probe(b *sqlText) string {
	return "(SELECT 1 FROM (" + w.d.WordRows(b.arg(w.d.WordQuery(w.terms)), "d.pos", 1) + ") w LIMIT 1) IS NOT NULL"
}

func (w wordClause) arms(b *sqlText, rough bool) []arm {
	most := int64(math.MaxInt64)
	if rough {
		most = w.most
	}
	return []arm{{table: "(" + w.d.WordRows(b.arg(w.d.WordQuery(w.terms)), "", most) + ")", where: "true"}}
}

func (wordClause) drives() bool { return true }

func (wordClause) once() bool { return true }

func (wordClause) only() bool { return true }
