package search

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"vitalwire/fhir"
)

// Full text is words. A word is the longest run of letters and digits in a text
// folded by Fold: "Müller-Lüdenscheid, 3 mg" is muller, ludenscheid, 3 and mg.
// There are no stems and no stop words, so every store and every reader of this
// page agrees on what a search finds. R4 leaves the rules to the server (search
// §3.1.1.4.2, _text and _content).

// maxWord is how many bytes of a word count.
const maxWord = 64

// maxWords is how many different words of one resource are found.
const maxWords = 20_000

// wordSet gathers different words in the order of their appearance.
type wordSet struct {
	seen map[string]bool
	text strings.Builder
}

// Words are the words of a text in order, each as often as it is there.
func Words(text string) []string {
	return strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

func (w *wordSet) add(text string) {
	for _, word := range Words(text) {
		word = clipWord(word)
		if w.seen[word] || len(w.seen) == maxWords {
			continue
		}
		if w.seen == nil {
			w.seen = map[string]bool{}
		}
		w.seen[word] = true
		if w.text.Len() > 0 {
			w.text.WriteByte(' ')
		}
		w.text.WriteString(word)
	}
}

// clipWord cuts a long word after a whole letter.
func clipWord(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// narrativeText is the text of XHTML: tags are blanks between words.
func narrativeText(div string) string {
	var b strings.Builder
	for div != "" {
		text, rest, tag := strings.Cut(div, "<")
		b.WriteString(text)
		b.WriteByte(' ')
		if !tag {
			break
		}
		if strings.HasPrefix(rest, "!--") {
			_, div, _ = strings.Cut(rest, "-->")
			continue
		}
		_, div, _ = strings.Cut(rest, ">")
	}
	return html.UnescapeString(b.String())
}

// narrativeWords are the words of the narrative, with blanks between them.
func narrativeWords(r *fhir.Resource) string {
	var w wordSet
	w.add(narrativeText(r.Path("text", "div").Text()))
	return w.text.String()
}

// contentWords are the words of all a person can read in a resource except its
// narrative, with blanks between them: every string but addresses, references,
// ids, dates and encoded data. Codes are among them.
func contentWords(r *fhir.Resource) string {
	var w wordSet
	for _, m := range r.Root().Members() {
		if m.Name != "meta" && m.Name != "resourceType" {
			w.walk(m.Name, m.Value)
		}
	}
	return w.text.String()
}

// silent are the elements whose text nobody reads, by name in JSON.
var silent = map[string]bool{
	"id": true, "reference": true, "system": true, "url": true, "div": true, "data": true, "resourceType": true,
	"hash": true, "versionId": true, "lastUpdated": true, "profile": true, "query": true, "valueBase64Binary": true,
}

func (w *wordSet) walk(name string, e *fhir.Element) {
	switch e.Kind() {
	case fhir.Object:
		for _, m := range e.Members() {
			w.walk(m.Name, m.Value)
		}
	case fhir.Array:
		for _, item := range e.Items() {
			w.walk(name, item)
		}
	case fhir.String:
		if text := e.Text(); !silent[name] && !address(text) && !moment(text) {
			w.add(text)
		}
	}
}

// address reports whether a text is an absolute URI: a scheme of RFC 3986 §3.1, and
// what follows it.
func address(text string) bool {
	scheme, rest, ok := strings.Cut(text, ":")
	return ok && (scheme == "urn" || strings.HasPrefix(rest, "//")) && !strings.ContainsAny(text, " \n\t") && isScheme(scheme)
}

func isScheme(text string) bool {
	for i, c := range []byte(text) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || ('0' > c || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return text != ""
}

// moment reports whether a text is a date or a time.
func moment(text string) bool {
	if len(text) < 7 || text[0] < '0' || text[0] > '9' {
		return false
	}
	_, ok := fhir.ParseDateTime(text)
	return ok
}
