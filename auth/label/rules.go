package label

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"

	"vitalwire/fhir"
)

// The code systems of labels.
const (
	// Confidentiality is v3-Confidentiality, ordered U L M N R V.
	Confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	// ActCode is v3-ActCode, which has the sensitivities.
	ActCode = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
)

// ranks are the codes of Confidentiality from the least confidential.
var ranks = []string{"U", "L", "M", "N", "R", "V"}

const normal = 3 // of ranks

// Coding is a label, or a code that brings one.
type Coding struct{ System, Code string }

// Rules say which codes make a resource sensitive. They never change, so they are safe
// for concurrent use. Make them with Read.
type Rules struct {
	name    string
	text    []byte
	marks   []mark
	systems map[string]*codes
	telling telling
	missing []string
}

// mark is a sensitivity and how confidential what has it is, as an index of ranks.
type mark struct {
	Coding
	rank int
}

// codes are those of one code system that matter: each tells, as bits, which marks.
type codes struct {
	exact  map[string]uint64
	prefix map[string]uint64
	// lengths are those of the prefixes, ascending.
	lengths []int
}

// of are the marks of a code.
func (c *codes) of(code string) uint64 {
	found := c.exact[code]
	for _, n := range c.lengths {
		if n > len(code) {
			break
		}
		found |= c.prefix[code[:n]]
	}
	return found
}

//go:embed rules.json
var builtin []byte

// Default are the rules for PCF's six sensitivities: ETH, ETHUD, OPIOIDUD, PSY, SDV and
// HIV. sets are asked for PCF's own value sets; nil knows none.
func Default(sets Sets) (*Rules, error) { return Read(builtin, sets) }

// Name is another one for rules that give other labels.
func (r *Rules) Name() string { return r.name }

// Text is what Read makes the same rules of, without any value set.
func (r *Rules) Text() []byte { return r.text }

// Marked is a sensitivity, and the code of Confidentiality that what has it has at least.
type Marked struct {
	Coding
	Confidentiality string
}

// Marks are the sensitivities that the rules know, in the order of their file.
func (r *Rules) Marks() []Marked {
	list := make([]Marked, len(r.marks))
	for i, m := range r.marks {
		list[i] = Marked{m.Coding, ranks[m.rank]}
	}
	return list
}

// Missing are the value sets of the rules that were not known.
func (r *Rules) Missing() []string { return r.missing }

// way is changed when the same rules come to give other labels: then all that is stored
// is labelled again.
const way = "2 inline\n"

// named gives the rules their name and text.
func (r *Rules) named(file *fhir.Element) *Rules {
	r.text = file.AppendJSON(nil)
	sum := sha256.Sum256(append([]byte(way), r.text...))
	r.name = hex.EncodeToString(sum[:12])
	return r
}

// Labels gives the labels of a resource: those its author gave to it, to what it contains
// or to single elements (Inline), and those that the codes in it bring, with the highest
// confidentiality of all that these ask for. Some may be given twice.
//
// A part makes the whole more confidential and never less: a resource that has no
// confidentiality of its own is normal, whatever less its parts have.
func (r *Rules) Labels(resource *fhir.Resource, give func(system, code string)) {
	f := finder{rules: r, give: give, parts: -1}
	f.own(resource.Root())
	f.object(resource.Root())
	if !f.whole && f.parts >= 0 && f.parts < normal {
		give(Confidentiality, ranks[normal])
	}
	if f.found == 0 {
		return
	}
	highest := 0
	for i, m := range r.marks {
		if f.found&(1<<i) != 0 {
			give(m.System, m.Code)
			highest = max(highest, m.rank)
		}
	}
	give(Confidentiality, ranks[highest])
}

// Highest is the highest of two codes of Confidentiality; "" is none, and so is a code
// that is not of it.
func Highest(a, b string) string {
	i, j := slices.Index(ranks, a), slices.Index(ranks, b)
	if max(i, j) < 0 {
		return ""
	}
	return ranks[max(i, j)]
}
