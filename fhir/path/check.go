package path

import "slices"

// Check compares the expression with the definitions, for an input of that type
// (a type's name or a backbone element's path): elements that do not exist,
// functions of strings on other elements, arithmetic on types that have none. The
// error is an *Error of kind Semantic. What cannot be known before there are
// data, such as what resolve() finds, is let through.
//
// strict also refuses what depends on more than the data say: the order of
// children(), and conditions that are no Boolean.
func (x *Expression) Check(typ string, strict bool) error {
	c := checker{model: x.model, strict: strict}
	input := static{}
	if t := x.model.Type(typ); t != nil {
		input = static{known: true, types: []staticType{{fhir: t}}}
	}
	if _, err := c.expr(x.tree, input); err != nil {
		return locate(err, x.text)
	}
	return nil
}

// Boolean reports whether the expression gives nothing but Booleans, whatever the input of
// that type is. What cannot be known before there are data is false.
func (x *Expression) Boolean(typ string) bool {
	t := x.model.Type(typ)
	if t == nil {
		return false
	}
	c := checker{model: x.model}
	out, err := c.expr(x.tree, static{known: true, types: []staticType{{fhir: t}}})
	return err == nil && out.known && len(out.types) > 0 && !slices.ContainsFunc(out.types, func(t staticType) bool { return t.kind() != KindBoolean })
}

// static is what is known of a collection before there are data.
type static struct {
	known     bool // types are all there can be
	types     []staticType
	unordered bool
}

type staticType struct {
	fhir   *Type
	system Kind
}

// kind is the System type the values have or convert to, KindNode for none.
func (t staticType) kind() Kind {
	if t.fhir != nil {
		return t.fhir.system
	}
	return t.system
}

func ofKind(k Kind) static { return static{known: true, types: []staticType{{system: k}}} }

func (a static) and(b static) static {
	out := static{known: a.known && b.known, unordered: a.unordered || b.unordered, types: slices.Clone(a.types)}
	for _, t := range b.types {
		if !slices.Contains(out.types, t) {
			out.types = append(out.types, t)
		}
	}
	return out
}

type checker struct {
	model  *Model
	strict bool
}

func (c *checker) expr(n *node, focus static) (static, error) {
	switch n.op {
	case opLiteral:
		return ofKind(n.lit.kind), nil
	case opNull:
		return static{known: true}, nil
	case opDollar:
		switch n.text {
		case "this":
			return focus, nil
		case "index":
			return ofKind(KindInteger), nil
		}
		return static{}, nil
	case opVariable:
		if _, ok := knownURL(n.text); ok {
			return ofKind(KindString), nil
		}
		return static{}, nil
	case opMember, opCall:
		return c.invocation(n, focus)
	case opIndexer:
		in, err := c.expr(n.kids[0], focus)
		if err != nil {
			return in, err
		}
		if _, err := c.expr(n.kids[1], focus); err != nil {
			return in, err
		}
		return in, c.ordered(in, n.pos, "an index")
	case opPolarity:
		return c.expr(n.kids[0], focus)
	case opType:
		in, err := c.expr(n.kids[0], focus)
		if err != nil {
			return in, err
		}
		return c.typeCall(n.text, n.typ, in), nil
	}
	return c.binary(n, focus)
}

func (c *checker) ordered(in static, pos int, what string) error {
	if c.strict && in.unordered {
		return errAt(Semantic, pos, "%s depends on an order that children() does not have", what)
	}
	return nil
}

func (c *checker) invocation(n *node, focus static) (static, error) {
	in := focus
	if n.input() != nil {
		var err error
		if in, err = c.expr(n.input(), focus); err != nil {
			return in, err
		}
	}
	if n.op == opCall {
		return c.call(n, in, focus)
	}
	if n.input() == nil && n.text != "" && n.text[0] >= 'A' && n.text[0] <= 'Z' {
		if t := c.model.Type(n.text); t != nil {
			return c.narrowed(in, t, n.pos)
		}
	}
	return c.member(n, in)
}

// narrowed is the input where it is of a type; the error says that it never is.
func (c *checker) narrowed(in static, t *Type, pos int) (static, error) {
	out := static{known: true, types: []staticType{{fhir: t}}, unordered: in.unordered}
	if !in.known || len(in.types) == 0 {
		return out, nil
	}
	for _, have := range in.types {
		if have.fhir != nil && (have.fhir.is(t.name) || t.is(have.fhir.name)) {
			return out, nil
		}
	}
	return out, errAt(Semantic, pos, "the input is never of type %s", t.name)
}

