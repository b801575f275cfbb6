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

// named gives the rules their name and text.
func (r *Rules) named(file *fhir.Element) *Rules {
	r.text = file.AppendJSON(nil)
	sum := sha256.Sum256(r.text)
	r.name = hex.EncodeToString(sum[:12])
	return r
}

// Labels gives the labels of a resource: those its author gave to it or to what it
// contains, and those that the codes in it bring, with the highest confidentiality of
// all that these ask for. Some may be given twice.
func (r *Rules) Labels(resource *fhir.Resource, give func(system, code string)) {
	f := finder{rules: r, give: give}
	f.object(resource.Root())
	f.declared(resource.Root())
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

// finder walks a resource. Every element counts, also those that no search parameter
// reaches, such as the answers of a QuestionnaireResponse, extensions, and all of what
// is contained.
type finder struct {
	rules *Rules
	found uint64
	give  func(system, code string)
}

func (f *finder) object(e *fhir.Element) {
	var system, code *fhir.Element
	for _, m := range e.Members() {
		switch v := m.Value; v.Kind() {
		case fhir.Object:
			if m.Name == "meta" {
				f.meta(v)
				continue
			}
			f.object(v)
		case fhir.Array:
			f.array(v)
		case fhir.String:
			switch m.Name {
			case "system":
				system = v
			case "code":
				code = v
			}
		}
	}
	if system != nil && code != nil {
		if known := f.rules.systems[system.Text()]; known != nil {
			f.found |= known.of(code.Text())
		}
	}
}

func (f *finder) array(e *fhir.Element) {
	for _, m := range e.Members() {
		switch m.Value.Kind() {
		case fhir.Object:
			f.object(m.Value)
		case fhir.Array:
			f.array(m.Value)
		}
	}
}

// meta gives the labels of the author; other metadata says nothing of what is inside.
func (f *finder) meta(e *fhir.Element) {
	for _, label := range e.Get("security").Items() {
		f.label(label)
	}
}

// declared gives the labels that authors write elsewhere than in meta: those of the
// document that a DocumentReference is about, and of a Composition; in a Bundle, too.
func (f *finder) declared(e *fhir.Element) {
	switch e.Get("resourceType").Text() {
	case "DocumentReference":
		for _, concept := range e.Get("securityLabel").Items() {
			for _, label := range concept.Get("coding").Items() {
				f.label(label)
			}
		}
	case "Composition":
		if code := e.Get("confidentiality").Text(); code != "" {
			f.give(Confidentiality, code)
		}
	case "Bundle":
		for _, entry := range e.Get("entry").Items() {
			f.declared(entry.Get("resource"))
		}
	}
}

func (f *finder) label(e *fhir.Element) {
	if code := e.Get("code").Text(); code != "" {
		f.give(e.Get("system").Text(), code)
	}
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
