package validate

import "strings"

// The functions here read the part of FHIRPath that decider knows. What they
// do not know becomes decideUnknown, never a guess.

// parseImplies reads an expression whose operators are implies, or, xor and
// and, loosest first (FHIRPath §6.5 precedence).
func parseImplies(s string, depth int) *decider {
	if depth > 16 {
		return &decider{}
	}
	parts := splitWord(s, "implies")
	if len(parts) > 2 {
		return &decider{}
	}
	if len(parts) == 2 {
		return join(decideImplies, parseOr(parts[0], depth), parseOr(parts[1], depth))
	}
	return parseOr(s, depth)
}

func parseOr(s string, depth int) *decider {
	if len(splitWord(s, "xor")) > 1 {
		return &decider{}
	}
	return parseList(s, "or", decideOr, depth, func(s string, depth int) *decider {
		return parseList(s, "and", decideAnd, depth, parseEquality)
	})
}

func parseList(s, word string, op decideOp, depth int, next func(string, int) *decider) *decider {
	parts := splitWord(s, word)
	if len(parts) == 1 {
		return next(s, depth)
	}
	kids := make([]*decider, len(parts))
	for i, p := range parts {
		kids[i] = next(p, depth)
	}
	return join(op, kids...)
}

// join makes an operator's node; unknown where all its parts are.
func join(op decideOp, kids ...*decider) *decider {
	for _, k := range kids {
		if k.op != decideUnknown {
			return &decider{op: op, kids: kids}
		}
	}
	return &decider{}
}

// parseEquality reads "a = b" and "a != b" of what can be decided, or an atom.
func parseEquality(s string, depth int) *decider {
	s = strings.TrimSpace(s)
	at, size := topOperator(s)
	if at < 0 {
		return parseAtom(s, depth)
	}
	left, op, right := strings.TrimSpace(s[:at]), s[at:at+size], strings.TrimSpace(s[at+size:])
	if op != "=" && op != "!=" {
		return &decider{}
	}
	if text, ok := literal(right); ok {
		if name, ok := names(left); ok && len(name) == 1 {
			d := &decider{op: decideEquals, path: name, text: text}
			if op == "!=" {
				d = &decider{op: decideNot, kids: []*decider{d}}
			}
			return d
		}
		return &decider{}
	}
	a, b := parseAtom(left, depth), parseAtom(right, depth)
	if !a.yields() || !b.yields() {
		return &decider{}
	}
	if op == "=" {
		return join(decideSame, a, b)
	}
	return join(decideDiffer, a, b)
}

// yields reports whether a node always has a boolean.
func (d *decider) yields() bool { return d.op == decideExists || d.op == decideEmpty }

// parseAtom reads "(...)", "(...).not()", or a path with functions behind it.
func parseAtom(s string, depth int) *decider {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutSuffix(s, ".not()"); ok && balanced(inner) {
		d := parseAtom(inner, depth+1)
		if d.op == decideUnknown || depth > 16 {
			return &decider{}
		}
		return &decider{op: decideNot, kids: []*decider{d}}
	}
	if strings.HasPrefix(s, "(") && closing(s) == len(s)-1 {
		return parseImplies(strings.TrimSpace(s[1:len(s)-1]), depth+1)
	}
	return parseCalls(s)
}

// neutral are functions that give nothing on nothing.
const neutral = " where select ofType as first last tail skip take distinct trace repeat children descendants extension resolve intersect exclude "

