package xml

import (
	"fmt"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// Parse reads a resource. The error is an *fhir.Error: TooLong past MaxSize, else
// Malformed with line and column, and all that is wrong with the elements, each
// with its FHIRPath expression: unknown or out of order, empty, or with a text
// that is no value of its type (R4 xml §2.6.1).
//
// Texts share memory with a copy of data, not with data.
func Parse(data []byte, src definition.Structures) (*fhir.Resource, error) {
	root, found, err := read(data, src)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		e := fhir.Malformed("", "%s", found[0].Text)
		e.Issues = e.Issues[:0]
		for _, f := range found {
			e.Issues = append(e.Issues, f.Issue)
		}
		return nil, e
	}
	return fhir.AsResource(root)
}

// ParseElement reads a resource for validation: it goes on past elements that
// are wrong. The issues are those that the JSON form cannot show, such as an
// unknown element, which it lacks; an empty element or a number that is none is
// there, as {} or as a string, for the validator to find. The error, as that of
// Parse, says that the bytes are no XML or no resource.
func ParseElement(data []byte, src definition.Structures) (*fhir.Element, []fhir.Issue, error) {
	root, found, err := read(data, src)
	if err != nil {
		return nil, nil, err
	}
	var issues []fhir.Issue
	for _, f := range found {
		if !f.shown {
			issues = append(issues, f.Issue)
		}
	}
	return root, issues, nil
}

// finding is an issue; shown is set where the JSON form has the same fault.
type finding struct {
	fhir.Issue
	shown bool
}

type reader struct {
	scanner
	schema
	trail
	found []finding
	slots []slot        // of the elements being read, outermost first
	kids  []fhir.Member // scratch of the same kind
}

func read(data []byte, src definition.Structures) (*fhir.Element, []finding, error) {
	if len(data) > MaxSize {
		return nil, nil, fhir.TooLong("an XML resource of %d bytes is over the bound of %d", len(data), MaxSize)
	}
	r := reader{scanner: scanner{in: string(data)}, schema: newSchema(src)}
	if err := r.prolog(); err != nil {
		return nil, nil, err
	}
	// Outside the root only blanks pass the scanner.
	for r.kind != startTag {
		if err := r.next(); err != nil {
			return nil, nil, err
		}
	}
	if r.name.space != nsFHIR {
		return nil, nil, r.fail(r.at, "the root element must be in the namespace %s, this one is in %q", nsFHIR, clip(r.name.space))
	}
	if r.resource(r.name.local) == nil {
		return nil, nil, r.fail(r.at, "%q is no resource type of R4", clip(r.name.local))
	}
	r.push(r.name.local, -1)
	root, err := r.readResource(0)
	if err != nil {
		return nil, nil, err
	}
	for r.kind != endOfInput {
		if err := r.next(); err != nil {
			return nil, nil, err
		}
	}
	return root, r.found, nil
}

// note collects what is wrong with the current element, or with a child of it.
func (r *reader) note(shown bool, code fhir.Code, at int, child, format string, args ...any) {
	if len(r.found) >= maxIssues {
		return
	}
	r.found = append(r.found, finding{shown: shown, Issue: fhir.Issue{
		Severity: fhir.ErrorLevel, Code: code, Expression: r.expression(child),
		Text: fmt.Sprintf("%s: %s", r.place(at), fmt.Sprintf(format, args...)),
	}})
}

// tooDeep ends the reading: the JSON form would nest too deep.
func (r *reader) tooDeep() error {
	return fhir.Malformed(r.expression(""), "%s: nested deeper than %d levels", r.place(r.at), maxDepth)
}

// readResource reads the resource whose start tag is the current token, up to
// its end tag. depth is that of the JSON value around it.
func (r *reader) readResource(depth int) (*fhir.Element, error) {
	st := r.resource(r.name.local)
	mark := len(r.kids)
	r.kids = append(r.kids, fhir.S("resourceType", r.name.local))
	for i := range r.attrs {
		if !r.ignored(&r.attrs[i]) {
			r.note(false, fhir.CodeStructure, r.attrs[i].at, "", "a resource has no attribute %q", clip(r.attrs[i].name.local))
		}
	}
	if depth+1 > maxDepth {
		return nil, r.tooDeep()
	}
	if err := r.children(st.Root(), depth+1); err != nil {
		return nil, err
	}
	return fhir.NewObject(r.take(mark)...), nil
}

// take pops the members gathered since mark.
func (r *reader) take(mark int) []fhir.Member {
	if len(r.kids) == mark {
		return nil
	}
	kids := slices.Clone(r.kids[mark:])
	clear(r.kids[mark:])
	r.kids = r.kids[:mark]
	return kids
}

// ignored are attributes without meaning for FHIR: namespace declarations, and
// the schema location, which R4 xml §2.6.1 frowns on and senders write.
func (r *reader) ignored(a *attribute) bool {
	return a.isDeclaration() || a.name.space == nsXSI
}

// slot gathers what was read of one child element.
type slot struct {
	def     *definition.Element
	name    string // in JSON
	repeats bool
	item
	items []item // of one that repeats
}

// item is a value, and the id and extensions of a primitive, nil where there are
// none.
type item struct{ value, shadow *fhir.Element }

