package term

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"vitalwire/fhir/ucum"
)

// mostSaid bounds the names of a code, the codes of a name and the LOINC codes of a term that
// are told apart.
const mostSaid = 100

// dimensions is the partition of units (IEEE 11073-10101).
const dimensions = 4

// Addition is what a row of an operator's file says of one code.
type Addition struct {
	// Code is the 32-bit context-free code and RefID its reference identifier; neither is
	// empty.
	Code  uint32
	RefID string
	// Display says it to a person, "" when the file has no words.
	Display string
	// Synonyms are further names.
	Synonyms []string
	// UCUM are codes that say a unit, best first, as the file has them.
	UCUM []string
	// LOINC is a code that the file puts beside it; nil for none.
	LOINC *LOINC
	// At is the file and line.
	At string
}

// Finding is what a person should look at in operators' files.
type Finding struct {
	At, Text string
	// Conflict says that a file contradicts the embedded table, or files each other.
	Conflict bool
}

// overlaying is one Overlay on its way.
type overlaying struct {
	into     *Nomenclature
	findings []Finding
}

func (o *overlaying) find(conflict bool, at, format string, args ...any) {
	o.findings = append(o.findings, Finding{at, fmt.Sprintf(format, args...), conflict})
}

// Overlay is the embedded table with what operators' files add, and what a person should
// look at.
//
// A file is what its operator has of the authority, RTMMS: its name of a code and its code
// of a name count, the embedded name stays good as a synonym. What a code means here does
// not change: its unit and what it is known to be stay. A row whose code and name are both
// built in, but not of each other, is not used. Where files have two codes of one name the
// embedded table decides, and where it does not have the name it stands for neither.
func Overlay(rows []Addition) (*Nomenclature, []Finding) {
	o := overlaying{into: &Nomenclature{
		named: maps.Clone(embedded.named), unitsNamed: maps.Clone(embedded.unitsNamed), synonyms: map[uint32][]string{},
	}}
	rows = slices.DeleteFunc(slices.Clone(rows), o.crossed)
	byCode := map[uint32][]Addition{}
	for _, row := range rows {
		byCode[row.Code] = append(byCode[row.Code], row)
	}
	terms, units := map[uint32]MDC{}, map[uint32]Unit{}
	for _, m := range embedded.terms {
		terms[m.Code] = m
	}
	for _, u := range embedded.units {
		units[u.Code] = u
	}
	known := knownLOINC()
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		list := byCode[code]
		term, isTerm := terms[code]
		unit, isUnit := units[code]
		name := o.name(code, cmp.Or(term.RefID, unit.RefID), list)
		display := ""
		for _, row := range list {
			display = cmp.Or(display, row.Display)
		}
		if code>>16 == dimensions {
			said := o.unit(unit, list)
			if isUnit || said != "" {
				unit.Code, unit.RefID, unit.UCUM = code, name, cmp.Or(unit.UCUM, said)
				units[code] = unit
				continue
			}
		}
		term.Code, term.RefID = code, name
		if !isTerm {
			term.Display = cmp.Or(display, name)
		}
		o.loinc(&term, list, known)
		terms[code] = term
	}
	o.into.terms = slices.SortedFunc(maps.Values(terms), func(a, b MDC) int { return cmp.Compare(a.Code, b.Code) })
	o.into.units = slices.SortedFunc(maps.Values(units), func(a, b Unit) int { return cmp.Compare(a.Code, b.Code) })
	o.names(rows)
	return o.into.sealed(), o.findings
}

// crossed reports whether a row has the code of one embedded term and the name of another,
// which a person must settle.
func (o *overlaying) crossed(row Addition) bool {
	term, isTerm := embedded.term(row.Code)
	unit, isUnit := embedded.unit(row.Code)
	other, named := embedded.named[row.RefID]
	if !named {
		other, named = embedded.unitsNamed[row.RefID]
	}
	ours := cmp.Or(term.RefID, unit.RefID)
	if !isTerm && !isUnit || !named || ours == row.RefID {
		return false
	}
	o.find(true, row.At, "%d is %s in the embedded table, and %s is %d: the row, which has %d as %s, is not used", row.Code, ours, row.RefID, other, row.Code, row.RefID)
	return true
}

