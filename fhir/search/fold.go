package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold is a text as string parameters compare it: without case, accents, and
// blanks that say nothing (R4 search §3.1.1.5.4).
func Fold(text string) string {
	plain := true
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' || c < ' ' || c == 0x7f || c == ' ' && (i == 0 || text[i-1] == ' ' || i == len(text)-1) {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	blank := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case r >= utf8.RuneSelf && unicode.Is(unicode.Mn, r) || r < ' ' || r == 0x7f || r == utf8.RuneError:
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		r = unicode.ToLower(r)
		if r < utf8.RuneSelf {
			b.WriteByte(byte(r))
			continue
		}
		if base := unaccent(r); base != "" {
			b.WriteString(base)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unaccent gives the letters without accents of a lower-case letter, "" for those
// that have none. It knows Latin, which is what accents are written on; the
// decomposed form of any script loses its combining marks in Fold.
func unaccent(r rune) string {
	for _, row := range accented {
		if strings.ContainsRune(row[1], r) {
			return row[0]
		}
	}
	return ""
}

// accented are letters by what they are without accents: Latin-1, Latin Extended-A
// and Additional of Unicode.
var accented = [...][2]string{
	{"a", "àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặ"}, {"b", "ḃḅḇ"}, {"c", "çćĉċčḉ"}, {"d", "ďđḋḍḏḑḓ"},
	{"e", "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"}, {"f", "ḟ"}, {"g", "ĝğġģǧǵḡ"}, {"h", "ĥħȟḣḥḧḩḫẖ"},
	{"i", "ìíîïĩīĭįıǐȉȋḭḯỉị"}, {"j", "ĵǰ"}, {"k", "ķǩḱḳḵ"}, {"l", "ĺļľŀłḷḹḻḽ"}, {"m", "ḿṁṃ"},
	{"n", "ñńņňǹṅṇṉṋ"}, {"o", "òóôõöøōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"}, {"p", "ṕṗ"}, {"r", "ŕŗřȑȓṙṛṝṟ"},
	{"s", "śŝşšșṡṣṥṧṩ"}, {"t", "ţťŧțṫṭṯṱẗ"}, {"u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"}, {"v", "ṽṿ"},
	{"w", "ŵẁẃẅẇẉẘ"}, {"x", "ẋẍ"}, {"y", "ýÿŷȳẏẙỳỵỷỹ"}, {"z", "źżžẑẓẕ"},
	{"ae", "æǣǽ"}, {"oe", "œ"}, {"ss", "ßẞ"}, {"th", "þ"},
}