func (c *checker) member(n *node, in static) (static, error) {
	out := static{known: in.known, unordered: in.unordered}
	found := false
	for _, t := range in.types {
		switch {
		case t.fhir == nil:
			if t.system == KindTypeInfo && (n.text == "name" || n.text == "namespace") {
				found = true
				out = out.and(ofKind(KindString))
			}
			continue
		case t.fhir.open || t.fhir.name == "Resource" || t.fhir.name == "DomainResource" && t.fhir.elems[n.text] == nil:
			return static{}, nil // the data say which resource it is
		case t.fhir.Primitive() && n.text == "value":
			found = true
			out = out.and(ofKind(t.kind()))
			continue
		}
		e := t.fhir.elems[n.text]
		if e == nil {
			continue
		}
		found = true
		for _, l := range e.types {
			lt := l.typ()
			if lt == nil {
				out.known = false
				continue
			}
			out = out.and(static{known: true, types: []staticType{{fhir: lt}}})
		}
	}
	if in.known && len(in.types) > 0 && !found {
		return out, errAt(Semantic, n.pos, "%s has no element %s", c.names(in), clip(n.text, 64))
	}
	out.known = in.known && out.known
	return out, nil
}

func (c *checker) names(in static) string {
	if len(in.types) != 1 {
		return "the input"
	}
	if in.types[0].fhir != nil {
		return in.types[0].fhir.path
	}
	return in.types[0].system.String()
}

// typeCall is is, as and ofType. A type that the input never has gives nothing,
// which is no error.
func (c *checker) typeCall(verb string, name typeName, in static) static {
	if verb == "is" {
		return ofKind(KindBoolean)
	}
	if name.space != "System" {
		if t := c.model.Type(name.name); t != nil {
			return static{known: true, types: []staticType{{fhir: t}}, unordered: in.unordered}
		}
	}
	if k, ok := systemKind(name.name); ok {
		return ofKind(k)
	}
	return static{}
}

func (c *checker) call(n *node, in, focus static) (static, error) {
	args := n.args()
	switch n.text {
	case "is", "as", "ofType":
		name, _ := args[0].asType()
		return c.typeCall(n.text, name, in), nil
	case "where", "exists", "all", "select", "repeat", "sort", "aggregate":
		return c.loop(n, in)
	case "iif":
		return c.iif(n, in, focus)
	case "trace":
		if len(args) > 1 {
			_, err := c.expr(args[1], in)
			return in, err
		}
		return in, nil
	case "skip", "tail", "take", "first", "last":
		if err := c.ordered(in, n.pos, n.text+"()"); err != nil {
			return in, err
		}
	}
	other := static{known: true}
	for _, arg := range args {
		var err error
		if other, err = c.expr(arg, focus); err != nil {
			return other, err
		}
	}
	return c.result(n, in, other)
}

// loop checks the functions that evaluate their arguments once per item.
func (c *checker) loop(n *node, in static) (static, error) {
	inner := in
	inner.unordered = false
	out := static{}
	for i, arg := range n.args() {
		if n.text == "sort" && arg.op == opPolarity {
			arg = arg.kids[0]
		}
		found, err := c.expr(arg, inner)
		if err != nil {
			return found, err
		}
		if n.text == "where" || n.text == "exists" || n.text == "all" {
			if err := c.condition(found, arg.pos); err != nil {
				return found, err
			}
		}
		if i == 0 {
			out = found
		}
	}
	switch n.text {
	case "where":
		return in, nil
	case "sort":
		in.unordered = false
		return in, nil
	case "exists", "all":
		return ofKind(KindBoolean), nil
	case "select":
		out.unordered = out.unordered || in.unordered
		return out, nil
	}
	return static{}, nil
}

func (c *checker) condition(found static, pos int) error {
	if !c.strict || !found.known || len(found.types) == 0 {
		return nil
	}
	for _, t := range found.types {
		if t.kind() == KindBoolean {
			return nil
		}
	}
	return errAt(Semantic, pos, "the condition is no Boolean")
}

func (c *checker) iif(n *node, in, focus static) (static, error) {
	inner := focus
	if n.input() != nil {
		inner = in
	}
	out := static{known: true}
	for i, arg := range n.args() {
		found, err := c.expr(arg, inner)
		if err == nil && i == 0 {
			err = c.condition(found, arg.pos)
		}
		if err != nil {
			return found, err
		}
		if i > 0 {
			out = out.and(found)
		}
	}
	return out, nil
}

