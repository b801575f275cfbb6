package relational

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// An entry of table ix says that a resource version has a fact. Facts are found
// by a 64-bit key that is a prefix of SHA-256: the same in every process, and
// nobody can aim at another's key with less than 2^64 work (docs/adr/0003).
// The second part, sub, narrows a fact without a second entry:
//
//	fact                    key of                     sub of
//	token with a code       type, parameter, code      its system
//	token of a system       type, parameter, system    -
//	reference to a resource type, parameter, id        its type
//	reference by URI        type, parameter, URI       -
//	identifier of a type    type, parameter, code|value  system of the type
//	reference by identifier type, parameter, value     its system
//	custom parameter has a value  type, parameter      -
//	one of several owners      -                         the patient
//	two tokens of a composite  type, parameter, lead, code  system of the second
//
// What a column of the version's row in table item holds (roles.go) has no entry.
type entry struct{ key, sub int64 }

// span is an entry of table ix_range. ends says which ends of the resource's
// values of that parameter it holds, for sorting: 1 the lowest low, 2 the highest high.
type span struct{ key, low, high, ends int64 }

// The kinds of fact, hashed before anything else.
const (
	factType    = "type"
	factCode    = "code"
	factSystem  = "system"
	factTarget  = "target"
	factURI     = "uri"
	factRange   = "range"
	factText    = "text"
	factAmount  = "amount"
	factTyped   = "of-type"
	factByID    = "identifier"
	factPresent = "present"
	factPlace   = "place"
	factOwner   = "owner"
)

