package label

import (
	"bytes"
	"slices"
)

// telling are the codes that bring a label, of whatever code system. A look at a few
// bytes tells of nearly every other code that it brings none.
type telling struct {
	exact   map[string]bool
	sieve   [1 << 16]bool // by sifted of those in exact
	prefix  map[string]bool
	lengths []int         // of the prefixes, ascending
	begins  [1 << 16]bool // by the first two bytes of what has a prefix
}

// gather knows the codes of all systems.
func (t *telling) gather(systems map[string]*codes) {
	t.exact, t.prefix = map[string]bool{}, map[string]bool{}
	for _, c := range systems {
		for code := range c.exact {
			t.exact[code], t.sieve[sifted([]byte(code))] = true, true
		}
		for p := range c.prefix {
			t.prefix[p] = true
			for second := range 256 {
				if len(p) == 1 || p[1] == byte(second) {
					t.begins[int(p[0])<<8|second] = true
				}
			}
		}
		t.lengths = append(t.lengths, c.lengths...)
	}
	slices.Sort(t.lengths)
	t.lengths = slices.Compact(t.lengths)
}

// sifted is a small number made of a code.
func sifted(code []byte) uint16 {
	h := uint32(len(code))
	for _, c := range code[:min(len(code), 6)] {
		h = (h ^ uint32(c)) * 16777619
	}
	return uint16(h >> 12)
}

func (t *telling) has(code []byte) bool {
	if len(code) > 1 && t.begins[int(code[0])<<8|int(code[1])] || len(code) == 1 {
		for _, n := range t.lengths {
			if n > len(code) {
				break
			}
			if t.prefix[string(code[:n])] {
				return true
			}
		}
	}
	return t.sieve[sifted(code)] && t.exact[string(code)]
}

// The members that bring labels, as resources are stored: without blanks, and here
// without the quote before them, which is quicker to look for.
var (
	securityMember = []byte(`security":[`)
	codeMember     = []byte(`code":"`)
	// inlineName is in the URL of Inline, which is stored without escapes.
	inlineName = []byte("/extension-inline-sec-label")
)

// declaring are the beginnings of resources that have labels outside meta.
var declaring = [][]byte{[]byte(`{"resourceType":"DocumentReference"`), []byte(`{"resourceType":"Composition"`), []byte(`{"resourceType":"Bundle"`)}

// Silent reports whether a resource has no label for sure, by its JSON text without
// blanks: most have none, and need not be parsed to know it.
func (r *Rules) Silent(body []byte) bool {
	if bytes.Contains(body, securityMember) || bytes.Contains(body, inlineName) || slices.ContainsFunc(declaring, func(begin []byte) bool { return bytes.HasPrefix(body, begin) }) {
		return false
	}
	for {
		at := bytes.Index(body, codeMember)
		if at < 0 {
			return true
		}
		body = body[at+len(codeMember):]
		end := bytes.IndexByte(body, '"')
		if end < 0 {
			return false
		}
		code := body[:end]
		if r.telling.has(code) || bytes.IndexByte(code, '\\') >= 0 {
			return false
		}
		body = body[end:]
	}
}
