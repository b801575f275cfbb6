package validate

import (
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
	"vitalwire/fhir/ucum"
)

// typeCheck is a further rule of a datatype, on the element at hand.
type typeCheck func(r *run, el *fhir.Element)

// typeChecks are the rules that definitions state only in words.
func typeChecks(path string) typeCheck {
	switch path {
	case "Coding":
		return (*run).coding
	case "Identifier":
		return (*run).identifier
	case "Extension":
		return (*run).extensionObject
	case "Reference":
		return (*run).referenceObject
	case "Attachment":
		return (*run).attachment
	}
	return nil
}

func (r *run) extensionObject(el *fhir.Element) {
	if !r.opts.StructureOnly {
		r.extension(el)
	}
}

func (r *run) referenceObject(el *fhir.Element) { r.referenceForm(el) }

// absolute reports whether a URI has a scheme.
func absolute(uri string) bool {
	if strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "urn:") {
		return true
	}
	i := strings.IndexByte(uri, ':')
	if i <= 0 {
		return false
	}
	for _, c := range []byte(uri[:i]) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '+' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// coding: the system is an absolute URI of a code system, and where that is
// known it has the code (R4 datatypes §2.24.0.5).
func (r *run) coding(el *fhir.Element) {
	system := el.Get("system").Text()
	if system == "" {
		return
	}
	if !absolute(system) {
		r.errBelow(fhir.CodeInvalid, ".system", "the system of a Coding is an absolute URI")
		return
	}
	if r.opts.StructureOnly {
		return
	}
	if strings.HasPrefix(system, "http://hl7.org/fhir/ValueSet/") {
		r.errBelow(fhir.CodeInvalid, ".system", "the system of a Coding is a code system, and %s is a value set", clip(system))
		return
	}
	c := codingOf(el)
	if c.Code == "" || len(c.Code) > 1024 {
		return
	}
	verdict := r.inSystem(c)
	switch {
	case verdict.Supplement:
		r.errBelow(fhir.CodeNotFound, ".system", "%s is a code system supplement, which defines no codes; name the code system it supplements", clip(system))
	case verdict.Membership == NotMember:
		r.errBelow(fhir.CodeCodeInvalid, ".code", "the code %s is not in the code system %s", clip(c.Code), clip(system))
	case verdict.Display != "" && r.opts.WrongDisplay != Ignore:
		severity := fhir.Warning
		if r.opts.WrongDisplay == Refuse {
			severity = fhir.ErrorLevel
		}
		r.issueAt(severity, fhir.CodeInvalid, ".display", "the display is not that of %s#%s, which is %q", clip(system), clip(c.Code), clip(verdict.Display))
	}
}

// inSystem asks whether a system has a code, but for what its form tells.
func (r *run) inSystem(c Coding) Verdict {
	if c.System == "http://snomed.info/sct" && !isSCTID(c.Code) {
		return Verdict{Membership: NotMember}
	}
	return r.inCodes("", c)
}

// isSCTID reports whether a code can be one of SNOMED CT: an identifier of 6 to
// 18 digits, or an expression, which has blanks or operators.
func isSCTID(code string) bool {
	for i := 0; i < len(code); i++ {
		if !isDigit(code[i]) {
			return strings.ContainsAny(code, " |:+={}(")
		}
	}
	return len(code) >= 6 && len(code) <= 18
}

// identifier: the system is an absolute URI (R4 datatypes §2.24.0.12).
func (r *run) identifier(el *fhir.Element) {
	if system := el.Get("system").Text(); system != "" && !absolute(system) {
		r.errBelow(fhir.CodeCodeInvalid, ".system", "the system of an Identifier is an absolute URI")
	}
}

// attachment: the stated size is that of the data (R4 datatypes §2.24.0.4).
func (r *run) attachment(el *fhir.Element) {
	data, size := el.Get("data"), el.Get("size")
	if !data.Is(fhir.String) || !size.Is(fhir.Number) || !isBase64(data.Text()) {
		return
	}
	if stated, err := strconv.Atoi(size.Text()); err == nil && stated != base64Size(data.Text()) {
		r.err(fhir.CodeStructure, "the size states %d bytes, and the data has %d", stated, base64Size(data.Text()))
	}
}

// base64Size is how many bytes base64 text stands for.
func base64Size(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '=', ' ', '\n', '\r', '\t':
		default:
			n++
		}
	}
	return n * 6 / 8
}

// uri checks what the text of a uri, url or canonical must be beyond its format.
func (r *run) uri(f *field, text string) {
	if f.prim == primCanonical && text[0] != '#' && !absolute(text) {
		// Only a warning: R4's own examples have relative ones.
		r.warn(fhir.CodeInvalid, "a canonical is an absolute URI, or # and the id of a contained resource")
	}
	if f.prim == primURL && r.opts.ExampleURLs == Refuse && isExample(text) {
		r.err(fhir.CodeInvalid, "the address is one for examples, which are not allowed here")
	}
}

// isExample reports whether a URL is at one of the hosts kept for examples
// (RFC 2606) or usual in FHIR examples.
func isExample(text string) bool {
	_, rest, ok := strings.Cut(text, "://")
	if !ok {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	for _, e := range [...]string{"example.org", "example.com", "example.net", "acme.com", "acme.org"} {
		if host == e || strings.HasSuffix(host, "."+e) {
			return true
		}
	}
	return false
}

// compareQuantities orders quantities, converting units by UCUM; known is false
// where the units cannot be compared.
func compareQuantities(a, b *fhir.Element) (order int, known bool) {
	x, ok := path.ParseDecimal(a.Get("value").Text())
	y, ok2 := path.ParseDecimal(b.Get("value").Text())
	if !ok || !ok2 {
		return 0, false
	}
	au, bu := unitOf(a), unitOf(b)
	if au == bu {
		return x.Cmp(y), true
	}
	if a.Get("system").Text() != "http://unitsofmeasure.org" || b.Get("system").Text() != "http://unitsofmeasure.org" {
		return 0, false
	}
	ua, err := ucum.Parse(au)
	if err != nil {
		return 0, false
	}
	ub, err := ucum.Parse(bu)
	if err != nil || !ua.Comparable(ub) {
		return 0, false
	}
	converted, err := ucum.Convert(x.Rat(), ua, ub)
	if err != nil {
		return 0, false
	}
	return converted.Cmp(y.Rat()), true
}

func unitOf(q *fhir.Element) string {
	if code := q.Get("code").Text(); code != "" {
		return code
	}
	return q.Get("unit").Text()
}