// result is what the other functions give.
func (c *checker) result(n *node, in, other static) (static, error) {
	if _, ok := stringFunction(n.text); ok && !in.may(KindString) {
		return in, errAt(Semantic, n.pos, "%s() works on Strings, not on %s", n.text, c.names(in))
	}
	switch n.text {
	case "first", "last", "tail", "skip", "take", "single", "distinct", "intersect", "exclude", "checkModifiers":
		return in, nil
	case "union", "combine":
		return in.and(other), nil
	case "empty", "not", "allTrue", "anyTrue", "allFalse", "anyFalse", "subsetOf", "supersetOf", "isDistinct", "startsWith", "endsWith",
		"contains", "matches", "matchesFull", "hasValue", "hasExtension", "htmlChecks", "memberOf", "conformsTo", "subsumes", "subsumedBy",
		"comparable", "toBoolean", "convertsToBoolean", "convertsToInteger", "convertsToDecimal", "convertsToString", "convertsToDate",
		"convertsToDateTime", "convertsToTime", "convertsToQuantity":
		return ofKind(KindBoolean), nil
	case "count", "length", "indexOf", "lastIndexOf", "toInteger", "precision":
		return ofKind(KindInteger), nil
	case "toString", "upper", "lower", "replace", "replaceMatches", "substring", "toChars", "join", "split", "trim", "encode", "decode", "escape", "unescape":
		return ofKind(KindString), nil
	case "toDecimal", "ln", "exp", "log", "sqrt":
		return ofKind(KindDecimal), nil
	case "toDate", "today":
		return ofKind(KindDate), nil
	case "toDateTime", "now":
		return ofKind(KindDateTime), nil
	case "toTime", "timeOfDay":
		return ofKind(KindTime), nil
	case "toQuantity":
		return ofKind(KindQuantity), nil
	case "type":
		return ofKind(KindTypeInfo), nil
	case "extension":
		if t := c.model.Type("Extension"); t != nil {
			return static{known: true, types: []staticType{{fhir: t}}}, nil
		}
	case "children", "descendants":
		return static{unordered: true}, nil
	}
	return static{}, nil
}

// may reports whether a value can be of a kind.
func (a static) may(k Kind) bool {
	if !a.known || len(a.types) == 0 {
		return true
	}
	return slices.ContainsFunc(a.types, func(t staticType) bool { return t.kind() == k })
}

func (c *checker) binary(n *node, focus static) (static, error) {
	a, err := c.expr(n.kids[0], focus)
	if err != nil {
		return a, err
	}
	b, err := c.expr(n.kids[1], focus)
	if err != nil {
		return b, err
	}
	switch n.text {
	case "|":
		return a.and(b), nil
	case "&":
		return ofKind(KindString), nil
	case "+", "-", "*", "/", "div", "mod":
		return c.arithmetic(n, a, b)
	}
	return ofKind(KindBoolean), nil
}

func (c *checker) arithmetic(n *node, a, b static) (static, error) {
	if !a.known || !b.known || len(a.types) == 0 || len(b.types) == 0 {
		return static{}, nil
	}
	out := static{known: true}
	for _, x := range a.types {
		for _, y := range b.types {
			if k, ok := arithmeticKind(n.text, x.kind(), y.kind()); ok {
				out = out.and(ofKind(k))
			}
		}
	}
	if len(out.types) == 0 {
		return out, errAt(Semantic, n.pos, "%s does not work on %s and %s", n.text, c.names(a), c.names(b))
	}
	return out, nil
}

// arithmeticKind is the type of x op y, if there is one (FHIRPath §6.6).
func arithmeticKind(op string, x, y Kind) (Kind, bool) {
	number := func(k Kind) bool { return k == KindInteger || k == KindDecimal }
	switch {
	case x == KindInteger && y == KindInteger && op != "/":
		return KindInteger, true
	case number(x) && number(y):
		if op == "div" {
			return KindInteger, true
		}
		return KindDecimal, true
	case x == KindString && y == KindString && op == "+":
		return KindString, true
	case x >= KindDate && x <= KindTime && y == KindQuantity && (op == "+" || op == "-"):
		return x, true
	case (x == KindQuantity || number(x)) && (y == KindQuantity || number(y)) && op != "div" && op != "mod":
		return KindQuantity, true
	}
	return KindNode, false
}
