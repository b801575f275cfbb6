package mdcfile

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"vitalwire/fhir/term"
	"vitalwire/fhir/ucum"
)

// A record is a row of a table, or an object with its values, by column: lower case letters
// and digits alone, so that CF_CODE10, cfCode10 and cf_CODE10 are one.
type record struct {
	line   int
	values map[string]string
	ucums  []string // of an object that is a unit with its UCUM codes
}

func column(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// first is the value of the first column that has one. Writers of tables put undefined and
// null for none.
func (c record) first(columns ...string) string {
	for _, name := range columns {
		if v := clean(c.values[name]); v != "" && v != "undefined" && v != "null" {
			return v
		}
	}
	return ""
}

// clean is text in one line without what is not printed.
func clean(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// Columns of codes and names, in the words of the several versions of RTMMS and of LOINC.
var (
	nameColumns = []string{"refid", "referenceid", "refidornewrefid", "ieeerefid"}
	codeColumns = []string{"cfcode10", "ieeecfcode10"}
	wordColumns = []string{"commonterm", "displayname", "systematicname"}
)

// isTable reports whether columns are those of a table that is read here.
func isTable(columns map[string]bool) bool {
	has := func(names []string) bool {
		for _, n := range names {
			if columns[n] {
				return true
			}
		}
		return false
	}
	return has(nameColumns) && (has(codeColumns) || columns["code10"] && (columns["part"] || columns["partition"])) ||
		columns["uommdc"] && columns["cfucode10"]
}

var refIDForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,199}$`)

// take reads a record.
func (r *reader) take(c record) error {
	if len(r.rows) > mostRows {
		return r.fail(c.line, "more than %d codes", mostRows)
	}
	if err := r.takeUnits(c); err != nil {
		return err
	}
	name := c.first(nameColumns...)
	code, err := r.code(c)
	switch {
	case err != nil:
		return err
	case name == "" && code == 0:
		return nil
	case code == 0:
		r.skipped.NoCode++
		return nil
	case name == "":
		r.skipped.NoName++
		return nil
	}
	row, err := r.row(c, code, name)
	if err != nil {
		return err
	}
	row.Display = words(c.first(wordColumns...))
	for _, synonym := range strings.Fields(c.first("synonym", "synonyms")) {
		if refIDForm.MatchString(synonym) {
			row.Synonyms = append(row.Synonyms, synonym)
		}
	}
	if code>>16 == unitsPartition {
		row.UCUM = append(row.UCUM, c.ucums...)
		if c.first("uommdc") == "" {
			row.UCUM = append(row.UCUM, strings.Fields(c.first("uomucum", "ucum"))...)
		}
	}
	if number := c.first("loincnum"); number != "" {
		if row.LOINC, err = r.loinc(c, number); err != nil {
			return err
		}
	}
	r.rows = append(r.rows, row)
	return nil
}

// words bounds what a term is called.
func words(text string) string {
	if letters := []rune(text); len(letters) > 200 {
		return string(letters[:200])
	}
	return text
}

func (r *reader) row(c record, code uint32, name string) (term.Addition, error) {
	if !refIDForm.MatchString(name) {
		return term.Addition{}, r.fail(c.line, "%.60q is no reference identifier", name)
	}
	return term.Addition{Code: code, RefID: name, At: r.at(c.line)}, nil
}

// code is the 32-bit code of a record, 0 for none. Where the partition and the term are
// there too all must agree: a row that was put together wrongly must not name a code.
func (r *reader) code(c record) (uint32, error) {
	whole, err := r.number(c, c.first(codeColumns...), 32)
	if err != nil {
		return 0, err
	}
	part, err := r.number(c, c.first("part", "partition"), 16)
	if err != nil && whole != 0 {
		return whole, nil // some versions name the partition in words
	}
	if err != nil {
		return 0, err
	}
	low, err := r.number(c, c.first("code10"), 32)
	if err != nil {
		return 0, err
	}
	if c.first("part", "partition") == "" || c.first("code10") == "" || low == 0 {
		return whole, nil
	}
	if low >= 1<<16 { // some tables have the context-free code in both columns
		part, low = low>>16, low&0xFFFF
	}
	parted := part<<16 | low
	if whole != 0 && whole != parted {
		return 0, r.fail(c.line, "the code %d is not partition %d, term %d, which is %d", whole, part, low, parted)
	}
	return parted, nil
}

func (r *reader) number(c record, text string, bits int) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, r.fail(c.line, "%.40q is no code of %d bits", text, bits)
	}
	return uint32(n), nil
}

const unitsPartition = 4

// takeUnits reads the units that a row lists. Their UCUM codes stand in one cell for all of
// them, so that they tell what a unit is only where there is one.
func (r *reader) takeUnits(c record) error {
	names, codes := strings.Fields(c.first("uommdc")), strings.Fields(c.first("cfucode10"))
	if len(names) != len(codes) {
		return nil // groups of units stand among the names; which code is whose is not told
	}
	for i, name := range names {
		code, err := r.number(c, codes[i], 32)
		if err != nil {
			return err
		}
		if code>>16 != unitsPartition {
			return r.fail(c.line, "%d is the code of a unit, %.60q, and not of partition 4", code, name)
		}
		row, err := r.row(c, code, name)
		if err != nil {
			return err
		}
		if len(names) == 1 {
			row.UCUM = strings.Fields(c.first("uomucum", "ucum"))
		}
		r.rows = append(r.rows, row)
	}
	return nil
}

// equivalences are those of R4 that LOINC's table may have, LOINC being the source.
var equivalences = map[string]string{
	"": "", "equal": "", "equivalent": "", "exact": "",
	"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes",
	"relatedto": "relatedto", "inexact": "inexact", "related-to": "relatedto",
}

// properties are those that LOINC names in brackets, with a unit of their kind.
var properties = map[string]string{
	"Mass/volume": "g/L", "Moles/volume": "mol/L", "Pressure": "Pa", "Partial pressure": "Pa", "Temperature": "Cel",
	"Mass": "g", "Length": "m", "Volume": "L", "Volume Rate": "L/s", "Entitic volume": "L",
}

// loinc reads what a row of LOINC's table says.
func (r *reader) loinc(c record, number string) (*term.LOINC, error) {
	if !isLOINC(number) {
		return nil, r.fail(c.line, "%.40q is no LOINC code", number)
	}
	said := c.first("equivalence")
	loose, ok := equivalences[strings.ToLower(said)]
	if !ok {
		return nil, r.fail(c.line, "%.40q is no equivalence", said)
	}
	l := &term.LOINC{Code: number, Display: words(c.first("loinclongcommonname", "longcommonname")), Loose: loose}
	if _, rest, ok := strings.Cut(l.Display, "["); ok {
		property, _, _ := strings.Cut(rest, "]")
		l.Like = properties[property]
	}
	for _, unit := range strings.Fields(c.first("ieeeuomucum")) {
		if ucum.Valid(unit) {
			l.Like = cmp.Or(l.Like, unit)
		}
	}
	return l, nil
}

// isLOINC reports whether text is a LOINC code: digits and a check digit (LOINC Users'
// Guide, "LOINC code": modulus 10, double-add-double).
func isLOINC(text string) bool {
	digits, check, ok := strings.Cut(text, "-")
	if !ok || len(digits) < 1 || len(digits) > 8 || len(check) != 1 {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return check[0] == byte('0'+(10-sum%10)%10)
}