// hash is the 64-bit key of parts. Each part's length goes in before it, so that
// parts cannot run together.
func hash(parts ...string) int64 {
	var room [256]byte
	b := room[:0]
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// subOf narrows by a system or a target's type; none is 0.
func subOf(text string) int64 {
	if text == "" {
		return 0
	}
	return hash(text)
}

func typeKey(typ string) int64 { return hash(factType, typ) }

func rangeKey(p *search.Param) int64 { return paramKey(factRange, p, "") }

func presentKey(p *search.Param) int64 { return paramKey(factPresent, p, "") }

func paramKey(fact string, p *search.Param, text string, scope ...string) int64 {
	name := cmp.Or(p.Index, p.Code)
	if len(scope) == 0 {
		return hash(fact, p.Resource, name, text)
	}
	return hash(append([]string{fact, p.Resource, name, text}, scope...)...)
}

// rows are what makes a version findable.
type rows struct {
	item    itemRow
	dated   search.Value // the first date of the item
	codes   []codeRow
	entries []entry
	spans   []span
	texts   []textRow
	amounts []amountRow
	terms   []byte // of ix_words
	places  []placeRow
	consent *store.Agreed // of a Consent that names its patient
}

// scopes are what the keys of a value begin with: nothing, or for a composite its
// first component, without the system and with it.
func scopes(v search.Value) [][]string {
	if v.Param.Type != search.CompositeType {
		return [][]string{nil}
	}
	return [][]string{anySystem(v.Lead.Code), inSystem(v.Lead.System, v.Lead.Code)}
}

// numbered numbers the rows that one version has in ix_string or ix_quantity. The
// number of a composite's begins with its lead's system, of which the key knows
// nothing: one row serves searches with the system and without.
func numbered(v search.Value, n int) int64 {
	if v.Param.Type != search.CompositeType {
		return int64(n)
	}
	first, _ := leadNumbers(v.Lead.System)
	return first + int64(n%numbersOfLead)
}

// numbersOfLead is how many rows of one key and one lead a version can have.
const numbersOfLead = 1 << 16

// leadNumbers are the first and last number of the rows of a lead's system.
func leadNumbers(system string) (first, last int64) {
	first = hash("lead", system) &^ (numbersOfLead - 1)
	return first, first + numbersOfLead - 1
}

func anySystem(code string) []string { return []string{"any", code} }

func inSystem(system, code string) []string { return []string{"in", system, code} }

// indexOf gives the rows that make a version of a resource findable.
func (s *Store) indexOf(key fhir.Key, resource *fhir.Resource, values []search.Value) rows {
	r := rows{item: newItem(key.Type)}
	r.own(s.cfg.Search.Owners(key, values))
	if key.Type == "Consent" {
		if said, ok := store.AgreedIn(resource); ok {
			r.consent = &said
		}
	}
	if !s.follow(values) {
		r.item.marks |= moreComposite
	}
	for _, v := range values {
		if v.By == search.ByText || v.Param.Type == search.TextType {
			r.addWords(v)
			continue
		}
		if v.Param.Bit >= 0 && v.Param.Bit < 63 {
			r.item.present |= 1 << v.Param.Bit
		}
		if follows(v.Param) && r.item.marks&moreComposite == 0 {
			continue
		}
		if !r.hold(v) {
			r.add(v)
		}
		r.present(v.Param)
		r.item.marks |= markBit(v.Param)
	}
	r.finish()
	r.entries, r.spans = unique(r.entries), markEnds(r.spans)
	return r
}

// present says of a custom parameter, which has no bit, that it has a value.
func (r *rows) present(p *search.Param) {
	if p.Index != "" {
		r.entries = append(r.entries, entry{key: presentKey(p)})
	}
}

func (r *rows) add(v search.Value) {
	p := v.Param
	switch v.Param.Value() {
	case search.StringType, search.URIType:
		r.texts = append(r.texts, newTextRow(paramKey(factText, p, "", scopes(v)[0]...), p.Value(), v.Text, numbered(v, len(r.texts))))
	case search.NumberType, search.QuantityType:
		r.amounts = append(r.amounts, newAmountRow(paramKey(factAmount, p, "", scopes(v)[0]...), v.Amount, numbered(v, len(r.amounts))))
	case search.PlaceType:
		r.places = append(r.places, placeRow{key: paramKey(factPlace, p, ""), n: int64(len(r.places)), Place: *v.Place})
	default:
		for _, scope := range scopes(v) {
			r.addScoped(v, scope)
		}
	}
}

func (r *rows) addScoped(v search.Value, scope []string) {
	p := v.Param
	switch {
	case v.By == search.ByType:
		r.entries = append(r.entries, entry{paramKey(factTyped, p, v.Code), subOf(v.System)})
		return
	case v.By == search.ByIdentifier:
		r.entries = append(r.entries, entry{paramKey(factByID, p, v.Code), subOf(v.System)})
		return
	}
	switch p.Value() {
	case search.Token:
		r.entries = append(r.entries, entry{paramKey(factCode, p, v.Code, scope...), subOf(v.System)})
		if scope == nil {
			r.entries = append(r.entries, entry{key: paramKey(factSystem, p, v.System)})
		}
	case search.ReferenceType:
		if v.Target.URI != "" {
			r.entries = append(r.entries, entry{key: paramKey(factURI, p, v.Target.URI, scope...)})
			return
		}
		r.entries = append(r.entries, entry{paramKey(factTarget, p, v.Target.ID, scope...), subOf(v.Target.Type)})
	case search.Date:
		r.spans = append(r.spans, span{key: paramKey(factRange, p, "", scope...), low: v.Low, high: v.High})
	case search.StringType, search.URIType, search.NumberType, search.QuantityType: // see add
	case search.ID, search.LastUpdated, search.CompositeType, search.TextType, search.PlaceType: // never indexed, or see add
	}
}

// unique drops entries seen before; a resource has few.
func unique(entries []entry) []entry {
	kept := entries[:0]
next:
	for _, e := range entries {
		for _, k := range kept {
			if k == e {
				continue next
			}
		}
		kept = append(kept, e)
	}
	return kept
}

// markEnds drops spans seen before and marks the ends of each parameter.
func markEnds(spans []span) []span {
	kept := spans[:0]
	lowest, highest := map[int64]int{}, map[int64]int{}
next:
	for _, sp := range spans {
		for _, k := range kept {
			if k == sp {
				continue next
			}
		}
		n := len(kept)
		kept = append(kept, sp)
		if i, ok := lowest[sp.key]; !ok || sp.low < kept[i].low {
			lowest[sp.key] = n
		}
		if i, ok := highest[sp.key]; !ok || sp.high > kept[i].high {
			highest[sp.key] = n
		}
	}
	for _, i := range lowest {
		kept[i].ends |= 1
	}
	for _, i := range highest {
		kept[i].ends |= 2
	}
	return kept
}
