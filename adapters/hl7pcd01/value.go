package hl7pcd01

import (
	"slices"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir/term"
)

// value reads OBX-5 by the type in OBX-2. What is of a type that has no better form
// stays the text it was sent as. sentinel is set when a number was sent that is none.
func (r *reader) value(typ string, field hl7v2.Part) (v acom.Value, kind acom.Kind, notes []string) {
	typ = strings.ToUpper(typ)
	if field.Empty() || field.Null() {
		kind = acom.StringEvent
		if typ == "NM" || typ == "SN" || typ == "" {
			kind = acom.Numeric
		}
		return acom.Value{Absent: acom.AbsentUnknown}, kind, nil
	}
	if field.Repeats() > mostRepeated && typ != "TX" && typ != "FT" {
		return acom.Value{Text: whole(field)}, acom.StringEvent, []string{"More values were sent than are readings of their own."}
	}
	switch typ {
	case "NM":
		v, notes = r.number(field.Component(1).Text())
		return v, acom.Numeric, notes
	case "SN":
		if v, notes, ok := r.structured(field); ok {
			return v, acom.Numeric, notes
		}
	case "CWE", "CNE", "CE", "CF", "IS", "ID":
		return r.concept(field)
	case "DT", "TM", "DTM", "TS":
		if t, ok := hl7v2.ParseTime(field.Component(1).Text()); ok && typ != "TM" {
			return acom.Value{Wall: r.wall(t)}, acom.StringEvent, nil
		}
	case "ED", "RP": // a document, such as the PDF of an ECG
		kind := short(strings.Trim(field.Component(2).Text()+" "+field.Component(3).Text(), " "))
		return acom.Value{Absent: acom.AbsentUnsupported}, acom.StringEvent,
			[]string{strings.TrimSpace("The value is a document in the message alone: "+kind) + "."}
	default: // ST, TX, FT and others
		if word := field.Component(1).Text(); strings.HasPrefix(word, "MDC_") && len(field.Components()) == 1 {
			c := coded{}
			r.mdc(&c, "0", word)
			if c.code != 0 {
				return acom.Value{Coded: []acom.Code{c.code}}, acom.CodedEnumeration, nil
			}
			return acom.Value{Concept: c.codings}, acom.CodedEnumeration, nil
		}
	}
	return acom.Value{Text: whole(field)}, acom.StringEvent, nil
}

// whole is a field as text: repetitions as lines, components with blanks between.
func whole(field hl7v2.Part) string {
	var lines []string
	for _, repetition := range field.Repetitions() {
		var words []string
		for _, c := range repetition.Components() {
			words = append(words, c.Text())
		}
		lines = append(lines, strings.TrimSpace(strings.Join(words, " ")))
	}
	return strings.Join(lines, "\n")
}

// number reads an NM (HL7 2.6, 2.A.47) as decimal text. The table of what is never a
// number is asked first.
func (r *reader) number(text string) (acom.Value, []string) {
	plain, ok := decimal(text)
	var comparator acom.Comparator
	if !ok && text != "" {
		// Point-of-care analysers write what is beyond their range so; NM has no room for it.
		rest := strings.TrimLeft(text, "<>=")
		if sign, known := acom.ComparatorOf(text[:len(text)-len(rest)]); known && sign != 0 {
			comparator = sign
			plain, ok = decimal(strings.TrimSpace(rest))
		}
	}
	if !ok {
		switch strings.ToUpper(text) {
		case "NAN":
			return acom.Value{Number: &acom.Number{Special: acom.NaN}}, nil
		case "+INF", "INF":
			return acom.Value{Number: &acom.Number{Special: acom.PosInfinity}}, nil
		case "-INF":
			return acom.Value{Number: &acom.Number{Special: acom.NegInfinity}}, nil
		}
		return acom.Value{Absent: acom.AbsentError}, []string{"In place of a number the sender wrote \"" + short(text) + "\"."}
	}
	if r.isNever(plain) {
		return acom.Value{Absent: acom.AbsentError}, []string{"The sender wrote " + plain + ", which stands for no value."}
	}
	return acom.Value{Number: r.numbered(plain), Comparator: comparator}, nil
}

// numbered is a number of its own. Those of a message are made many at a time.
func (r *reader) numbered(plain string) *acom.Number {
	if len(r.numbers) == cap(r.numbers) {
		r.numbers = make([]acom.Number, 0, min(2*cap(r.numbers)+1, 32))
	}
	r.numbers = append(r.numbers, acom.Number{Text: plain})
	return &r.numbers[len(r.numbers)-1]
}

// isNever compares by value: -999 and -999.0 are the same sentinel.
func (r *reader) isNever(plain string) bool {
	least := plain
	if strings.IndexByte(plain, '.') >= 0 {
		least = strings.TrimSuffix(strings.TrimRight(plain, "0"), ".")
	}
	return neverNumber(plain) || neverNumber(least) || slices.Contains(r.profile.never, plain) || slices.Contains(r.profile.never, least)
}