// children reads up to the end tag of the current element, and puts the members
// on r.kids.
func (r *reader) children(owner *definition.Element, depth int) error {
	mark := len(r.slots)
	last := -1 // definition index of the latest child
	for {
		if err := r.next(); err != nil {
			return err
		}
		switch r.kind {
		case endTag:
			for i := range r.slots[mark:] {
				r.kids = r.slots[mark+i].members(r.kids)
			}
			clear(r.slots[mark:])
			r.slots = r.slots[:mark]
			return nil
		case text:
			if !r.blank {
				r.note(false, fhir.CodeStructure, r.at, "", "text is not allowed here; a value stands in the attribute value")
			}
			continue
		}
		def, typ := r.child(owner)
		if def == nil {
			if err := r.unknown(); err != nil {
				return err
			}
			continue
		}
		if def.Index < last {
			r.note(false, fhir.CodeStructure, r.at, def.Name, "element %s is out of order: R4 puts it before %s",
				r.name.local, r.slots[len(r.slots)-1].name)
		}
		last = max(last, def.Index)
		at := r.slot(mark, def)
		if s := &r.slots[at]; !s.repeats && s.value != nil || !s.repeats && s.shadow != nil {
			r.note(false, fhir.CodeStructure, r.at, def.Name, "element %s must not repeat", r.name.local)
			if err := r.skip(); err != nil {
				return err
			}
			continue
		}
		if err := r.fill(at, typ, depth); err != nil {
			return err
		}
	}
}

// slot finds the slot of the current start tag, or makes it.
func (r *reader) slot(mark int, def *definition.Element) int {
	for i := len(r.slots) - 1; i >= mark; i-- {
		if r.slots[i].name == r.name.local {
			return i
		}
	}
	r.slots = append(r.slots, slot{def: def, name: r.name.local, repeats: def.Repeats()})
	return len(r.slots) - 1
}

// fill reads the current element into a slot.
func (r *reader) fill(at int, typ *definition.Type, depth int) error {
	s := &r.slots[at]
	def, name, index := s.def, s.def.Name, -1
	if def.Choice {
		name += ".ofType(" + typ.Code + ")"
	}
	if s.repeats {
		index = len(s.items)
		depth++
	}
	r.push(name, index)
	if depth > maxDepth {
		return r.tooDeep()
	}
	it, err := r.content(def, typ, depth)
	if err != nil {
		return err
	}
	r.pop()
	// Reading the content may have moved the slots.
	if s = &r.slots[at]; s.repeats {
		s.items = append(s.items, it)
	} else {
		s.item = it
	}
	return nil
}

// members appends the slot as JSON members, with null where a list of values
// and the list of their extensions lack one (R4 json §2.6.2.3).
func (s *slot) members(kids []fhir.Member) []fhir.Member {
	value, shadow := s.value, s.shadow
	if s.repeats {
		value = list(s.items, func(it *item) *fhir.Element { return it.value })
		shadow = list(s.items, func(it *item) *fhir.Element { return it.shadow })
	}
	if value != nil {
		kids = append(kids, fhir.M(s.name, value))
	}
	if shadow != nil {
		kids = append(kids, fhir.M("_"+s.name, shadow))
	}
	return kids
}

// list is the array of one side of the items, nil where no item has it.
func list(items []item, side func(*item) *fhir.Element) *fhir.Element {
	present := false
	for i := range items {
		present = present || side(&items[i]) != nil
	}
	if !present {
		return nil
	}
	array := make([]*fhir.Element, len(items))
	for i := range items {
		if array[i] = side(&items[i]); array[i] == nil {
			array[i] = fhir.NewNull()
		}
	}
	return fhir.NewArray(array...)
}

// child finds the definition of the current start tag.
func (r *reader) child(owner *definition.Element) (*definition.Element, *definition.Type) {
	def, typ := owner.Child(r.name.local)
	if def == nil || isAttribute(def) {
		return nil, nil
	}
	space := nsFHIR
	if typ != nil && typ.Code == "xhtml" {
		space = nsXHTML
	}
	if r.name.space != space {
		return nil, nil
	}
	return def, typ
}

// unknown notes the current element as unknown and skips it.
func (r *reader) unknown() error {
	switch local := clip(r.name.local); {
	case r.name.space == nsFHIR && local == "div":
		r.note(false, fhir.CodeStructure, r.at, "", "a narrative's div must be in the namespace %s", nsXHTML)
	case r.name.space == nsFHIR:
		r.note(false, fhir.CodeStructure, r.at, "", "element %q is not known here", local)
	case r.name.space == nsXHTML:
		r.note(false, fhir.CodeStructure, r.at, "", "XHTML element %q is not allowed here, only the div of a narrative", local)
	default:
		r.note(false, fhir.CodeStructure, r.at, "", "element %q must be in the namespace %s, it is in %q", local, nsFHIR, clip(r.name.space))
	}
	return r.skip()
}

// skip reads past the current element.
func (r *reader) skip() error {
	for level := 1; level > 0; {
		if err := r.next(); err != nil {
			return err
		}
		switch r.kind {
		case startTag:
			level++
		case endTag:
			level--
		}
	}
	return nil
}
