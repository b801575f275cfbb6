package search

import (
	"bytes"
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

// Words are the words of a text in order, each as often as it is there.
func Words(text string) []string {
	return strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// wordList gathers the words of texts, with blanks between them.
type wordList struct {
	text []byte
	// start of the word that is being written, in text.
	start int
	// distinct keeps each word only once, and not more than maxWords of them.
	distinct bool
	count    int
	slots    []uint32 // where words begin, counted from 1, by their hash; 0 is free
}

// add adds the words of a text. It does what Words does; most texts are ASCII,
// where a byte at a time is enough.
func (w *wordList) add(text string) {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			for _, word := range Words(text) {
				w.begin()
				w.text = append(w.text, word...)
				w.end()
			}
			return
		}
	}
	within := false
	for i := range len(text) {
		c := text[i]
		switch lower := c | 0x20; {
		case 'a' <= lower && lower <= 'z':
			c = lower
		case '0' <= c && c <= '9':
		case c == 0x7f || c < '\t' || '\r' < c && c < ' ':
			continue // Fold drops them
		default:
			if within {
				w.end()
				within = false
			}
			continue
		}
		if !within {
			w.begin()
			within = true
		}
		w.text = append(w.text, c)
	}
	if within {
		w.end()
	}
}

func (w *wordList) begin() {
	if len(w.text) > 0 {
		w.text = append(w.text, ' ')
	}
	w.start = len(w.text)
}

// end takes in the word that was written, or takes it back.
func (w *wordList) end() {
	w.text = w.text[:w.start+len(clipWord(w.text[w.start:]))]
	if !w.distinct || w.count < maxWords && w.fresh() {
		w.count++
		return
	}
	w.text = w.text[:max(w.start-1, 0)]
}

// fresh reports whether the word that was written is there for the first time, and
// remembers it.
func (w *wordList) fresh() bool {
	if 2*w.count >= len(w.slots) {
		w.grow()
	}
	word := w.text[w.start:]
	for i := wordHash(word); ; i++ {
		slot := &w.slots[i&uint32(len(w.slots)-1)]
		if *slot == 0 {
			*slot = uint32(w.start + 1)
			return true
		}
		if known := w.text[*slot-1:]; bytes.HasPrefix(known, word) && (len(known) == len(word) || known[len(word)] == ' ') {
			return false
		}
	}
}

// grow doubles the slots, of which there is a power of two.
func (w *wordList) grow() {
	old := w.slots
	w.slots = make([]uint32, max(64, 2*len(old)))
	for _, start := range old {
		if start == 0 {
			continue
		}
		word := w.text[start-1:]
		if end := bytes.IndexByte(word, ' '); end >= 0 {
			word = word[:end]
		}
		i := wordHash(word)
		for w.slots[i&uint32(len(w.slots)-1)] != 0 {
			i++
		}
		w.slots[i&uint32(len(w.slots)-1)] = start
	}
}

// wordHash is FNV-1a.
func wordHash(word []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range word {
		h = (h ^ uint32(c)) * 16777619
	}
	return h ^ h>>15
}

// take gives what was gathered and begins anew.
func (w *wordList) take() string {
	text := string(w.text)
	clear(w.slots)
	*w = wordList{text: w.text[:0], slots: w.slots}
	return text
}

// clipWord cuts a long word after a whole letter.
func clipWord[T string | []byte](word T) T {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// narrative adds the text of XHTML: tags are blanks between words.
func (w *wordList) narrative(div string) {
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
	w.add(html.UnescapeString(b.String()))
}

// narrativeWords are the words of the narrative, with blanks between them.
func (w *wordList) narrativeWords(r *fhir.Resource) string {
	w.distinct = true
	if div := r.Path("text", "div"); div.Is(fhir.String) {
		w.narrative(div.Text())
	}
	return w.take()
}

// contentWords are the words of all a person can read in a resource except its
// narrative, with blanks between them: every string but addresses, references,
// ids, dates and encoded data. Codes are among them.
func (w *wordList) contentWords(r *fhir.Resource) string {
	w.distinct = true
	for _, m := range r.Root().Members() {
		if m.Name != "meta" && m.Name != "resourceType" {
			w.walk(m.Name, m.Value)
		}
	}
	return w.take()
}

// silent reports whether nobody reads the text of an element, by its name in JSON.
func silent(name string) bool {
	switch name {
	case "id", "reference", "system", "url", "div", "data", "resourceType", "hash", "versionId", "lastUpdated", "profile", "query", "valueBase64Binary":
		return true
	}
	return false
}

func (w *wordList) walk(name string, e *fhir.Element) {
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
		if text := e.Text(); !silent(name) && !address(text) && !moment(text) {
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
