package validate

import (
	"strings"
	"unicode/utf8"

	"vitalwire/fhir"
)

// primitive is an R4 primitive type.
type primitive uint8

const (
	notPrimitive primitive = iota
	primBoolean
	primInteger
	primUnsignedInt
	primPositiveInt
	primDecimal
	primString
	primMarkdown
	primCode
	primID
	primURI
	primURL
	primCanonical
	primOID
	primUUID
	primDate
	primDateTime
	primInstant
	primTime
	primBase64
	primXHTML
)

var primitiveNames = [...]string{
	primBoolean: "boolean", primInteger: "integer", primUnsignedInt: "unsignedInt", primPositiveInt: "positiveInt",
	primDecimal: "decimal", primString: "string", primMarkdown: "markdown", primCode: "code", primID: "id",
	primURI: "uri", primURL: "url", primCanonical: "canonical", primOID: "oid", primUUID: "uuid", primDate: "date",
	primDateTime: "dateTime", primInstant: "instant", primTime: "time", primBase64: "base64Binary", primXHTML: "xhtml",
}

func primitiveOf(code string) primitive {
	for i, name := range primitiveNames {
		if name == code && i > 0 {
			return primitive(i)
		}
	}
	return notPrimitive
}

func (p primitive) String() string { return primitiveNames[p] }

// jsonKind is how JSON writes the type (R4 json §2.6.2.2).
func (p primitive) jsonKind() fhir.Kind {
	switch p {
	case primBoolean:
		return fhir.Bool
	case primInteger, primUnsignedInt, primPositiveInt, primDecimal:
		return fhir.Number
	}
	return fhir.String
}

// notPlain is the kind of no JSON value.
const notPlain fhir.Kind = 0xFF

// plainKind is jsonKind for the types whose format is all that there is to
// check, else notPlain.
func (p primitive) plainKind() fhir.Kind {
	switch p {
	case primXHTML, primCanonical, primURL:
		return notPlain
	}
	return p.jsonKind()
}

// maxText is the longest string R4 allows (datatypes §2.24.0.1: 1 MB).
const maxText = 1 << 20

// check tells what is wrong with a value of the type, "" when nothing is. The
// words never repeat the value.
func (p primitive) check(s string) string {
	switch p {
	case primBoolean:
		return ""
	case primInteger:
		return checkInteger(s, -1<<31)
	case primUnsignedInt:
		return checkInteger(s, 0)
	case primPositiveInt:
		return checkInteger(s, 1)
	case primDecimal:
		return checkDecimal(s)
	case primString, primMarkdown:
		return checkString(s)
	case primCode:
		if !isCode(s) {
			return "a code has no blanks at its ends, no two blanks in a row, and is not empty"
		}
	case primID:
		if !fhir.ValidID(s) {
			return "an id is 1 to 64 of A-Z a-z 0-9 - and ."
		}
	case primURI, primURL, primCanonical:
		return checkURI(s)
	case primOID:
		if !isOID(s) {
			return "an oid is urn:oid: and numbers with dots between them, beginning with 0, 1 or 2"
		}
	case primUUID:
		if !isUUID(s) {
			return "a uuid is urn:uuid: and a UUID in lower case"
		}
	case primDate:
		if !isDate(s) {
			return "a date is YYYY, YYYY-MM or YYYY-MM-DD and a day that exists"
		}
	case primDateTime:
		return checkDateTime(s)
	case primInstant:
		if len(s) < len("2006-01-02T15:04:05Z") || checkDateTime(s) != "" {
			return "an instant is YYYY-MM-DDThh:mm:ss with an offset (Z or +hh:mm)"
		}
	case primTime:
		if n := timeOfDay(s); n == 0 || n != len(s) {
			return "a time is hh:mm:ss, without an offset"
		}
	case primBase64:
		if !isBase64(s) {
			return "this is not base64: groups of four of A-Z a-z 0-9 + /, the last filled up with ="
		}
	}
	return ""
}

// takes is check of a text of which something is known already.
func (p primitive) takes(s string, form fhir.Form) bool {
	if form != fhir.AnyForm && len(s) <= maxText {
		switch p {
		case primString, primMarkdown:
			if s[0] != ' ' {
				return true
			}
		case primCode:
			if form == fhir.Word {
				return true
			}
		case primURI, primURL, primCanonical:
			if form == fhir.Word {
				return checkURN(s) == ""
			}
		}
	}
	return p.check(s) == ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// checkInteger knows that s is a JSON number. R4: 32 bits, no leading zeros.
func checkInteger(s string, low int64) string {
	d := s
	neg := d[0] == '-'
	if neg {
		d = d[1:]
	}
	n := int64(0)
	for i := 0; i < len(d); i++ {
		if !isDigit(d[i]) || i > 10 {
			return "a whole number of 32 bits is needed, without point or exponent"
		}
		n = n*10 + int64(d[i]-'0')
	}
	if neg {
		n = -n
	}
	switch {
	case n < low && low == 1:
		return "a positiveInt is 1 or more"
	case n < low && low == 0:
		return "an unsignedInt is 0 or more"
	case n < low, n > 1<<31-1:
		return "the number does not fit in 32 bits"
	}
	return ""
}

// checkDecimal knows that s is a JSON number, which is what R4 asks; the bound
// keeps 1e999999 from whoever computes with it.
func checkDecimal(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i]|0x20 != 'e' {
			continue
		}
		digits := strings.TrimLeft(s[i+1:], "+-0")
		if len(digits) > 3 || len(digits) == 3 && digits > "400" {
			return "the exponent of the decimal is too large"
		}
	}
	if len(s) > 1000 {
		return "the decimal has too many digits"
	}
	return ""
}

