package path

// Bounds on what Compile reads.
const (
	MaxLength  = 64 << 10 // bytes of an expression
	MaxNesting = 100      // levels of its syntax
)

// parse reads the grammar of FHIRPath §12.1. Operators bind in the order of
// §6.7: the table levels runs from the loosest.
func parse(text string) (*node, *Error) {
	if len(text) > MaxLength {
		return nil, errAt(Syntax, 0, "an expression is at most %d bytes long", MaxLength)
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEnd {
		return nil, p.unexpected("the end")
	}
	return n, nil
}

type parser struct {
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() *token { return &p.tokens[p.at] }

func (p *parser) take() *token {
	t := &p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

func (p *parser) symbol(s string) bool {
	if t := p.peek(); t.kind == tokSymbol && t.text == s {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected(wanted string) *Error {
	t := p.peek()
	if t.kind == tokEnd {
		return errAt(Syntax, t.pos, "the expression ends where %s was expected", wanted)
	}
	return errAt(Syntax, t.pos, "%q where %s was expected", clip(t.text, 40), wanted)
}

func (p *parser) down() *Error {
	if p.depth++; p.depth > MaxNesting {
		return errAt(Syntax, p.peek().pos, "nested deeper than %d levels", MaxNesting)
	}
	return nil
}

const (
	levelType  = 7 // is, as
	levelUnary = 10
)

// level gives the binding of an infix operator; 0 is the loosest, -1 is none.
func level(t *token) int {
	switch t.kind {
	case tokIdent:
		switch t.text {
		case "implies":
			return 0
		case "or", "xor":
			return 1
		case "and":
			return 2
		case "in", "contains":
			return 3
		case "is", "as":
			return levelType
		case "div", "mod":
			return 9
		}
	case tokSymbol:
		switch t.text {
		case "=", "~", "!=", "!~":
			return 4
		case "<", "<=", ">", ">=":
			return 5
		case "|":
			return 6
		case "+", "-", "&":
			return 8
		case "*", "/":
			return 9
		}
	}
	return -1
}

// expression reads operators that bind at least as tightly as least.
func (p *parser) expression(least int) (*node, *Error) {
	if err := p.down(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	// A chain of operators makes a tree as deep as it is long.
	for links := 0; ; links++ {
		t := p.peek()
		l := level(t)
		if l < least {
			return left, nil
		}
		if links > 10*MaxNesting {
			return nil, errAt(Syntax, t.pos, "too many operators in a row")
		}
		p.take()
		if l == levelType {
			typ, err := p.typeName()
			if err != nil {
				return nil, err
			}
			left = &node{op: opType, pos: t.pos, text: t.text, kids: []*node{left}, typ: typ}
			continue
		}
		right, err := p.expression(l + 1)
		if err != nil {
			return nil, err
		}
		left = &node{op: opBinary, pos: t.pos, text: t.text, kids: []*node{left, right}}
	}
}

func (p *parser) typeName() (typeName, *Error) {
	first, ok := p.name()
	if !ok {
		return typeName{}, p.unexpected("the name of a type")
	}
	if !p.symbol(".") {
		return typeName{name: first}, nil
	}
	second, ok := p.name()
	if !ok {
		return typeName{}, p.unexpected("the name of a type")
	}
	return typeName{space: first, name: second}, nil
}

// name reads an identifier; as, contains, in and is may be names too.
func (p *parser) name() (string, bool) {
	t := p.peek()
	switch {
	case t.kind == tokQuotedIdent:
	case t.kind != tokIdent:
		return "", false
	default:
		switch t.text {
		case "and", "or", "xor", "implies", "div", "mod", "true", "false":
			return "", false
		}
	}
	p.at++
	return t.text, true
}

func (p *parser) unary() (*node, *Error) {
	t := p.peek()
	if t.kind == tokSymbol && (t.text == "-" || t.text == "+") {
		if err := p.down(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		p.take()
		kid, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &node{op: opPolarity, pos: t.pos, text: t.text, kids: []*node{kid}}, nil
	}
	return p.chain()
}

// chain reads a term and the invocations and indexers behind it.
func (p *parser) chain() (*node, *Error) {
	n, err := p.term()
	if err != nil {
		return nil, err
	}
	for links := 0; ; links++ {
		t := p.peek()
		if links > 10*MaxNesting {
			return nil, errAt(Syntax, t.pos, "too many steps in a row")
		}
		switch {
		case p.symbol("."):
			if n, err = p.invocation(n); err != nil {
				return nil, err
			}
		case p.symbol("["):
			index, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			if !p.symbol("]") {
				return nil, p.unexpected(`"]"`)
			}
			n = &node{op: opIndexer, pos: t.pos, kids: []*node{n, index}}
		default:
			return n, nil
		}
	}
}

func (p *parser) invocation(input *node) (*node, *Error) {
	t := p.peek()
	if t.kind == tokDollar {
		return p.dollar()
	}
	name, ok := p.name()
	if !ok {
		return nil, p.unexpected("the name of an element or function")
	}
	n := &node{op: opMember, pos: t.pos, text: name, kids: []*node{input}, quoted: t.kind == tokQuotedIdent}
	if !p.symbol("(") {
		return n, nil
	}
	n.op = opCall
	if p.symbol(")") {
		return n, nil
	}
	for {
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, arg)
		if p.symbol(")") {
			return n, nil
		}
		if !p.symbol(",") {
			return nil, p.unexpected(`"," or ")"`)
		}
	}
}

func (p *parser) dollar() (*node, *Error) {
	t := p.take()
	return &node{op: opDollar, pos: t.pos, text: t.text}, nil
}

func (p *parser) term() (*node, *Error) {
	t := p.peek()
	switch t.kind {
	case tokString:
		p.take()
		return &node{op: opLiteral, pos: t.pos, lit: String(t.text)}, nil
	case tokNumber:
		p.take()
		return p.number(t)
	case tokTemporal:
		p.take()
		return &node{op: opLiteral, pos: t.pos, lit: t.lit}, nil
	case tokVariable:
		p.take()
		return &node{op: opVariable, pos: t.pos, text: t.text}, nil
	case tokDollar:
		return p.dollar()
	case tokIdent:
		if t.text == "true" || t.text == "false" {
			p.take()
			return &node{op: opLiteral, pos: t.pos, lit: Boolean(t.text == "true")}, nil
		}
		return p.invocation(nil)
	case tokQuotedIdent:
		return p.invocation(nil)
	case tokSymbol:
		if p.symbol("(") {
			n, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			if !p.symbol(")") {
				return nil, p.unexpected(`")"`)
			}
			return n, nil
		}
		if p.symbol("{") {
			if !p.symbol("}") {
				return nil, p.unexpected(`"}"`)
			}
			return &node{op: opNull, pos: t.pos}, nil
		}
	}
	return nil, p.unexpected("a value, a name or a parenthesis")
}

// number reads a number, or the quantity that a unit behind it makes
// (FHIRPath §2.1.8).
func (p *parser) number(t *token) (*node, *Error) {
	n := &node{op: opLiteral, pos: t.pos}
	d, ok := ParseDecimal(t.text)
	if !ok {
		return nil, errAt(Syntax, t.pos, "this number is too long")
	}
	next := p.peek()
	if next.kind == tokString {
		p.take()
		n.lit = QuantityItem(d, next.text)
		return n, nil
	}
	if next.kind == tokIdent {
		if word := calendarWord(next.text); word != "" {
			p.take()
			n.lit = calendarQuantity(d, word)
			return n, nil
		}
	}
	if d.scale == 0 {
		i, ok := d.Int64()
		if !ok {
			return nil, errAt(Syntax, t.pos, "this Integer is too long")
		}
		n.lit = Integer(i)
		return n, nil
	}
	n.lit = DecimalItem(d)
	return n, nil
}
