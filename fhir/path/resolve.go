package path

import (
	"strings"

	"vitalwire/fhir"
)

// resolve finds the resource a reference names: contained, in the Bundle around
// it, through Env.Resolve, or as a stub of its type (R4 references §2.3.0.8, bundle
// §2.36.4: resolving references in Bundles). It is nil where there is none.
func (s *session) resolve(it *Item) (*Node, error) {
	text := refText(it)
	if err := s.spend(1); err != nil {
		return nil, err
	}
	if it.node != nil && strings.HasPrefix(text, "#") {
		return s.contained(it.node, text[1:]), nil
	}
	if text != "" {
		if n := s.bundled(it.node, text); n != nil {
			return n, nil
		}
		if s.env.Resolve != nil {
			n, err := s.external(text)
			if n != nil || err != nil {
				return n, err
			}
		}
	}
	if s.env.StubReferences {
		if t := s.model.Type(stubType(it, text)); t != nil && t.stub != nil {
			n := s.node()
			n.el, n.typ, n.index = t.stub, t, -1
			return n, nil
		}
	}
	return nil, nil
}

// contained finds a contained resource by id; "" is the container itself.
func (s *session) contained(from *Node, id string) *Node {
	home := from.container()
	if home == nil || id == "" {
		return home
	}
	for i, c := range home.el.Get("contained").Items() {
		if c.Get("id").Text() == id {
			return s.at(home, c, "contained", i)
		}
	}
	return nil
}

// at is a node for a resource inside another.
func (s *session) at(parent *Node, el *fhir.Element, name string, index int) *Node {
	n := s.node()
	n.el, n.parent, n.name, n.index, n.typ = el, parent, name, int32(index), s.model.TypeOf(el, nil)
	return n
}

// bundled looks through the entries of the innermost Bundle around a node.
func (s *session) bundled(from *Node, text string) *Node {
	var entry, bundle *Node
	for n := from; n != nil; n = n.parent {
		if n.name == "entry" {
			entry = n
		}
		if n.typ.Name() == "Bundle" && entry != nil {
			bundle = n
			break
		}
	}
	if bundle == nil {
		return nil
	}
	ref := fhir.ParseReference(text)
	wanted := text
	if ref.Key.Type != "" && ref.Base == "" {
		// A relative reference goes on from the base of the entry it stands in.
		full := fhir.ParseReference(entry.el.Get("fullUrl").Text())
		if full.Base != "" {
			wanted = full.Base + "/" + ref.Key.String()
		}
	} else if i := strings.Index(wanted, "/_history/"); i > 0 {
		wanted = wanted[:i]
	}
	for i, e := range bundle.el.Get("entry").Items() {
		r := e.Get("resource")
		if r == nil {
			continue
		}
		full := e.Get("fullUrl").Text()
		byKey := ref.Key.Type != "" && ref.Base == "" && (full == "" || wanted == text) &&
			r.Get("id").Text() == ref.Key.ID && r.Get("resourceType").Text() == ref.Key.Type
		if full == wanted && full != "" || byKey {
			if ref.Version != "" && r.Path("meta", "versionId").Text() != ref.Version {
				continue
			}
			holder := s.node()
			holder.el, holder.parent, holder.name, holder.index, holder.typ = e, bundle, "entry", int32(i), entry.typ
			return s.at(holder, r, "resource", -1)
		}
	}
	return nil
}

// external asks Env.Resolve, once per reference and evaluation.
func (s *session) external(text string) (*Node, error) {
	if n, ok := s.refs[text]; ok {
		return n, nil
	}
	r, err := s.env.Resolve(s.ctx, text)
	if err != nil {
		return nil, outside(err, "resolve()")
	}
	var n *Node
	if r != nil {
		n = s.at(nil, r.Root(), "", -1)
	}
	if s.refs == nil {
		s.refs = map[string]*Node{}
	}
	s.refs[text] = n
	return n, s.spend(100)
}

// resolvesTo compiles the where(resolve() is Patient) of R4's search parameters
// without a frame per item.
func (c *compiler) resolvesTo(n *node) (callFn, bool, error) {
	if n.op != opType || n.text != "is" {
		return nil, false, nil
	}
	call := n.kids[0]
	if call.op != opCall || call.text != "resolve" || call.input() != nil || len(call.args()) > 0 {
		return nil, false, nil
	}
	test, err := c.typeTest(n.typ, n.pos)
	if err != nil {
		return nil, false, err
	}
	return func(s *session, _ *frame, in, out []Item) ([]Item, error) {
		for i := range in {
			target, err := s.resolve(&in[i])
			if err != nil {
				return nil, err
			}
			if target != nil && target.typ.is(test.fhir) {
				out = append(out, in[i])
			}
		}
		return out, nil
	}, true, nil
}
