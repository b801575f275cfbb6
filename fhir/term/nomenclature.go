package term

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
)

// Nomenclature is a table of IEEE 11073-10101: the embedded one, or that one with what
// the files of an operator add (Overlay). It is never changed once it is made.
type Nomenclature struct {
	terms []MDC  // ascending by code
	units []Unit // ascending by code

	named      map[string]uint32   // terms by REFID and synonym
	unitsNamed map[string]uint32   // units by REFID and synonym
	synonyms   map[uint32][]string // further names of a code, of operators' files alone

	// What terminology makes of it, once.
	system func() *system
	maps   func() []*fhir.Resource
}

// embedded is the table that comes with the program.
var embedded = embeddedTable()

func embeddedTable() *Nomenclature {
	n := &Nomenclature{terms: mdcTerms, units: mdcUnits, named: map[string]uint32{}, unitsNamed: map[string]uint32{}, synonyms: map[uint32][]string{}}
	for _, m := range slices.Backward(n.terms) { // of two with one REFID the lower
		n.named[m.RefID] = m.Code
	}
	for _, u := range n.units {
		n.unitsNamed[u.RefID] = u.Code
	}
	return n.sealed()
}

// sealed sets what is made of a table when it is asked for.
func (n *Nomenclature) sealed() *Nomenclature {
	n.system = sync.OnceValue(n.compile)
	n.maps = sync.OnceValue(n.conceptMaps)
	return n
}

// current is the nomenclature that UseNomenclature put in force, nil for the embedded one.
//
// It is of the process, as the embedded table is: codes mean the same to every adapter, and
// a decoder that had to be handed its dictionary could be handed the wrong one. It is set
// at start, before a frame is read.
var current atomic.Pointer[Nomenclature]

func inForce() *Nomenclature {
	if n := current.Load(); n != nil {
		return n
	}
	return embedded
}

// UseNomenclature puts a nomenclature in force for all lookups of this process, nil the
// embedded one, and gives what puts the one before it back. A server calls it once, before
// it reads frames and answers terminology.
func UseNomenclature(n *Nomenclature) (restore func()) {
	before := current.Swap(n)
	return func() { current.CompareAndSwap(n, before) }
}

func (n *Nomenclature) term(code uint32) (MDC, bool) {
	i := sort.Search(len(n.terms), func(i int) bool { return n.terms[i].Code >= code })
	if i < len(n.terms) && n.terms[i].Code == code {
		return n.terms[i], true
	}
	return MDC{}, false
}

func (n *Nomenclature) unit(code uint32) (Unit, bool) {
	i := sort.Search(len(n.units), func(i int) bool { return n.units[i].Code >= code })
	if i < len(n.units) && n.units[i].Code == code {
		unit := n.units[i]
		unit.Display = cmp.Or(unit.Display, unit.UCUM)
		return unit, true
	}
	return Unit{}, false
}

func (n *Nomenclature) refID(name string) (MDC, bool) {
	code, ok := n.named[name]
	if !ok {
		return MDC{}, false
	}
	return n.term(code)
}

func (n *Nomenclature) unitRefID(name string) (Unit, bool) {
	code, ok := n.unitsNamed[name]
	if !ok {
		return Unit{}, false
	}
	return n.unit(code)
}

// compile is the code system of the table. It is a fragment: of a code that it does not
// have nobody can say that IEEE 11073-10101 has not.
func (n *Nomenclature) compile() *system {
	s := &system{url: MDCSystem, name: "IEEE 11073-10101", content: "fragment", measure: partition, byCode: map[string]int32{}}
	put := func(code uint32, refID, words string) {
		s.put(strconv.FormatUint(uint64(code), 10), refID)
		more, ours := n.synonyms[code]
		if !ours {
			return
		}
		list := fhir.NewArray()
		for _, name := range append(slices.Clone(more), words) {
			if name != "" && name != refID {
				list.Append(fhir.NewObject(fhir.S("value", name)))
			}
		}
		if list.Len() > 0 {
			s.concepts[s.byCode[strconv.FormatUint(uint64(code), 10)]].element.Set("designation", list)
		}
	}
	for _, m := range n.terms {
		put(m.Code, m.RefID, m.Display)
	}
	for _, u := range n.units {
		put(u.Code, u.RefID, "")
	}
	return s
}

