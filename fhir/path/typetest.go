package path

// typeTest answers is, as and ofType for one type (FHIRPath §6.3, R4 fhirpath
// §2.9.1: FHIR types first, then System types).
type typeTest struct {
	fhir      string // name of the FHIR type, "" for none
	primitive bool   // the FHIR type is a primitive
	system    Kind   // of a System type, KindNode for none
}

func (c *compiler) typeTest(name typeName, pos int) (typeTest, error) {
	var t typeTest
	if name.space != "FHIR" {
		if k, ok := systemKind(name.name); ok {
			t.system = k
		}
	}
	switch name.space {
	case "System":
	case "", "FHIR":
		switch typ := c.model.Type(name.name); {
		case typ != nil:
			t.fhir, t.primitive = name.name, typ.Primitive()
		case c.model == nil && (t.system == KindNode || name.name == "Quantity"):
			t.fhir, t.primitive = name.name, primitiveKind(name.name) != KindNode
		}
	default:
		return t, errAt(Semantic, pos, "the namespace of a type is System or FHIR, not %s", clip(name.space, 40))
	}
	if t.fhir == "" && t.system == KindNode {
		return t, errAt(Semantic, pos, "there is no type %s", clip(name.String(), 80))
	}
	return t, nil
}

// is reports whether the item is of the type or one derived from it.
func (t typeTest) is(it *Item) bool {
	if it.kind != KindNode {
		return t.system == it.kind
	}
	return t.fhir != "" && it.node.typ.is(t.fhir)
}

// as is is, but a FHIR primitive must be of that very type: R4's tests demand
// that a code is no string for as and ofType.
func (t typeTest) as(it *Item) bool {
	if t.primitive && it.kind == KindNode {
		return it.node.typ.Name() == t.fhir
	}
	return t.is(it)
}

// typeOperator compiles is and as (FHIRPath §6.3.1, §6.3.3).
func (c *compiler) typeOperator(n *node) (evalFn, error) {
	if in := n.kids[0]; n.text == "as" && !c.singletonAs {
		test, err := c.typeTest(n.typ, n.pos)
		if err != nil {
			return nil, err
		}
		left, err := c.pathTo(in, &test)
		return filtered(left, test), err
	}
	left, err := c.expr(n.kids[0])
	if err != nil {
		return nil, err
	}
	call, err := c.typeCall(n.text, n.typ, n.pos)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		in, err := left(s, f, s.grab())
		if err != nil {
			return nil, err
		}
		out, err = call(s, f, in, out)
		s.release(in)
		return out, err
	}, nil
}

// pathTo compiles what a type is wanted of; a path need not fetch a choice of
// another type.
func (c *compiler) pathTo(n *node, only *typeTest) (evalFn, error) {
	if n.op == opMember && n.input() != nil {
		return c.path(n, only)
	}
	return c.expr(n)
}

// may reports whether as could hold for values of a declared type.
func (t typeTest) may(l *typeLink) bool {
	if t.fhir == l.code {
		return true
	}
	typ := l.typ()
	return typ == nil || !t.primitive && typ.is(t.fhir)
}

// filtered keeps the items of a type, in place.
func filtered(left evalFn, test typeTest) evalFn {
	return func(s *session, f *frame, out []Item) ([]Item, error) {
		before := len(out)
		out, err := left(s, f, out)
		if err != nil {
			return nil, err
		}
		kept := out[:before]
		for i := before; i < len(out); i++ {
			if test.as(&out[i]) {
				kept = append(kept, out[i])
			}
		}
		return kept, s.spend(1 + len(out) - before)
	}
}

func (c *compiler) typeCall(verb string, name typeName, pos int) (callFn, error) {
	test, err := c.typeTest(name, pos)
	if err != nil {
		return nil, err
	}
	if verb == "is" {
		return func(s *session, _ *frame, in, out []Item) ([]Item, error) {
			switch len(in) {
			case 0:
				return out, s.spend(1)
			case 1:
				return append(out, Boolean(test.is(&in[0]))), s.spend(1)
			}
			return nil, errAt(Execution, pos, "is needs a single item, there are %d", len(in))
		}, nil
	}
	single := verb == "as" && c.singletonAs
	return func(s *session, _ *frame, in, out []Item) ([]Item, error) {
		if single && len(in) > 1 {
			return nil, errAt(Execution, pos, "as needs a single item, there are %d", len(in))
		}
		for i := range in {
			if test.as(&in[i]) {
				out = append(out, in[i])
			}
		}
		return out, s.spend(len(in) + 1)
	}, nil
}

// buildTypeCall compiles is(T), as(T) and ofType(T).
func buildTypeCall(c *compiler, n *node) (callFn, error) {
	name, ok := n.args()[0].asType()
	if !ok {
		return nil, errAt(Semantic, n.pos, "%s() takes the name of a type", n.text)
	}
	return c.typeCall(n.text, name, n.pos)
}

// typeInfo is what type() answers for an item (FHIRPath §10.2).
func typeInfo(it *Item) (Item, bool) {
	if it.kind != KindNode {
		return Item{kind: KindTypeInfo, s: "System." + it.kind.String()}, true
	}
	if it.node.typ == nil {
		return Item{}, false
	}
	return Item{kind: KindTypeInfo, s: "FHIR." + it.node.typ.Name()}, true
}
