package proto

import (
	r4 "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/resources/bundle_and_contained_resource_go_proto"
	parameters "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/resources/parameters_go_proto"

	"github.com/google/fhir/go/jsonformat"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"vitalwire/fhir"
)

// The library has a field for Parameters.parameter.resource and its JSON format
// does not know it. So resources are taken out of Parameters, converted on their
// own, and put into their place in the message; the same for entries of Bundles,
// which may be Parameters.

// toProto converts a resource. depth counts resources inside resources.
func (c *Codec) toProto(u *jsonformat.Unmarshaller, root *fhir.Element, depth int) (*r4.ContainedResource, error) {
	if depth > fhir.MaxDepth {
		return nil, fhir.Unprocessable("", "resources nest deeper than %d levels", fhir.MaxDepth)
	}
	rest, inner := takeOut(root)
	m, err := u.Unmarshal(padded(rest).AppendJSON(nil))
	if err != nil {
		return nil, refused(err)
	}
	out, ok := m.(*r4.ContainedResource)
	if !ok {
		return nil, fhir.Unprocessable("", "google/fhir gave no R4 resource")
	}
	for _, in := range inner {
		message, err := c.toProto(u, in.root, depth+1)
		if err != nil {
			return nil, err
		}
		if entries := out.GetBundle().GetEntry(); entries != nil {
			entries[in.path[0]].Resource = message
			continue
		}
		if p := parameterAt(out.GetParameters().GetParameter(), in.path); p != nil {
			if p.Resource, err = anypb.New(message); err != nil {
				return nil, refused(err)
			}
		}
	}
	return out, nil
}

// held is a resource that was taken out, and its indexes among the entries of a
// Bundle, or among parameters and their parts.
type held struct {
	root *fhir.Element
	path []int
}

// takeOut gives the resource without the resources that must go apart.
func takeOut(root *fhir.Element) (rest *fhir.Element, inner []held) {
	switch root.Get("resourceType").Text() {
	case "Parameters":
		list := root.Get("parameter")
		if !list.Is(fhir.Array) {
			return root, nil
		}
		rest = with(root, "parameter", takeParameters(list, nil, &inner))
	case "Bundle":
		list := root.Get("entry")
		if !list.Is(fhir.Array) {
			return root, nil
		}
		entries := make([]*fhir.Element, list.Len())
		for i, e := range list.Items() {
			entries[i] = e
			switch r := e.Get("resource"); r.Get("resourceType").Text() {
			case "Parameters", "Bundle":
				entries[i] = with(e, "resource", nil)
				inner = append(inner, held{r, []int{i}})
			}
		}
		rest = with(root, "entry", fhir.NewArray(entries...))
	}
	if len(inner) == 0 {
		return root, nil
	}
	return rest, inner
}

func takeParameters(list *fhir.Element, path []int, inner *[]held) *fhir.Element {
	items := make([]*fhir.Element, list.Len())
	for i, p := range list.Items() {
		at := append(path[:len(path):len(path)], i)
		if r := p.Get("resource"); r.Is(fhir.Object) {
			*inner = append(*inner, held{r, at})
			p = with(p, "resource", nil)
		}
		if parts := p.Get("part"); parts.Is(fhir.Array) {
			p = with(p, "part", takeParameters(parts, at, inner))
		}
		items[i] = p
	}
	return fhir.NewArray(items...)
}

// with is a shallow copy of an object with another value of a member, without
// the member where the value is nil.
func with(e *fhir.Element, name string, value *fhir.Element) *fhir.Element {
	if !e.Is(fhir.Object) {
		return e
	}
	members := make([]fhir.Member, 0, e.Len()+1)
	members = append(members, e.Members()...)
	out := fhir.NewObject(members...)
	out.Set(name, value)
	return out
}

func parameterAt(list []*parameters.Parameters_Parameter, path []int) *parameters.Parameters_Parameter {
	var p *parameters.Parameters_Parameter
	for _, i := range path {
		if i >= len(list) {
			return nil
		}
		p = list[i]
		list = p.GetPart()
	}
	return p
}

// fromProto converts a message. The message is not changed.
func (c *Codec) fromProto(m *r4.ContainedResource, depth int) (*fhir.Element, error) {
	if depth > fhir.MaxDepth {
		return nil, fhir.Unprocessable("", "resources nest deeper than %d levels", fhir.MaxDepth)
	}
	type apart struct {
		message *r4.ContainedResource
		put     func(root, resource *fhir.Element)
	}
	var inner []apart
	if m.GetParameters() != nil || m.GetBundle() != nil {
		m = proto.Clone(m).(*r4.ContainedResource)
	}
	for i, e := range m.GetBundle().GetEntry() {
		if r := e.GetResource(); r.GetParameters() != nil || r.GetBundle() != nil {
			e.Resource = nil
			inner = append(inner, apart{r, func(root, resource *fhir.Element) {
				root.Get("entry").At(i).Set("resource", resource)
			}})
		}
	}
	var take func(list []*parameters.Parameters_Parameter, path []int) error
	take = func(list []*parameters.Parameters_Parameter, path []int) error {
		if len(path) > fhir.MaxDepth {
			return fhir.Unprocessable("", "parts nest deeper than %d levels", fhir.MaxDepth)
		}
		for i, p := range list {
			at := append(path[:len(path):len(path)], i)
			if p.GetResource() != nil {
				r := new(r4.ContainedResource)
				if err := p.Resource.UnmarshalTo(r); err != nil {
					return refused(err)
				}
				p.Resource = nil
				inner = append(inner, apart{r, func(root, resource *fhir.Element) {
					e := root
					for level, index := range at {
						name := "part"
						if level == 0 {
							name = "parameter"
						}
						e = e.Get(name).At(index)
					}
					e.Set("resource", resource)
				}})
			}
			if err := take(p.GetPart(), at); err != nil {
				return err
			}
		}
		return nil
	}
	if err := take(m.GetParameters().GetParameter(), nil); err != nil {
		return nil, err
	}
	text, err := c.write.Marshal(m)
	if err != nil {
		return nil, refused(err)
	}
	root, err := fhir.ParseElement(text)
	if err != nil {
		return nil, err
	}
	for _, a := range inner {
		resource, err := c.fromProto(a.message, depth+1)
		if err != nil {
			return nil, err
		}
		a.put(root, resource)
	}
	typeFirst(root)
	return root, nil
}

// typeFirst puts resourceType before the other members, in all resources.
func typeFirst(e *fhir.Element) {
	for i, m := range e.Members() {
		if m.Name == "resourceType" && i > 0 {
			members := append([]fhir.Member{m}, e.Members()[:i]...)
			*e = *fhir.NewObject(append(members, e.Members()[i+1:]...)...)
			break
		}
	}
	for _, m := range e.Members() {
		typeFirst(m.Value)
	}
}