// The maps between MDC and LOINC, which $translate uses beside those that are stored.
const (
	MDCToLOINC = "urn:vitalwire:mdc-to-loinc"
	LOINCToMDC = "urn:vitalwire:loinc-to-mdc"
)

// conceptMaps are the LOINC counterparts of the terms as ConceptMaps, one each way (R4
// conceptmap): a target that fits some units alone is narrower than the term.
func (n *Nomenclature) conceptMaps() []*fhir.Resource {
	forth, back := fhir.NewArray(), fhir.NewArray()
	var order []LOINC
	terms := map[string]*fhir.Element{} // by LOINC code
	for _, m := range n.terms {
		targets := fhir.NewArray()
		for _, l := range m.LOINC {
			how := cmp.Or(l.Loose, "equivalent")
			if l.Loose == "" && (l.Unit != "" || l.Like != "") {
				how = "narrower"
			}
			targets.Append(target(l.Code, l.Display, how))
			if terms[l.Code] == nil {
				terms[l.Code] = fhir.NewArray()
				order = append(order, l)
			}
			terms[l.Code].Append(target(strconv.FormatUint(uint64(m.Code), 10), m.RefID, turned(how)))
		}
		if targets.Len() > 0 {
			forth.Append(fhir.NewObject(fhir.S("code", strconv.FormatUint(uint64(m.Code), 10)), fhir.S("display", m.RefID), fhir.M("target", targets)))
		}
	}
	for _, l := range order {
		back.Append(fhir.NewObject(fhir.S("code", l.Code), fhir.S("display", l.Display), fhir.M("target", terms[l.Code])))
	}
	return []*fhir.Resource{
		conceptMap(MDCToLOINC, "MDCToLOINC", MDCSystem, loincSystem, forth),
		conceptMap(LOINCToMDC, "LOINCToMDC", loincSystem, MDCSystem, back),
	}
}

const loincSystem = "http://loinc.org"

func target(code, display, equivalence string) *fhir.Element {
	t := fhir.NewObject(fhir.S("code", code))
	if display != "" {
		t.Set("display", fhir.NewString(display))
	}
	t.Set("equivalence", fhir.NewString(equivalence))
	return t
}

func conceptMap(url, name, source, target string, elements *fhir.Element) *fhir.Resource {
	m := fhir.NewResource("ConceptMap")
	m.Root().Set("url", fhir.NewString(url))
	m.Root().Set("name", fhir.NewString(name))
	m.Root().Set("status", fhir.NewString("active"))
	m.Root().Set("group", fhir.NewArray(fhir.NewObject(fhir.S("source", source), fhir.S("target", target), fhir.M("element", elements))))
	return m
}

// turned is an equivalence read from the other side.
func turned(equivalence string) string {
	switch equivalence {
	case "wider":
		return "narrower"
	case "narrower":
		return "wider"
	case "subsumes":
		return "specializes"
	case "specializes":
		return "subsumes"
	}
	return equivalence
}

// Embedded is the table that comes with the program.
func Embedded() *Nomenclature { return embedded }

// Size is how much a nomenclature has.
type Size struct {
	// Terms and Units it has, and LOINC codes beside its terms.
	Terms, Units, LOINC int
}

// Size counts.
func (n *Nomenclature) Size() Size {
	size := Size{Terms: len(n.terms), Units: len(n.units)}
	for _, m := range n.terms {
		size.LOINC += len(m.LOINC)
	}
	return size
}
