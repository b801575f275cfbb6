package search

import (
	"strings"

	"vitalwire/fhir"
)

// fullText reads what _text and _content are asked: words that must all be there,
// with and, or, not and parentheses, such as (bone OR liver) and metastases
// (R4 search §3.1.1.4.2). A word that ends in * stands for all that begin so. A
// comma is or, like everywhere.
type fullText struct {
	param  *Param
	tokens []string
	depth  int
	leaves int
}

// maxTextDepth and maxTextWords bound one full-text search.
const (
	maxTextDepth = 20
	maxTextWords = 100
)

func (p *parse) fullText(param *Param, value string) (Clause, *fhir.Error) {
	var either []Clause
	for _, part := range cutUnescaped(value, ',') {
		if strings.TrimSpace(part) == "" {
			continue
		}
		f := &fullText{param: param, tokens: textTokens(unescape(part))}
		c, err := f.either()
		if err == nil && len(f.tokens) > 0 {
			err = fhir.BadSearch("%s: %q is not expected there", param.Code, f.tokens[0])
		}
		if err != nil {
			return Clause{}, err
		}
		either = append(either, c)
	}
	if len(either) == 0 {
		return Clause{}, fhir.BadSearch("%s has no value", param.Code)
	}
	return anyOf(either...), nil
}

// textTokens cuts at blanks and around parentheses.
func textTokens(text string) []string {
	text = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)
	return strings.Fields(text)
}

func (f *fullText) next() string {
	if len(f.tokens) == 0 {
		return ""
	}
	return strings.ToLower(f.tokens[0])
}

func (f *fullText) either() (Clause, *fhir.Error) {
	if f.depth++; f.depth > maxTextDepth {
		return Clause{}, fhir.TooCostly("%s has parentheses more than %d deep", f.param.Code, maxTextDepth)
	}
	defer func() { f.depth-- }()
	var list []Clause
	for {
		c, err := f.every()
		if err != nil {
			return c, err
		}
		list = append(list, c)
		if f.next() != "or" {
			return anyOf(list...), nil
		}
		f.tokens = f.tokens[1:]
	}
}

func (f *fullText) every() (Clause, *fhir.Error) {
	var list []Clause
	for {
		c, err := f.one()
		if err != nil {
			return c, err
		}
		list = append(list, c)
		switch f.next() {
		case "and":
			f.tokens = f.tokens[1:]
		case "", ")", "or":
			return all(list...), nil
		}
	}
}

func (f *fullText) one() (Clause, *fhir.Error) {
	token := f.next()
	if token == "" || token == ")" || token == "and" || token == "or" {
		return Clause{}, fhir.BadSearch("%s: a word is missing; write words, perhaps with and, or, not and parentheses", f.param.Code)
	}
	whole := f.tokens[0]
	f.tokens = f.tokens[1:]
	switch token {
	case "not":
		if f.depth++; f.depth > maxTextDepth {
			return Clause{}, fhir.TooCostly("%s has more than %d negations", f.param.Code, maxTextDepth)
		}
		c, err := f.one()
		f.depth--
		return not(c), err
	case "(":
		c, err := f.either()
		if err == nil && f.next() != ")" {
			err = fhir.BadSearch("%s: a parenthesis is not closed", f.param.Code)
		}
		if err == nil {
			f.tokens = f.tokens[1:]
		}
		return c, err
	}
	match := Equal
	if strings.HasSuffix(whole, "*") {
		match = Begins
	}
	words := Words(whole)
	if f.leaves += len(words); f.leaves > maxTextWords {
		return Clause{}, fhir.TooCostly("%s asks for more than %d words", f.param.Code, maxTextWords)
	}
	if len(words) == 0 {
		return Clause{}, fhir.BadSearch("%s: %q has no letter or digit to look for", f.param.Code, whole)
	}
	return wordClauses(f.param, ByValue, match, words), nil
}

// wordClauses asks for all of some words; the last may be the beginning of one.
func wordClauses(param *Param, by By, last Match, words []string) Clause {
	list := make([]Clause, len(words))
	for i, word := range words {
		list[i] = Clause{Param: param, By: by, Match: Equal, Operands: []Operand{{Text: clipWord(word)}}}
	}
	list[len(list)-1].Match = last
	return all(list...)
}

// labelled reads :text of a token or reference: each word of the value begins one
// of those that people read with the code (R4 search §3.1.1.4.4).
func labelled(param *Param, value string) (Clause, *fhir.Error) {
	var either []Clause
	for _, part := range cutUnescaped(value, ',') {
		words := Words(unescape(part))
		if len(words) == 0 {
			continue
		}
		if len(words) > maxTextWords {
			return Clause{}, fhir.TooCostly("%s:text asks for more than %d words", param.Code, maxTextWords)
		}
		c := wordClauses(param, ByText, Begins, words)
		if c.Group != nil {
			for i := range c.Group.Clauses {
				c.Group.Clauses[i].Match = Begins
			}
		}
		either = append(either, c)
	}
	if len(either) == 0 {
		return Clause{}, fhir.BadSearch("%s:text must have a letter or a digit to look for", param.Code)
	}
	return anyOf(either...), nil
}