// parseCalls reads path.f(..).g(..): decided by the path alone where the
// functions give nothing on nothing.
func parseCalls(s string) *decider {
	end := 0
	var path []string
	for {
		n := nameLen(s[end:])
		if n == 0 || end+n < len(s) && s[end+n] == '(' {
			break
		}
		path = append(path, strings.Trim(s[end:end+n], "`"))
		end += n
		if end >= len(s) || s[end] != '.' {
			break
		}
		end++
	}
	if len(path) == 0 || end >= len(s) {
		return &decider{}
	}
	for _, p := range path {
		if p == "" || p[0] >= 'A' && p[0] <= 'Z' {
			return &decider{} // a type name
		}
	}
	for plain := true; end < len(s); plain = false {
		n := nameLen(s[end:])
		if n == 0 || end+n >= len(s) || s[end+n] != '(' {
			return &decider{}
		}
		name := s[end : end+n]
		last := closing(s[end+n:])
		if last < 0 {
			return &decider{}
		}
		args := s[end+n+1 : end+n+last]
		end += n + last + 1
		if end == len(s) {
			return finalCall(path, name, strings.TrimSpace(args), plain)
		}
		if s[end] != '.' || !strings.Contains(neutral, " "+name+" ") {
			return &decider{}
		}
		end++
	}
	return &decider{}
}

func finalCall(path []string, name, args string, plain bool) *decider {
	switch name {
	case "exists", "hasValue":
		if plain && args == "" && name == "exists" {
			return &decider{op: decideExists, path: path}
		}
		return &decider{op: decideSome, path: path}
	case "empty":
		if plain {
			return &decider{op: decideEmpty, path: path}
		}
		return &decider{op: decideNone, path: path}
	case "all", "isDistinct":
		return &decider{op: decideNone, path: path}
	case "startsWith":
		if text, ok := literal(args); ok && plain && len(path) == 1 {
			return &decider{op: decideStarts, path: path, text: text}
		}
	}
	return &decider{}
}

// nameLen is the length of a name at the beginning of s, in backquotes or not.
func nameLen(s string) int {
	if strings.HasPrefix(s, "`") {
		if i := strings.IndexByte(s[1:], '`'); i > 0 {
			return i + 2
		}
		return 0
	}
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || i > 0 && isDigit(s[i])) {
		i++
	}
	return i
}

func names(s string) ([]string, bool) {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		if n := nameLen(p); n == 0 || n != len(p) || p[0] >= 'A' && p[0] <= 'Z' {
			return nil, false
		}
		parts[i] = strings.Trim(p, "`")
	}
	return parts, true
}

// literal is the text of a string literal without escapes.
func literal(s string) (string, bool) {
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' || strings.ContainsAny(s[1:len(s)-1], `'\`) {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// walkTop calls visit for each byte that is in no bracket and no quotes, until
// it says false.
func walkTop(s string, visit func(i int) bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"', '`':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		default:
			if depth == 0 && !visit(i) {
				return
			}
		}
	}
}

func balanced(s string) bool {
	depth := 0
	for _, c := range []byte(s) {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	at, _ := topOperator(s)
	return depth == 0 && at < 0 && len(splitWord(s, "and")) == 1 && len(splitWord(s, "or")) == 1 && len(splitWord(s, "implies")) == 1
}

// closing is where the bracket at the beginning of s is closed, -1 when it is not.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"', '`':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// splitWord parts s at an operator that is a word and stands in no bracket.
func splitWord(s, word string) []string {
	var out []string
	from := 0
	walkTop(s, func(i int) bool {
		if i >= from && strings.HasPrefix(s[i:], word) && edge(s, i-1) && edge(s, i+len(word)) {
			out = append(out, s[from:i])
			from = i + len(word)
		}
		return true
	})
	return append(out, s[from:])
}

// edge reports whether a place of s is no part of a name.
func edge(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return true
	}
	c := s[i]
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c == '.' || c == '$' || c == '%')
}

// topOperator finds an operator other than words and the dot that stands in no
// bracket; -1 when there is none.
func topOperator(s string) (at, size int) {
	at = -1
	walkTop(s, func(i int) bool {
		switch s[i] {
		case '=', '~', '<', '>', '|', '&', '+', '-', '*', '/', '!':
			at, size = i, 1
			if i+1 < len(s) && s[i+1] == '=' {
				size = 2
			}
			return false
		}
		for _, w := range [...]string{"is", "as", "in", "contains", "div", "mod"} {
			if strings.HasPrefix(s[i:], w) && edge(s, i-1) && edge(s, i+len(w)) {
				at, size = i, len(w)
				return false
			}
		}
		return true
	})
	return at, size
}
