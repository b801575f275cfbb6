package path

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds on regular expressions. Go's need time linear in the text for any pattern.
const (
	maxPattern = 4096
	maxSubject = 256 << 10
)

// stringFunction are the functions of FHIRPath §5.6.
func stringFunction(name string) (function, bool) {
	switch name {
	case "indexOf":
		return onText(1, 1, func(_ *session, text string, args []string, out []Item) ([]Item, error) {
			return append(out, Integer(runeIndex(text, strings.Index(text, args[0])))), nil
		}), true
	case "lastIndexOf":
		return onText(1, 1, func(_ *session, text string, args []string, out []Item) ([]Item, error) {
			return append(out, Integer(runeIndex(text, strings.LastIndex(text, args[0])))), nil
		}), true
	case "substring":
		return function{1, 2, buildSubstring}, true
	case "startsWith":
		return textTest(strings.HasPrefix), true
	case "endsWith":
		return textTest(strings.HasSuffix), true
	case "contains":
		return textTest(strings.Contains), true
	case "upper":
		return textChange(strings.ToUpper), true
	case "lower":
		return textChange(strings.ToLower), true
	case "replace":
		return onText(2, 2, func(s *session, text string, args []string, out []Item) ([]Item, error) {
			if grown := strings.Count(text, args[0]); len(text)+grown*len(args[1]) > maxText {
				return nil, errAt(Budget, 0, "a computed string is longer than %d bytes", maxText)
			}
			return s.appendText(out, strings.ReplaceAll(text, args[0], args[1]))
		}), true
	case "matches", "matchesFull":
		return function{1, 1, buildMatches}, true
	case "replaceMatches":
		return function{2, 2, buildReplaceMatches}, true
	case "length":
		return onText(0, 0, func(_ *session, text string, _ []string, out []Item) ([]Item, error) {
			return append(out, Integer(int64(utf8.RuneCountInString(text)))), nil
		}), true
	case "toChars":
		return onText(0, 0, func(s *session, text string, _ []string, out []Item) ([]Item, error) {
			for i, r := range text {
				out = append(out, String(text[i:i+utf8.RuneLen(r)]))
			}
			return out, nil
		}), true
	}
	return function{}, false
}

func textTest(test func(text, arg string) bool) function {
	return onText(1, 1, func(_ *session, text string, args []string, out []Item) ([]Item, error) {
		return append(out, Boolean(test(text, args[0]))), nil
	})
}

func textChange(change func(string) string) function {
	return onText(0, 0, func(s *session, text string, _ []string, out []Item) ([]Item, error) {
		return s.appendText(out, change(text))
	})
}

// runeIndex turns a place in bytes into one in characters; -1 stays.
func runeIndex(text string, at int) int64 {
	if at < 0 {
		return -1
	}
	return int64(utf8.RuneCountInString(text[:at]))
}

// buildSubstring compiles substring(start, length), counted in characters.
func buildSubstring(c *compiler, n *node) (callFn, error) {
	start, err := c.expr(n.args()[0])
	if err != nil {
		return nil, err
	}
	length, err := c.optional(n, 1)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		text, ok, err := inputText(in)
		if err != nil || !ok {
			return out, err
		}
		from, ok, err := s.integer(f, start)
		if err != nil || !ok {
			return out, err
		}
		count := int64(len(text))
		if length != nil {
			// An empty length is as none (FHIRPath §5.6.2).
			if given, ok, err := s.integer(f, length); err != nil {
				return out, err
			} else if ok {
				count = given
			}
		}
		if from < 0 || from >= int64(utf8.RuneCountInString(text)) {
			return out, nil
		}
		return append(out, String(cutRunes(text, from, max(count, 0)))), nil
	}, nil
}

func cutRunes(text string, from, count int64) string {
	begin, end, seen := len(text), len(text), int64(0)
	for i := range text {
		if seen == from {
			begin = i
		}
		if seen-from == count {
			end = i
			break
		}
		seen++
	}
	return text[min(begin, end):end]
}

// pattern compiles the argument that is a regular expression, at once when it
// is a literal. The dot matches line ends too (FHIRPath §5.6.8: single line mode).
func (c *compiler) pattern(n *node, arg *node, whole bool) (func(s *session, f *frame) (*regexp.Regexp, bool, error), error) {
	compile := func(text string, kind ErrorKind) (*regexp.Regexp, error) {
		if len(text) > maxPattern {
			return nil, errAt(kind, n.pos, "a regular expression is at most %d bytes long", maxPattern)
		}
		prefix, suffix := "(?s)", ""
		if whole {
			prefix, suffix = `(?s)\A(?:`, `)\z`
		}
		re, err := regexp.Compile(prefix + text + suffix)
		if err != nil {
			return nil, errAt(kind, n.pos, "this regular expression is not one that can be used here")
		}
		return re, nil
	}
	if arg.op == opLiteral && arg.lit.kind == KindString {
		re, err := compile(arg.lit.s, Semantic)
		if err != nil {
			return nil, err
		}
		return func(*session, *frame) (*regexp.Regexp, bool, error) { return re, true, nil }, nil
	}
	fn, err := c.expr(arg)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame) (*regexp.Regexp, bool, error) {
		text, ok, err := s.str(f, fn)
		if err != nil || !ok {
			return nil, false, err
		}
		re, err := compile(text, Execution)
		if err != nil {
			return nil, false, err
		}
		return re, true, s.spend(100 + len(text))
	}, nil
}

// subject is the input of a regular expression, within bounds.
func (s *session) subject(in []Item) (string, bool, error) {
	text, ok, err := inputText(in)
	if err != nil || !ok {
		return "", false, err
	}
	if len(text) > maxSubject {
		return "", false, errAt(Budget, 0, "a regular expression works on at most %d bytes", maxSubject)
	}
	return text, true, s.spend(1 + len(text)/16)
}

func buildMatches(c *compiler, n *node) (callFn, error) {
	pattern, err := c.pattern(n, n.args()[0], n.text == "matchesFull")
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		text, ok, err := s.subject(in)
		if err != nil || !ok {
			return out, err
		}
		re, ok, err := pattern(s, f)
		if err != nil || !ok {
			return out, err
		}
		return append(out, Boolean(re.MatchString(text))), nil
	}, nil
}

func buildReplaceMatches(c *compiler, n *node) (callFn, error) {
	pattern, err := c.pattern(n, n.args()[0], false)
	if err != nil {
		return nil, err
	}
	substitution, err := c.expr(n.args()[1])
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		text, ok, err := s.subject(in)
		if err != nil || !ok {
			return out, err
		}
		re, ok, err := pattern(s, f)
		if err != nil || !ok {
			return out, err
		}
		with, ok, err := s.str(f, substitution)
		if err != nil || !ok {
			return out, err
		}
		if re.String() == "(?s)" { // an empty pattern changes nothing
			return append(out, String(text)), nil
		}
		if found := len(re.FindAllStringIndex(text, -1)); len(text)+found*(len(with)+len(text)) > 16*maxText {
			return nil, errAt(Budget, 0, "a computed string is longer than %d bytes", maxText)
		}
		return s.appendText(out, re.ReplaceAllString(text, goTemplate(with)))
	}, nil
}

// goTemplate turns $1 of other engines into Go's ${1}, where $1a would be one name.
func goTemplate(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] != '$' || i+1 >= len(s) {
			continue
		}
		end := i + 1
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if end > i+1 {
			b.WriteString("{" + s[i+1:end] + "}")
			i = end - 1
		}
	}
	return b.String()
}
