package patch

import (
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// pointer is a JSON Pointer (RFC 6901) as it was written, and its tokens.
type pointer struct {
	text   string
	tokens []string
}

// parsePointer reads a JSON Pointer; the reason says what is wrong with it.
func parsePointer(text string) (p pointer, reason string) {
	p.text = text
	switch {
	case len(text) > maxText:
		return p, "is longer than " + strconv.Itoa(maxText) + " bytes"
	case text == "":
		return p, ""
	case text[0] != '/':
		return p, "must be empty or begin with '/'"
	}
	p.tokens = strings.Split(text[1:], "/")
	for i, t := range p.tokens {
		if !strings.Contains(t, "~") {
			continue
		}
		for j := 0; j < len(t); j++ {
			if t[j] == '~' && (j+1 == len(t) || t[j+1] != '0' && t[j+1] != '1') {
				return p, "has a '~' that is neither ~0 nor ~1"
			}
		}
		p.tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return p, ""
}

// contains reports whether q is a place inside the one p names.
func (p pointer) contains(q pointer) bool {
	if len(q.tokens) <= len(p.tokens) {
		return false
	}
	for i, t := range p.tokens {
		if q.tokens[i] != t {
			return false
		}
	}
	return true
}

// parent finds the container of the place, and the token inside it. It needs at
// least one token. The reason says why there is none.
func (p pointer) parent(root *fhir.Element) (in *fhir.Element, token, reason string) {
	in = root
	last := len(p.tokens) - 1
	for i := 0; ; i++ {
		if !in.Is(fhir.Object) && !in.Is(fhir.Array) {
			return nil, "", "/" + clip(strings.Join(p.tokens[:i], "/")) + " is a " + in.Kind().String() + ", nothing is inside it"
		}
		if i == last {
			return in, p.tokens[last], ""
		}
		next, reason := child(in, p.tokens[i])
		if reason != "" {
			return nil, "", reason
		}
		in = next
	}
}

// child finds what the token names inside a container.
func child(in *fhir.Element, token string) (e *fhir.Element, reason string) {
	if in.Is(fhir.Array) {
		i, reason := index(token, in.Len()-1)
		if reason != "" {
			return nil, reason
		}
		return in.At(i), ""
	}
	if e = in.Get(token); e == nil {
		return nil, "there is no " + strconv.Quote(clip(token))
	}
	return e, ""
}

// index reads an array index (RFC 6901 §4) up to the highest allowed.
func index(token string, highest int) (i int, reason string) {
	if token == "-" {
		return 0, "'-' names the place behind the last item, where nothing is"
	}
	if token == "" || len(token) > 1 && token[0] == '0' || strings.Trim(token, "0123456789") != "" {
		return 0, strconv.Quote(clip(token)) + " is no index of a list"
	}
	n, err := strconv.Atoi(token)
	if err != nil || n > highest {
		return 0, "index " + clip(token) + " is past the end of the list"
	}
	return n, ""
}

// find is what the pointer names.
func (p pointer) find(root *fhir.Element) (e *fhir.Element, reason string) {
	if len(p.tokens) == 0 {
		return root, ""
	}
	in, token, reason := p.parent(root)
	if reason != "" {
		return nil, reason
	}
	return child(in, token)
}

// expression is the FHIRPath of the place, for an issue; of its list where the
// place is behind the last item.
func (p pointer) expression(root *fhir.Element) string {
	var b strings.Builder
	b.WriteString(root.Get("resourceType").Text())
	e := root
	for _, t := range p.tokens {
		switch {
		case t == "-":
			return b.String()
		case e.Is(fhir.Array):
			b.WriteString("[" + t + "]")
		default:
			b.WriteString("." + t)
		}
		e, _ = child(e, t)
	}
	return b.String()
}
