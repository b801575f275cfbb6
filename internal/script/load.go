package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// load is a resource written as path=value pairs on one line.
type load struct {
	kind, id string
	pairs    []pair
}

// pair is one path=value; a path:=value takes the value as JSON.
type pair struct {
	path, value string
	json        bool
}

var (
	loadTarget = regexp.MustCompile(`^([A-Z][A-Za-z]+)/(\S+)$`)
	looksRef   = regexp.MustCompile(`^(#|[A-Z][A-Za-z]+/).+$`)
)

func (p *parser) loadLine(rest string) error {
	words, err := splitWords(rest)
	if err != nil {
		return p.errorf("%v", err)
	}
	if len(words) == 0 || !loadTarget.MatchString(words[0]) {
		return p.errorf("load takes Type/id and then path=value pairs")
	}
	m := loadTarget.FindStringSubmatch(words[0])
	l := &load{kind: m[1], id: m[2]}
	for _, word := range words[1:] {
		name, value, ok := cutPair(word)
		if !ok || name == "" {
			return p.errorf("load: %q is not path=value", word)
		}
		one := pair{path: name, value: value}
		if strings.HasSuffix(name, ":") {
			one = pair{path: strings.TrimSuffix(name, ":"), value: value, json: true}
		}
		l.pairs = append(l.pairs, one)
	}
	// Build once with what is written, so that a wrong path fails while reading.
	if !strings.Contains(rest, "${") {
		if _, err := l.build(func(s string) (string, error) { return s, nil }); err != nil {
			return p.errorf("%v", err)
		}
	}
	p.add(&step{method: "PUT", path: words[0], load: l})
	return nil
}

// cutPair cuts at the first "=" outside brackets.
func cutPair(word string) (name, value string, ok bool) {
	depth := 0
	for i, c := range word {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case '=':
			if depth == 0 {
				return word[:i], word[i+1:], true
			}
		}
	}
	return word, "", false
}

// splitWords splits at blanks outside double quotes; quotes are taken away,
// and \" and \\ stand for themselves inside them.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted, begun := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			word.WriteByte(s[i])
		case c == '"':
			quoted, begun = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quoted {
		return nil, errors.New(`a closing " is missing`)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// build makes the resource; subst puts variables in.
func (l *load) build(subst func(string) (string, error)) ([]byte, error) {
	id, err := subst(l.id)
	if err != nil {
		return nil, err
	}
	root := &node{}
	root.child("resourceType").value = l.kind
	root.child("id").value = id
	for _, p := range l.pairs {
		value, err := subst(p.value)
		if err != nil {
			return nil, err
		}
		hops, err := parsePath(p.path)
		if err != nil {
			return nil, err
		}
		at := root
		for _, h := range hops {
			if h.filter != nil {
				return nil, fmt.Errorf("load: %s: only [n] here", p.path)
			}
			if h.name != "" {
				at = at.child(h.name)
			} else if at, err = at.element(h.index); err != nil {
				return nil, fmt.Errorf("load: %s: %w", p.path, err)
			}
		}
		if at.value, err = p.build(lastName(hops), value); err != nil {
			return nil, fmt.Errorf("load: %s: %w", p.path, err)
		}
	}
	return json.Marshal(root)
}

func lastName(hops []hop) string {
	for i := len(hops) - 1; i >= 0; i-- {
		if hops[i].name != "" {
			return hops[i].name
		}
	}
	return ""
}

// build makes a value: JSON as it is; Type/id a Reference; number|unit for a
// ...Quantity; system|value a CodeableConcept, or an Identifier where it is
// named so; anything else a string.
func (p pair) build(name, value string) (any, error) {
	if p.json {
		if _, err := decode([]byte(value)); err != nil {
			return nil, err
		}
		return json.RawMessage(value), nil
	}
	left, right, bar := strings.Cut(value, "|")
	switch {
	case strings.HasSuffix(name, "Quantity") && bar:
		number := json.Number(left)
		if _, err := json.Marshal(number); err != nil {
			return nil, err
		}
		return map[string]any{"value": number, "unit": right, "system": "http://unitsofmeasure.org", "code": right}, nil
	case name == "identifier" && bar:
		return map[string]any{"system": left, "value": right}, nil
	case bar:
		return map[string]any{"coding": []any{map[string]any{"system": left, "code": right}}}, nil
	case looksRef.MatchString(value):
		return map[string]any{"reference": value}, nil
	}
	return value, nil
}

// node is an element while a resource is built.
type node struct {
	names    []string
	children map[string]*node
	elements []*node
	value    any
}

func (n *node) child(name string) *node {
	if n.children == nil {
		n.children = map[string]*node{}
	}
	if n.children[name] == nil {
		n.children[name] = &node{}
		n.names = append(n.names, name)
	}
	return n.children[name]
}

func (n *node) element(i int) (*node, error) {
	if i > len(n.elements) {
		return nil, fmt.Errorf("[%d] comes before [%d]", i, len(n.elements))
	}
	if i == len(n.elements) {
		n.elements = append(n.elements, &node{})
	}
	return n.elements[i], nil
}

// MarshalJSON writes names in the order in which the line gave them.
func (n *node) MarshalJSON() ([]byte, error) {
	kinds := 0
	for _, has := range []bool{n.value != nil, n.children != nil, n.elements != nil} {
		if has {
			kinds++
		}
	}
	if kinds > 1 {
		names := append([]string{}, n.names...)
		sort.Strings(names)
		return nil, fmt.Errorf("an element is given as two kinds of value %v", names)
	}
	switch {
	case n.elements != nil:
		return json.Marshal(n.elements)
	case n.children == nil:
		return json.Marshal(n.value)
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range n.names {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(n.children[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