// decimal writes an NM as JSON does, without touching its digits' precision: no plus,
// no zeros in front, a digit on each side of the point. Exponents are none of HL7's.
func decimal(text string) (string, bool) {
	sign, rest := "", strings.TrimPrefix(text, "+")
	if strings.HasPrefix(text, "-") {
		sign, rest = "-", text[1:]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	if len(whole)+len(fraction) == 0 || !digits(whole) || !digits(fraction) || len(rest) > 60 {
		return "", false
	}
	least := whole
	for len(least) > 1 && least[0] == '0' {
		least = least[1:]
	}
	switch {
	case least == "":
		return sign + "0." + fraction, true
	case len(least) == len(whole) && text[0] != '+' && text[len(text)-1] != '.':
		return text, true // as it should be
	case fraction == "":
		return sign + least, true
	}
	return sign + least + "." + fraction, true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// structured reads an SN: comparator ^ number ^ separator ^ number (2.A.69). What is
// neither a number, a range, nor a ratio stays text, ok is false.
func (r *reader) structured(field hl7v2.Part) (v acom.Value, notes []string, ok bool) {
	sign, separator, second := field.Component(1).Text(), field.Component(3).Text(), field.Component(4).Text()
	v, notes = r.number(field.Component(2).Text())
	if sign != "" && sign != "=" {
		if v.Comparator, ok = acom.ComparatorOf(sign); !ok {
			return v, nil, false
		}
	}
	if separator == "" && second == "" {
		return v, notes, true
	}
	other, _ := r.number(second)
	if v.Number == nil || other.Number == nil || v.Number.Special != 0 || other.Number.Special != 0 || other.Comparator != 0 {
		return v, nil, false
	}
	switch {
	case separator == "-" && v.Comparator == 0 && !below(other.Number.Text, v.Number.Text):
		return acom.Value{Range: &acom.Range{Low: v.Number.Text, High: other.Number.Text}}, nil, true
	case separator == ":" || separator == "/":
		return acom.Value{Ratio: &acom.Ratio{Numerator: v.Number.Text, Denominator: other.Number.Text}, Comparator: v.Comparator}, nil, true
	}
	return v, nil, false
}

// below compares two decimals as decimal writes them, by value; nothing is below or above "".
func below(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, negativeX := strings.CutPrefix(a, "-")
	y, negativeY := strings.CutPrefix(b, "-")
	switch {
	case negativeX && negativeY:
		return lesser(y, x)
	case negativeX:
		return strings.Trim(x, "0.") != "" || strings.Trim(y, "0.") != "" // -0 is 0
	}
	return !negativeY && lesser(x, y)
}

// lesser compares two decimals without a sign.
func lesser(a, b string) bool {
	wholeA, fractionA, _ := strings.Cut(a, ".")
	wholeB, fractionB, _ := strings.Cut(b, ".")
	wholeA, wholeB = strings.TrimLeft(wholeA, "0"), strings.TrimLeft(wholeB, "0")
	switch {
	case len(wholeA) != len(wholeB):
		return len(wholeA) < len(wholeB)
	case wholeA != wholeB:
		return wholeA < wholeB
	}
	return strings.TrimRight(fractionA, "0") < strings.TrimRight(fractionB, "0")
}

// concept reads a coded value.
func (r *reader) concept(field hl7v2.Part) (acom.Value, acom.Kind, []string) {
	c := r.code(field)
	v := acom.Value{Concept: c.codings}
	if c.code != 0 {
		v.Coded = []acom.Code{c.code}
	}
	if words := field.Component(9).Text(); words != "" && c.code == 0 {
		v.Concept = append(v.Concept, acom.Coding{Display: words})
	}
	// A code without a system is the sender's word for it.
	for i, coding := range v.Concept {
		if coding.Code == "" {
			v.Concept[i].System = ""
		}
	}
	if v.Coded == nil && v.Concept == nil {
		v.Absent = acom.AbsentUnknown
	}
	return v, acom.CodedEnumeration, c.notes
}

// limits reads OBX-7: "35-125", "[4.00;15.00]", "> 20", "< 400", or as text what is no two
// numbers.
func (r *reader) limits(sent string) *acom.Range {
	text := strings.TrimSpace(strings.Trim(strings.TrimSpace(sent), "[]()"))
	if text == "" {
		return nil
	}
	one := func(text string) string { n, _ := decimal(strings.TrimSpace(text)); return n }
	var low, high string
	switch text[0] {
	case '>':
		low = one(strings.TrimLeft(text, ">="))
	case '<':
		high = one(strings.TrimLeft(text, "<="))
	default:
		low, high = between(text, one)
	}
	if low == "" && high == "" {
		return r.ranged(acom.Range{Text: short(sent)})
	}
	return r.ranged(acom.Range{Low: low, High: high})
}

// ranged is a range of its own. Those of a message are made many at a time.
func (r *reader) ranged(one acom.Range) *acom.Range {
	if len(r.ranges) == cap(r.ranges) {
		r.ranges = make([]acom.Range, 0, min(2*cap(r.ranges)+1, 32))
	}
	r.ranges = append(r.ranges, one)
	return &r.ranges[len(r.ranges)-1]
}

// between reads two numbers and what stands between them. With a semicolon one may be left
// out.
func between(text string, one func(string) string) (low, high string) {
	if from, to, ok := strings.Cut(text, ";"); ok {
		return one(from), one(to)
	}
	for _, by := range []string{"..", " to ", " - ", "-"} {
		at := strings.Index(text[1:], by) + 1 // the first may be a sign
		if at == 0 {
			continue
		}
		if low, high = one(text[:at]), one(text[at+len(by):]); low != "" && high != "" {
			return low, high
		}
	}
	return "", ""
}

func short(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "..."
	}
	return text
}

// known is the table's word on a code.
func known(code acom.Code) term.MDC { m, _ := term.LookupMDC(uint32(code)); return m }
