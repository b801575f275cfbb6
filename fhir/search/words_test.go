package search

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An absolute URI is no text to read (RFC 3986 §4.3); one inside a text is.
func TestAddress_RFC3986_3_1(t *testing.T) {
	for text, want := range map[string]bool{
		"http://loinc.org":                         true,
		"urn:oid:1.2.3":                            true,
		"coap+tcp://gateway.example/1":             true,
		"Observation?code=http://loinc.org|1975-2": false,
		"see http://loinc.org":                     false,
		"10://11":                                  false,
		"://":                                      false,
		"Authorization: Bearer secret-token-abc-123": false,
		"ratio 1:2": false,
	} {
		if got := address(text); got != want {
			t.Errorf("address(%q) = %v", text, got)
		}
	}
}

// A list of words is what Words says, a byte at a time or not.
func TestWordList_IsWords(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	letters := []rune("abcXYZ019 .,-_\t\n\r\x00\x01\x1f\x7f/éßÅ中\u0301\u00a0")
	for range 20_000 {
		text := make([]rune, g.IntN(40))
		ascii := g.IntN(2) == 0
		for i := range text {
			if text[i] = letters[g.IntN(len(letters))]; ascii {
				text[i] &= 0x7f
			}
		}
		var w, once wordList
		once.distinct = true
		w.add(string(text))
		once.add(string(text))
		once.add(string(text))
		words := Words(string(text))
		if got, want := w.take(), strings.Join(words, " "); got != want {
			t.Fatalf("%q: got %q, want %q", string(text), got, want)
		}
		var distinct []string
		for _, word := range words {
			if !slices.Contains(distinct, word) {
				distinct = append(distinct, word)
			}
		}
		if got, want := once.take(), strings.Join(distinct, " "); got != want {
			t.Fatalf("%q: got distinct %q, want %q", string(text), got, want)
		}
	}
}

// What one resource has is bounded, in words and in the bytes of each.
func TestWordList_Bounds(t *testing.T) {
	w := wordList{distinct: true}
	for i := range 2 * maxWords {
		w.add("w" + strconv.Itoa(i))
	}
	list := strings.Fields(w.take())
	if len(list) != maxWords || list[0] != "w0" || list[maxWords-1] != "w"+strconv.Itoa(maxWords-1) {
		t.Errorf("%d words, the last is %q", len(list), list[len(list)-1])
	}
	for _, long := range []string{strings.Repeat("x", 200), strings.Repeat("é", 200), strings.Repeat("中", 200)} {
		w.add(long)
		if got := w.take(); got != clipWord(Fold(long)) || len(got) > maxWord {
			t.Errorf("%.20q gives %d bytes", long, len(got))
		}
	}
}