func checkString(s string) string {
	if s == "" {
		return "a string is not empty; leave the element out"
	}
	if len(s) > maxText {
		return "a string is at most 1 MB long"
	}
	blank := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c > ' ' {
			blank = false
		} else if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return "a string has no control characters but tab, line feed and carriage return"
		}
	}
	if blank {
		return "a string has something else than white space"
	}
	return ""
}

// isCode is [^\s]+(\s[^\s]+)*.
func isCode(s string) bool {
	blank := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if blank {
				return false
			}
			blank = true
		case c < ' ':
			return false
		default:
			blank = false
		}
	}
	return !blank
}

func checkURI(s string) string {
	if s == "" {
		return "a uri is not empty; leave the element out"
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' {
			return "a uri has no white space"
		}
		if s[i] >= utf8.RuneSelf {
			if r, _ := utf8.DecodeRuneInString(s[i:]); r == 0xA0 || r == 0x3000 || r >= 0x2000 && r <= 0x200B {
				return "a uri has no white space"
			}
		}
	}
	return checkURN(s)
}

// checkURN checks the form of a urn:uuid or urn:oid; other texts pass.
func checkURN(s string) string {
	uuid, oid := strings.HasPrefix(s, "urn:uuid:"), strings.HasPrefix(s, "urn:oid:")
	if !uuid && !oid || len(s) <= 9 {
		return ""
	}
	s, _, _ = strings.Cut(s, "#")
	if uuid && !isUUID(s) {
		return "a UUID in a uri is 32 hexadecimal digits in groups of 8-4-4-4-12, in lower case"
	}
	if oid && !isOID(s) {
		return "an OID in a uri is numbers with dots between them, beginning with 0, 1 or 2"
	}
	return ""
}

func isOID(s string) bool {
	s, ok := strings.CutPrefix(s, "urn:oid:")
	if !ok || s == "" || s[0] > '2' {
		return false
	}
	parts := 0
	for s != "" {
		part, rest, more := strings.Cut(s, ".")
		if part == "" || len(part) > 1 && part[0] == '0' || more && rest == "" {
			return false
		}
		for i := 0; i < len(part); i++ {
			if !isDigit(part[i]) {
				return false
			}
		}
		if parts == 0 && len(part) > 1 {
			return false
		}
		parts++
		s = rest
	}
	return parts > 1
}

func isUUID(s string) bool {
	s, ok := strings.CutPrefix(s, "urn:uuid:")
	if !ok || len(s) != 36 {
		return false
	}
	for i := 0; i < 36; i++ {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func two(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

// isDate is YYYY, YYYY-MM or YYYY-MM-DD with a day that exists; the year is not 0000.
func isDate(s string) bool {
	n := len(s)
	if n != 4 && n != 7 && n != 10 {
		return false
	}
	for i := 0; i < n; i++ {
		if i == 4 || i == 7 {
			if s[i] != '-' {
				return false
			}
		} else if !isDigit(s[i]) {
			return false
		}
	}
	if s[:4] == "0000" {
		return false
	}
	if n == 4 {
		return true
	}
	month := two(s[5:])
	if month < 1 || month > 12 {
		return false
	}
	if n == 7 {
		return true
	}
	day := two(s[8:])
	return day >= 1 && day <= daysIn(two(s)*100+two(s[2:]), month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// timeOfDay is the length of hh:mm:ss(.s+)? at the beginning of s; 0 when there is none.
func timeOfDay(s string) int {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0
	}
	for _, i := range [...]int{0, 1, 3, 4, 6, 7} {
		if !isDigit(s[i]) {
			return 0
		}
	}
	if two(s) > 23 || two(s[3:]) > 59 || two(s[6:]) > 60 {
		return 0
	}
	n := 8
	if n < len(s) && s[n] == '.' {
		n++
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 9 {
			return 0
		}
	}
	return n
}

func checkDateTime(s string) string {
	if len(s) <= 10 {
		if isDate(s) {
			return ""
		}
		return "a dateTime is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset"
	}
	if !isDate(s[:10]) || s[10] != 'T' {
		return "a dateTime is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset"
	}
	n := timeOfDay(s[11:])
	if n == 0 {
		return "the time in a dateTime is hh:mm:ss, seconds included"
	}
	if !isOffset(s[11+n:]) {
		return "a dateTime with a time needs an offset: Z or +hh:mm"
	}
	return ""
}

// isOffset is Z or ±hh:mm up to 14:00.
func isOffset(s string) bool {
	if s == "Z" {
		return true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return false
	}
	for _, i := range [...]int{1, 2, 4, 5} {
		if !isDigit(s[i]) {
			return false
		}
	}
	h, m := two(s[1:]), two(s[4:])
	return h < 14 && m < 60 || h == 14 && m == 0
}

// isBase64 allows white space between characters, as R4 does.
func isBase64(s string) bool {
	n, pad := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/':
			if pad > 0 {
				return false
			}
			n++
		case c == '=':
			pad++
			n++
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		default:
			return false
		}
	}
	return n%4 == 0 && pad <= 2 && n > 0
}