// name is the reference identifier of a code: the embedded one where a file has it too,
// else the first of the files. The others are synonyms.
func (o *overlaying) name(code uint32, ours string, list []Addition) string {
	var names []string
	see := func(name string) {
		if name != "" && len(names) < mostSaid && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, row := range list {
		see(row.RefID)
	}
	name, refIDs := names[0], len(names)
	switch {
	case ours != "" && slices.Contains(names, ours):
		name = ours
	case ours != "":
		o.find(true, list[0].At, "%d is %s in the embedded table and %s here: the file's name is used, the embedded one is understood too", code, ours, name)
	}
	if refIDs > 1 {
		second := slices.IndexFunc(list, func(row Addition) bool { return row.RefID == names[1] })
		o.find(false, list[second].At, "%d has several names, %s: %s is used, the others are understood too", code, strings.Join(names, ", "), name)
	}
	see(ours)
	for _, row := range list {
		for _, synonym := range row.Synonyms {
			see(synonym)
		}
	}
	o.into.synonyms[code] = slices.DeleteFunc(names, func(n string) bool { return n == name })
	return name
}

// unit is the UCUM code that files have for a unit and that says it without doubt, "" for
// none. An embedded one stays.
func (o *overlaying) unit(ours Unit, list []Addition) string {
	said, at := "", ""
	for _, row := range list {
		for _, code := range row.UCUM {
			switch {
			case !ucum.Valid(code):
				o.find(false, row.At, "%s: %q is no UCUM unit and is not used", row.RefID, code)
			case ours.UCUM != "" && !sameUnit(ours.UCUM, code):
				o.find(true, row.At, "%s is %s in the embedded table, which stays, and %s here", row.RefID, ours.UCUM, code)
			case said == "":
				said, at = code, row.At
			case ours.UCUM == "" && !sameUnit(said, code):
				o.find(true, row.At, "%s is %s at %s and %s here: neither is used", row.RefID, said, at, code)
				return ""
			}
		}
	}
	return said
}

// sameUnit reports whether two UCUM codes measure in the same steps.
func sameUnit(a, b string) bool {
	if a == b {
		return true
	}
	from, err := ucum.Parse(a)
	if err != nil {
		return false
	}
	to, err := ucum.Parse(b)
	if err != nil {
		return false
	}
	for _, n := range []*big.Rat{big.NewRat(1, 1), big.NewRat(100, 1)} {
		if same, err := ucum.Convert(n, from, to); err != nil || same.Cmp(n) != 0 {
			return false
		}
	}
	return true
}

// knownLOINC are the LOINC codes of the embedded table with what is known of them, and
// whether they are vital signs.
func knownLOINC() map[string]MDC {
	known := map[string]MDC{}
	for _, m := range embedded.terms {
		for _, l := range m.LOINC {
			known[l.Code] = MDC{LOINC: []LOINC{l}, Vital: m.Vital || known[l.Code].Vital}
		}
	}
	return known
}

// loinc puts the LOINC codes of files beside a term, each once.
func (o *overlaying) loinc(term *MDC, list []Addition, known map[string]MDC) {
	term.LOINC = slices.Clone(term.LOINC)
	for _, row := range list {
		if row.LOINC == nil || len(term.LOINC) >= mostSaid {
			continue
		}
		l := *row.LOINC
		switch i := slices.IndexFunc(term.LOINC, func(had LOINC) bool { return had.Code == l.Code }); {
		case i >= 0 && (term.LOINC[i].Loose == "") != (l.Loose == ""):
			o.find(true, row.At, "LOINC %s means the same as %s by one table and %s by the other: the one that came first stays", l.Code, row.RefID, cmp.Or(l.Loose, "the same"))
			continue
		case i >= 0:
			continue
		case term.Control:
			o.find(true, row.At, "%s measures control solution, never a patient: LOINC %s is not used", row.RefID, l.Code)
			continue
		}
		if ours := known[l.Code]; l.Loose == "" && len(ours.LOINC) > 0 {
			l, term.Vital = ours.LOINC[0], term.Vital || ours.Vital
		}
		term.LOINC = append(term.LOINC, l)
	}
}

// names settles which code each name stands for.
func (o *overlaying) names(rows []Addition) {
	codes, at := map[string][]uint32{}, map[string]string{}
	for _, row := range rows {
		if len(codes[row.RefID]) < mostSaid && !slices.Contains(codes[row.RefID], row.Code) {
			codes[row.RefID] = append(codes[row.RefID], row.Code)
			at[row.RefID] = row.At
		}
	}
	settled := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(codes)) {
		list := codes[name]
		index := o.into.named
		ours, had := index[name]
		if !had {
			ours, had = o.into.unitsNamed[name]
		}
		if _, isUnit := o.into.unit(list[0]); isUnit {
			index = o.into.unitsNamed
		}
		settled[name] = true
		switch {
		case len(list) > 1 && had && slices.Contains(list, ours):
			o.find(true, at[name], "%s has the codes %s: it stands for %d, as in the embedded table", name, listed(list), ours)
		case len(list) > 1:
			o.find(true, at[name], "%s has the codes %s: the name stands for none of them", name, listed(list))
			delete(o.into.named, name)
			delete(o.into.unitsNamed, name)
		default:
			if had && ours != list[0] {
				o.find(true, at[name], "%s is %d in the embedded table and %d here: the name stands for the file's, both codes are known", name, ours, list[0])
			}
			delete(o.into.named, name)
			delete(o.into.unitsNamed, name)
			index[name] = list[0]
		}
	}
	o.synonymous(settled)
}

// synonymous lets the synonyms stand for their codes that are no names, and that are of
// one code alone.
func (o *overlaying) synonymous(settled map[string]bool) {
	of := map[string][]uint32{}
	for code, names := range o.into.synonyms {
		for _, name := range names {
			of[name] = append(of[name], code)
		}
	}
	for name, codes := range of {
		_, term := o.into.named[name]
		_, unit := o.into.unitsNamed[name]
		if settled[name] || term || unit || len(codes) > 1 {
			continue
		}
		if _, isUnit := o.into.unit(codes[0]); isUnit {
			o.into.unitsNamed[name] = codes[0]
		} else {
			o.into.named[name] = codes[0]
		}
	}
}

func listed(codes []uint32) string {
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = fmt.Sprint(code)
	}
	return strings.Join(words, ", ")
}
