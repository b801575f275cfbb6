package path

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// fhirFunction are the functions that R4 adds (R4 fhirpath §2.9.1.5).
func fhirFunction(name string) (function, bool) {
	switch name {
	case "extension":
		return extensionFunction(func(out, found []Item) []Item { return append(out, found...) }), true
	case "hasExtension":
		return extensionFunction(func(out, found []Item) []Item { return append(out, Boolean(len(found) > 0)) }), true
	case "hasValue":
		return onList(func(_ *session, in, out []Item) ([]Item, error) {
			has := false
			if len(in) == 1 {
				v, ok := in[0].value()
				has = ok && v.kind != KindNode && (in[0].node == nil || v.kind != KindQuantity)
			}
			return append(out, Boolean(has)), nil
		}), true
	case "getValue":
		return onList(func(_ *session, in, out []Item) ([]Item, error) {
			if len(in) == 1 {
				if v, ok := in[0].Value(); ok {
					out = append(out, v)
				}
			}
			return out, nil
		}), true
	case "resolve":
		return onList(func(s *session, in, out []Item) ([]Item, error) {
			for i := range in {
				n, err := s.resolve(&in[i])
				if err != nil {
					return nil, err
				}
				out = appendNode(out, n)
			}
			return out, nil
		}), true
	case "htmlChecks":
		return onItem(func(s *session, it *Item, out []Item) ([]Item, error) {
			div, ok := it.text()
			if !ok {
				return out, nil
			}
			check := s.env.HTMLChecks
			if check == nil {
				check = safeHTML
			}
			return append(out, Boolean(check(div))), s.spend(1 + len(div)/16)
		}), true
	case "checkModifiers":
		return function{0, 64, buildCheckModifiers}, true
	case "memberOf", "conformsTo":
		return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
			if len(in) == 0 {
				return out, nil
			}
			canonical, ok, err := s.str(f, arg)
			if err != nil || !ok {
				return out, err
			}
			if len(in) > 1 {
				return nil, errAt(Execution, 0, "%s() needs a single item, there are %d", name, len(in))
			}
			if name == "memberOf" {
				return s.memberOf(in[0], canonical, out)
			}
			return s.conformsTo(in[0], canonical, out)
		}), true
	case "subsumes":
		return subsumption(false), true
	case "subsumedBy":
		return subsumption(true), true
	case "slice":
		return function{2, 2, buildSlice}, true
	case "elementDefinition":
		return onList(func(s *session, in, out []Item) ([]Item, error) {
			if s.env.ElementDefinition == nil {
				return nil, errAt(Execution, 0, "elementDefinition() is not available here")
			}
			for i := range in {
				found, err := s.env.ElementDefinition(s.ctx, in[i])
				if err != nil {
					return nil, outside(err, "elementDefinition()")
				}
				out = append(out, found...)
			}
			return out, nil
		}), true
	}
	return function{}, false
}

// outside wraps the error of a look-up outside the engine.
func outside(err error, what string) error {
	return &Error{Kind: Execution, Text: what + " could not be answered", Err: err}
}

// extensionFunction finds the extensions of a url.
func extensionFunction(answer func(out, found []Item) []Item) function {
	m := newMember("extension")
	return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
		all, err := m.each(s, in, s.grab())
		if err != nil {
			return nil, err
		}
		found := all[:0]
		if len(all) > 0 {
			url, ok, err := s.str(f, arg)
			if err != nil || !ok {
				return out, err
			}
			for i := range all {
				if all[i].node.el.Get("url").Text() == url {
					found = append(found, all[i])
				}
			}
		}
		out = answer(out, found)
		s.release(all)
		return out, nil
	})
}

