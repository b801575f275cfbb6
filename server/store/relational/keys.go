package relational

import (
	"crypto/sha256"
	"encoding/binary"

	"vitalwire/fhir/search"
)

// An entry of table ix says that a resource version has a fact. Facts are found
// by a 64-bit key that is a prefix of SHA-256: the same in every process, and
// nobody can aim at another's key with less than 2^64 work (docs/adr/0003).
// The second part, sub, narrows a fact without a second entry:
//
//	fact                    key of                     sub of
//	resource type           type                       -
//	token with a code       type, parameter, code      its system
//	token of a system       type, parameter, system    -
//	reference to a resource type, parameter, id        its type
//	reference by URI        type, parameter, URI       -
//	date is missing         type, parameter            -
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
	factMissing = "missing"
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

func missingKey(p *search.Param) int64 { return paramKey(factMissing, p, "") }

func paramKey(fact string, p *search.Param, text string) int64 {
	return hash(fact, p.Resource, p.Code, text)
}

// indexOf gives the rows that make a version findable.
func indexOf(typ string, values []search.Value) ([]entry, []span) {
	entries := make([]entry, 1, 2+2*len(values))
	entries[0] = entry{key: typeKey(typ)}
	var spans []span
	for _, v := range values {
		switch v.Param.Type {
		case search.Token:
			entries = append(entries,
				entry{paramKey(factCode, v.Param, v.Code), subOf(v.System)},
				entry{key: paramKey(factSystem, v.Param, v.System)})
		case search.ReferenceType:
			if v.Target.URI != "" {
				entries = append(entries, entry{key: paramKey(factURI, v.Param, v.Target.URI)})
				continue
			}
			entries = append(entries, entry{paramKey(factTarget, v.Param, v.Target.ID), subOf(v.Target.Type)})
		case search.Date:
			spans = append(spans, span{key: rangeKey(v.Param), low: v.Low, high: v.High})
		case search.ID, search.LastUpdated: // never indexed
		}
	}
	for _, p := range search.Params(typ) {
		if p.Type == search.Date && !hasSpan(spans, rangeKey(p)) {
			entries = append(entries, entry{key: missingKey(p)})
		}
	}
	return unique(entries), markEnds(spans)
}

func hasSpan(spans []span, key int64) bool {
	for _, sp := range spans {
		if sp.key == key {
			return true
		}
	}
	return false
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
