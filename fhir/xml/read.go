package xml

import (
	"fmt"
	"strconv"
	"strings"

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
	found []finding
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
	root, err := r.readResource(&frame{name: r.name.local, index: -1}, 0)
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

// frame is a place in the resource, for expressions.
type frame struct {
	parent *frame
	name   string
	index  int // -1 where the element does not repeat
}

func (f *frame) String() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f *frame) write(b *strings.Builder) {
	if f.parent != nil {
		f.parent.write(b)
		b.WriteByte('.')
	}
	b.WriteString(f.name)
	if f.index >= 0 {
		b.WriteByte('[')
		b.WriteString(strconv.Itoa(f.index))
		b.WriteByte(']')
	}
}

// note collects what is wrong with an element.
func (r *reader) note(shown bool, code fhir.Code, at int, f *frame, format string, args ...any) {
	if len(r.found) >= maxIssues {
		return
	}
	r.found = append(r.found, finding{shown: shown, Issue: fhir.Issue{
		Severity: fhir.ErrorLevel, Code: code, Expression: f.String(),
		Text: fmt.Sprintf("%s: %s", r.place(at), fmt.Sprintf(format, args...)),
	}})
}

// tooDeep ends the reading: the JSON form would nest too deep.
func (r *reader) tooDeep(f *frame) error {
	return fhir.Malformed(f.String(), "%s: nested deeper than %d levels", r.place(r.at), maxDepth)
}

// readResource reads the resource whose start tag is the current token, up to
// its end tag. depth is that of the JSON value around it.
func (r *reader) readResource(f *frame, depth int) (*fhir.Element, error) {
	st := r.resource(r.name.local)
	kids := []fhir.Member{fhir.S("resourceType", r.name.local)}
	for i := range r.attrs {
		if !r.ignored(&r.attrs[i]) {
			r.note(false, fhir.CodeStructure, r.attrs[i].at, f, "a resource has no attribute %q", clip(r.attrs[i].name.local))
		}
	}
	if depth+1 > maxDepth {
		return nil, r.tooDeep(f)
	}
	kids, err := r.children(kids, st.Root(), f, depth+1)
	if err != nil {
		return nil, err
	}
	return fhir.NewObject(kids...), nil
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
	values  []*fhir.Element // with nil where only the shadow is
	shadows []*fhir.Element // ids and extensions of primitives, nil where there are none
	shadow  bool            // there is one
	value   bool            // there is one
}

// children reads up to the end tag of the current element, and appends the
// members to kids.
func (r *reader) children(kids []fhir.Member, owner *definition.Element, f *frame, depth int) ([]fhir.Member, error) {
	var slots []slot
	last := -1 // definition index of the latest child
	for {
		if err := r.next(); err != nil {
			return nil, err
		}
		switch r.kind {
		case endTag:
			for i := range slots {
				kids = slots[i].members(kids)
			}
			return kids, nil
		case text:
			if !r.blank {
				r.note(false, fhir.CodeStructure, r.at, f, "text is not allowed here; a value stands in the attribute value")
			}
			continue
		}
		def, typ := r.child(owner)
		if def == nil {
			if err := r.unknown(f); err != nil {
				return nil, err
			}
			continue
		}
		if def.Index < last {
			r.note(false, fhir.CodeStructure, r.at, &frame{f, def.Name, -1}, "element %s is out of order: R4 puts it before %s",
				r.name.local, slots[len(slots)-1].name)
		}
		last = max(last, def.Index)
		at := -1
		for i := range slots {
			if slots[i].name == r.name.local {
				at = i
			}
		}
		switch {
		case at < 0:
			at = len(slots)
			slots = append(slots, slot{def: def, name: r.name.local, repeats: def.Repeats()})
		case !slots[at].repeats:
			r.note(false, fhir.CodeStructure, r.at, &frame{f, def.Name, -1}, "element %s must not repeat", r.name.local)
			if err := r.skip(); err != nil {
				return nil, err
			}
			continue
		}
		here := frame{parent: f, name: def.Name, index: -1}
		if def.Choice {
			here.name += ".ofType(" + typ.Code + ")"
		}
		inner := depth
		if slots[at].repeats {
			here.index = len(slots[at].values)
			inner++
		}
		if inner > maxDepth {
			return nil, r.tooDeep(&here)
		}
		value, shadow, err := r.content(def, typ, &here, inner)
		if err != nil {
			return nil, err
		}
		slots[at].add(value, shadow)
	}
}

func (s *slot) add(value, shadow *fhir.Element) {
	s.values = append(s.values, value)
	s.shadows = append(s.shadows, shadow)
	s.value = s.value || value != nil
	s.shadow = s.shadow || shadow != nil
}

// members appends the slot as JSON members, with null where a list of values
// and the list of their extensions lack one (R4 json §2.6.2.3).
func (s *slot) members(kids []fhir.Member) []fhir.Member {
	if s.value {
		kids = append(kids, fhir.M(s.name, s.list(s.values)))
	}
	if s.shadow {
		kids = append(kids, fhir.M("_"+s.name, s.list(s.shadows)))
	}
	return kids
}

func (s *slot) list(items []*fhir.Element) *fhir.Element {
	if !s.repeats {
		return items[0]
	}
	for i := range items {
		if items[i] == nil {
			items[i] = fhir.NewNull()
		}
	}
	return fhir.NewArray(items...)
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
func (r *reader) unknown(f *frame) error {
	switch local := clip(r.name.local); r.name.space {
	case nsFHIR:
		r.note(false, fhir.CodeStructure, r.at, f, "element %q is not known here", local)
	case nsXHTML:
		r.note(false, fhir.CodeStructure, r.at, f, "XHTML element %q is not allowed here, only the div of a narrative", local)
	default:
		r.note(false, fhir.CodeStructure, r.at, f, "element %q must be in the namespace %s, it is in %q", local, nsFHIR, clip(r.name.space))
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