// buildCheckModifiers compiles checkModifiers(url...): the input, or an error
// where an element has a modifier extension that is not listed.
func buildCheckModifiers(c *compiler, n *node) (callFn, error) {
	args, err := c.exprs(n.args())
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		known := make([]string, 0, len(args))
		for _, arg := range args {
			url, _, err := s.str(f, arg)
			if err != nil {
				return nil, err
			}
			known = append(known, url)
		}
		for i := range in {
			if in[i].node == nil {
				continue
			}
			for _, x := range in[i].node.el.Get("modifierExtension").Items() {
				if !slices.Contains(known, x.Get("url").Text()) {
					return nil, errAt(Execution, 0, "%s has a modifier extension that is not understood", in[i].Location())
				}
			}
		}
		return append(out, in...), nil
	}, nil
}

// memberOf asks for membership in a value set; unknown gives empty.
func (s *session) memberOf(it Item, valueSet string, out []Item) ([]Item, error) {
	if s.env.MemberOf == nil {
		return out, nil
	}
	member, known, err := s.env.MemberOf(s.ctx, it, valueSet)
	if err != nil {
		return nil, outside(err, "memberOf()")
	}
	if known {
		out = append(out, Boolean(member))
	}
	return out, s.spend(100)
}

// conformsTo asks for conformance; the base types are known here.
func (s *session) conformsTo(it Item, profile string, out []Item) ([]Item, error) {
	if s.env.ConformsTo != nil {
		conforms, known, err := s.env.ConformsTo(s.ctx, it, profile)
		if err != nil {
			return nil, outside(err, "conformsTo()")
		}
		if known {
			return append(out, Boolean(conforms)), s.spend(1000)
		}
	}
	name := definition.TypeName(profile)
	if name != profile && s.model.Type(name) != nil && it.node != nil {
		return append(out, Boolean(it.node.typ.is(name))), nil
	}
	return nil, errAt(Execution, 0, "the profile of conformsTo() is not known")
}

// subsumption is subsumes(code) and subsumedBy(code).
func subsumption(reversed bool) function {
	return with1(func(s *session, f *frame, in []Item, arg evalFn, out []Item) ([]Item, error) {
		other, ok, err := s.one(f, arg)
		if err != nil || !ok || len(in) == 0 {
			return out, err
		}
		if len(in) > 1 {
			return nil, errAt(Execution, 0, "a single item was expected, there are %d", len(in))
		}
		if s.env.Subsumes == nil {
			return out, nil
		}
		a, b := in[0], other
		if reversed {
			a, b = b, a
		}
		subsumes, known, err := s.env.Subsumes(s.ctx, a, b)
		if err != nil {
			return nil, outside(err, "subsumes()")
		}
		if known {
			out = append(out, Boolean(subsumes))
		}
		return out, s.spend(100)
	})
}

func buildSlice(c *compiler, n *node) (callFn, error) {
	args, err := c.exprs(n.args())
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		structure, ok1, err := s.str(f, args[0])
		if err != nil {
			return nil, err
		}
		name, ok2, err := s.str(f, args[1])
		if err != nil || !ok1 || !ok2 {
			return out, err
		}
		if s.env.Slice == nil {
			return nil, errAt(Execution, 0, "slice() is not available here")
		}
		for i := range in {
			found, err := s.env.Slice(s.ctx, in[i], structure, name)
			if err != nil {
				return nil, outside(err, "slice()")
			}
			out = append(out, found...)
		}
		return out, nil
	}, nil
}

// refText is the reference in a Reference, canonical, uri or string.
func refText(it *Item) string {
	if it.node != nil && it.node.el.Is(fhir.Object) {
		return it.node.el.Get("reference").Text()
	}
	text, _ := it.text()
	return text
}

// stubType is the type of resource a reference names, "" when it does not say.
func stubType(it *Item, text string) string { return stubName(it.Element(), text) }

func stubName(e *fhir.Element, text string) string {
	if typ := fhir.ParseReference(text).Key.Type; typ != "" {
		return typ
	}
	return strings.TrimPrefix(e.Get("type").Text(), "http://hl7.org/fhir/StructureDefinition/")
}
