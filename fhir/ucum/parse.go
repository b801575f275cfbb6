package ucum

import (
	"fmt"
	"math/big"
	"strings"
)

// Bounds on what Parse reads.
const (
	maxLength   = 256
	maxNesting  = 16
	maxExponent = 99
	maxDigits   = 40
)

// Parse reads a unit (UCUM §2.1 to §2.4). The empty text is the unity. The error
// says where the text stops being a unit.
func Parse(code string) (Unit, error) {
	if len(code) > maxLength {
		return Unit{}, fmt.Errorf("a unit is at most %d characters long", maxLength)
	}
	if code == "" {
		return unity(), nil
	}
	e, err := table()
	if err != nil {
		return Unit{}, err
	}
	p := parser{table: e, in: code}
	u, err := p.whole()
	if err != nil {
		return Unit{}, err
	}
	u.code = code
	return u, nil
}

// Valid reports whether the text is a unit.
func Valid(code string) bool {
	_, err := Parse(code)
	return err == nil
}

func unity() Unit { return Unit{factor: big.NewRat(1, 1)} }

type parser struct {
	table *essence
	in    string
	pos   int
	depth int
	names *[]string // gathers words for Display, nil when not asked for
}

func (p *parser) say(word string) {
	if p.names != nil {
		*p.names = append(*p.names, word)
	}
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("unit character %d: %s", p.pos+1, fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	if p.pos < len(p.in) {
		return p.in[p.pos]
	}
	return 0
}

func (p *parser) whole() (Unit, error) {
	u, err := p.term()
	if err == nil && p.pos < len(p.in) {
		err = p.fail("an operator . or / was expected")
	}
	return u, err
}

// term is [/] component { (. | /) component }, read from the left.
func (p *parser) term() (Unit, error) {
	u := unity()
	sign := 1
	if p.peek() == '/' {
		p.pos++
		p.say(" / ")
		sign = -1
	}
	for first := true; ; first = false {
		v, err := p.component()
		if err != nil {
			return u, err
		}
		if first && sign > 0 {
			u = v
		} else {
			u = u.times(v, sign)
		}
		switch p.peek() {
		case '.':
			sign = 1
			p.say(" * ")
		case '/':
			sign = -1
			p.say(" / ")
		default:
			return u, nil
		}
		p.pos++
	}
}

func (p *parser) component() (Unit, error) {
	switch p.peek() {
	case 0:
		return Unit{}, p.fail("a unit was expected at the end")
	case '(':
		if p.depth++; p.depth > maxNesting {
			return Unit{}, p.fail("nested too deep")
		}
		p.pos++
		p.say("(")
		u, err := p.term()
		if err != nil {
			return u, err
		}
		if p.peek() != ')' {
			return u, p.fail("a parenthesis is not closed")
		}
		p.pos++
		p.say(")")
		p.depth--
		return u, nil
	case '{':
		text, err := p.annotation()
		p.say("{" + text + "}")
		return unity(), err
	}
	u, err := p.simple()
	if err == nil && p.peek() == '{' {
		_, err = p.annotation()
	}
	return u, err
}

// annotation reads {any ASCII but braces}, which means nothing (UCUM §2.3 §12).
func (p *parser) annotation() (string, error) {
	start := p.pos + 1
	for p.pos++; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c == '}':
			p.pos++
			return p.in[start : p.pos-1], nil
		case c < 33 || c > 126 || c == '{':
			return "", p.fail("an annotation is printable ASCII without braces")
		}
	}
	return "", p.fail("an annotation is not closed")
}

// simple is a number, or a symbol with an exponent behind it.
func (p *parser) simple() (Unit, error) {
	start := p.pos
	for ; p.pos < len(p.in); p.pos++ {
		c := p.in[p.pos]
		if c == '[' {
			end := strings.IndexByte(p.in[p.pos:], ']')
			if end < 0 {
				return Unit{}, p.fail("a bracket is not closed")
			}
			p.pos += end
			continue
		}
		if c == '.' || c == '/' || c == '(' || c == ')' || c == '{' || c == '}' {
			break
		}
	}
	text := p.in[start:p.pos]
	if text == "" {
		return Unit{}, p.fail("a unit was expected")
	}
	if strings.Trim(text, "0123456789") == "" {
		return p.number(text, start)
	}
	symbol, exponent, err := p.exponent(text, start)
	if err != nil {
		return Unit{}, err
	}
	u, name, ok := p.table.symbol(symbol)
	if !ok {
		p.pos = start
		return Unit{}, p.fail("%q is not a unit", symbol)
	}
	if exponent == noExponent {
		p.say("(" + name + ")")
		return u, nil
	}
	p.say(fmt.Sprintf("(%s ^ %d)", name, exponent))
	return u.pow(exponent), nil
}

func (p *parser) number(text string, start int) (Unit, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || len(text) > maxDigits || n.Sign() == 0 {
		p.pos = start
		return Unit{}, p.fail("%q cannot be a factor", text)
	}
	p.say(text)
	return Unit{factor: new(big.Rat).SetInt(n)}, nil
}

const noExponent = maxExponent + 1

func (p *parser) exponent(text string, start int) (symbol string, exponent int, err error) {
	symbol = strings.TrimRight(text, "0123456789")
	digits := text[len(symbol):]
	if digits == "" {
		return text, noExponent, nil
	}
	n := 0
	for _, c := range []byte(digits) {
		if n = n*10 + int(c-'0'); n > maxExponent {
			p.pos = start
			return "", 0, p.fail("the exponent of %q is too large", text)
		}
	}
	switch {
	case strings.HasSuffix(symbol, "-"):
		return symbol[:len(symbol)-1], -n, nil
	case strings.HasSuffix(symbol, "+"):
		return symbol[:len(symbol)-1], n, nil
	}
	return symbol, n, nil
}

// symbol finds an atom, or a metric atom behind a prefix.
func (e *essence) symbol(text string) (u Unit, name string, ok bool) {
	if a := e.atoms[text]; a != nil {
		u, err := e.resolve(a)
		return u, a.name, err == nil
	}
	for _, pre := range e.prefixes {
		rest, ok := strings.CutPrefix(text, pre.code)
		if !ok {
			continue
		}
		a := e.atoms[rest]
		if a == nil || !a.metric {
			continue
		}
		u, err := e.resolve(a)
		if err != nil {
			return u, "", false
		}
		if u.special != nil {
			u.scale = pre.value
		} else {
			u.factor = new(big.Rat).Mul(u.factor, pre.value)
		}
		return u, pre.name + a.name, true
	}
	return Unit{}, "", false
}

// Display says a unit in words, such as "(milligram) / (liter)".
func Display(code string) (string, error) {
	if code == "" {
		return "(unity)", nil
	}
	if len(code) > maxLength {
		return "", fmt.Errorf("a unit is at most %d characters long", maxLength)
	}
	e, err := table()
	if err != nil {
		return "", err
	}
	var words []string
	p := parser{table: e, in: code, names: &words}
	if _, err := p.whole(); err != nil {
		return "", err
	}
	return strings.TrimSpace(strings.Join(words, "")), nil
}
