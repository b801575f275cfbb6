package definition

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// ErrNoSnapshot is what FromResource answers, wrapped, for a
// StructureDefinition that has only a differential.
var ErrNoSnapshot = errors.New("the StructureDefinition has no snapshot")

const (
	extFHIRType    = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
	extRegex       = "http://hl7.org/fhir/StructureDefinition/regex"
	extMaxValueSet = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
	extBest        = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
	extImpose      = "http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile"
	extAdditional  = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding"

	fhirPathSystem = "http://hl7.org/fhirpath/System."
)

// FromResource compiles a StructureDefinition that has a snapshot. The
// structure shares nothing with the resource. An error says which element
// cannot be used and why; ErrNoSnapshot is wrapped where there is no snapshot.
func FromResource(r *fhir.Resource) (*Structure, error) {
	if r.Type() != "StructureDefinition" {
		return nil, fmt.Errorf("a %s is no StructureDefinition", r.Type())
	}
	c := compiler{words: make(map[string]string)}
	s := &Structure{
		URL:        c.text(r.Get("url")),
		Version:    c.text(r.Get("version")),
		Name:       c.text(r.Get("name")),
		Kind:       Kind(c.text(r.Get("kind"))),
		Type:       c.text(r.Get("type")),
		Base:       c.text(r.Get("baseDefinition")),
		Derivation: c.text(r.Get("derivation")),
		Abstract:   r.Get("abstract").Text() == "true",

		ContextInvariants: c.texts(r.Get("contextInvariant")),
		Imposes:           c.extensionTexts(r.Root(), extImpose),
	}
	for _, ctx := range r.Get("context").Items() {
		s.Context = append(s.Context, Context{Type: c.text(ctx.Get("type")), Expression: c.text(ctx.Get("expression"))})
	}
	list := r.Get("snapshot").Get("element")
	if list.Len() == 0 {
		return nil, fmt.Errorf("%s: %w", s.Canonical(), ErrNoSnapshot)
	}
	s.Elements = make([]*Element, list.Len())
	elements := make([]Element, list.Len())
	for i, item := range list.Items() {
		e := &elements[i]
		if err := c.element(e, item); err != nil {
			return nil, fmt.Errorf("%s: snapshot element %d (%s): %w", s.Canonical(), i, e.ID, err)
		}
		e.Index = i
		s.Elements[i] = e
	}
	if err := s.link(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Canonical(), err)
	}
	return s, nil
}

// compiler copies texts out of a resource once each: a snapshot repeats the
// same constraints on every element, and holding on to a piece of the
// resource's text would keep all of it in memory.
type compiler struct{ words map[string]string }

func (c *compiler) word(s string) string {
	if s == "" {
		return ""
	}
	if w, ok := c.words[s]; ok {
		return w
	}
	w := strings.Clone(s)
	c.words[w] = w
	return w
}

func (c *compiler) text(e *fhir.Element) string { return c.word(e.Text()) }

func (c *compiler) texts(e *fhir.Element) []string {
	if e.Len() == 0 {
		return nil
	}
	out := make([]string, 0, e.Len())
	for _, item := range e.Items() {
		if item.Is(fhir.String) {
			out = append(out, c.text(item))
		}
	}
	return out
}

// extension gives the value of the first extension of that url.
func extension(e *fhir.Element, url string) *fhir.Element {
	for _, x := range e.Get("extension").Items() {
		if x.Get("url").Text() == url {
			return extensionValue(x)
		}
	}
	return nil
}

func extensionValue(x *fhir.Element) *fhir.Element {
	for _, m := range x.Members() {
		if strings.HasPrefix(m.Name, "value") {
			return m.Value
		}
	}
	return nil
}

func (c *compiler) extensionTexts(e *fhir.Element, url string) []string {
	var out []string
	for _, x := range e.Get("extension").Items() {
		if x.Get("url").Text() == url {
			out = append(out, c.text(extensionValue(x)))
		}
	}
	return out
}

func (c *compiler) element(e *Element, in *fhir.Element) (err error) {
	e.ID = c.text(in.Get("id"))
	e.Path = c.text(in.Get("path"))
	if e.Path == "" {
		return errors.New("path is missing")
	}
	e.Name, e.Choice = strings.CutSuffix(e.Path[strings.LastIndexByte(e.Path, '.')+1:], "[x]")
	e.SliceName = c.text(in.Get("sliceName"))
	if e.Min, err = count(in.Get("min"), 0); err != nil {
		return fmt.Errorf("min: %w", err)
	}
	if e.Max, err = count(in.Get("max"), Unbounded); err != nil {
		return fmt.Errorf("max: %w", err)
	}
	if base := in.Get("base"); base != nil {
		e.Base.Path = c.text(base.Get("path"))
		if e.Base.Min, err = count(base.Get("min"), 0); err != nil {
			return fmt.Errorf("base.min: %w", err)
		}
		if e.Base.Max, err = count(base.Get("max"), Unbounded); err != nil {
			return fmt.Errorf("base.max: %w", err)
		}
	}
	if e.MaxLength, err = count(in.Get("maxLength"), 0); err != nil {
		return fmt.Errorf("maxLength: %w", err)
	}
	e.ContentReference = c.text(in.Get("contentReference"))
	for _, t := range in.Get("type").Items() {
		e.Types = append(e.Types, c.typ(t))
	}
	e.Binding = c.binding(in.Get("binding"))
	c.values(e, in)
	for _, k := range in.Get("constraint").Items() {
		e.Constraints = append(e.Constraints, Constraint{
			Key:          c.text(k.Get("key")),
			Severity:     c.text(k.Get("severity")),
			Human:        c.text(k.Get("human")),
			Expression:   c.text(k.Get("expression")),
			Source:       c.text(k.Get("source")),
			BestPractice: extension(k, extBest).Text() == "true",
		})
	}
	e.Conditions = c.texts(in.Get("condition"))
	e.Slicing = c.slicing(in.Get("slicing"))
	e.IsModifier = in.Get("isModifier").Text() == "true"
	e.IsSummary = in.Get("isSummary").Text() == "true"
	e.MustSupport = in.Get("mustSupport").Text() == "true"
	e.SliceIsConstraining = in.Get("sliceIsConstraining").Text() == "true"
	e.Representation = c.texts(in.Get("representation"))
	e.Short = c.text(in.Get("short"))
	return nil
}

// count reads a cardinality or length; "*" is Unbounded, absence is absent.
func count(e *fhir.Element, absent int) (int, error) {
	if e == nil {
		return absent, nil
	}
	if e.Text() == "*" {
		return Unbounded, nil
	}
	n, err := strconv.ParseUint(e.Text(), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is no count", e.Text())
	}
	return int(n), nil
}

func (c *compiler) typ(in *fhir.Element) Type {
	t := Type{
		Code:        c.text(in.Get("code")),
		Profiles:    c.texts(in.Get("profile")),
		Targets:     c.texts(in.Get("targetProfile")),
		Aggregation: c.texts(in.Get("aggregation")),
		Versioning:  c.text(in.Get("versioning")),
		Regex:       c.text(extension(in, extRegex)),
	}
	if system, ok := strings.CutPrefix(t.Code, fhirPathSystem); ok {
		t.System = c.word(system)
		t.Code = c.text(extension(in, extFHIRType))
		if t.Code == "" {
			t.Code = c.word(strings.ToLower(system[:1]) + system[1:])
		}
	} else if t.Code == "" {
		// Two definitions of R4 give only an extension on the code: an
		// Extension's id and url, in the form of STU3.
		t.Code, t.System = "string", "String"
	}
	return t
}

func (c *compiler) binding(in *fhir.Element) *Binding {
	if in == nil {
		return nil
	}
	b := &Binding{
		Strength:    Strength(c.text(in.Get("strength"))),
		ValueSet:    c.text(in.Get("valueSet")),
		Description: c.text(in.Get("description")),
		MaxValueSet: c.text(extension(in, extMaxValueSet)),
	}
	for _, x := range in.Get("extension").Items() {
		if x.Get("url").Text() == extAdditional {
			b.Additional = append(b.Additional, AdditionalBinding{
				Purpose:  c.text(extension(x, "purpose")),
				ValueSet: c.text(extension(x, "valueSet")),
			})
		}
	}
	return b
}

func (c *compiler) slicing(in *fhir.Element) *Slicing {
	if in == nil {
		return nil
	}
	s := &Slicing{
		Ordered:     in.Get("ordered").Text() == "true",
		Rules:       c.text(in.Get("rules")),
		Description: c.text(in.Get("description")),
	}
	for _, d := range in.Get("discriminator").Items() {
		s.Discriminators = append(s.Discriminators, Discriminator{
			Type: c.text(d.Get("type")), Path: c.text(d.Get("path")),
		})
	}
	return s
}

// values takes fixed[x], pattern[x] and their like out of the members.
func (c *compiler) values(e *Element, in *fhir.Element) {
	for _, m := range in.Members() {
		for _, slot := range [...]struct {
			prefix string
			value  *Value
		}{
			{"fixed", &e.Fixed}, {"pattern", &e.Pattern}, {"minValue", &e.MinValue},
			{"maxValue", &e.MaxValue}, {"defaultValue", &e.Default},
		} {
			suffix, ok := strings.CutPrefix(m.Name, slot.prefix)
			if ok && suffix != "" && suffix[0] >= 'A' && suffix[0] <= 'Z' {
				*slot.value = Value{Type: c.word(typeOfSuffix(suffix)), Element: c.copy(m.Value)}
			}
		}
	}
}

// copy is a deep copy whose texts are the compiler's.
func (c *compiler) copy(e *fhir.Element) *fhir.Element {
	switch e.Kind() {
	case fhir.String:
		return fhir.NewString(c.text(e))
	case fhir.Number:
		return fhir.NewNumber(c.text(e))
	case fhir.Array:
		out := fhir.NewArray()
		for _, item := range e.Items() {
			out.Append(c.copy(item))
		}
		return out
	case fhir.Object:
		members := make([]fhir.Member, 0, e.Len())
		for _, m := range e.Members() {
			members = append(members, fhir.M(c.word(m.Name), c.copy(m.Value)))
		}
		return fhir.NewObject(members...)
	}
	return e.Clone()
}

// primitives are the R4 primitive types, by their name with a capital letter.
var primitives = map[string]string{
	"Base64Binary": "base64Binary", "Boolean": "boolean", "Canonical": "canonical", "Code": "code",
	"Date": "date", "DateTime": "dateTime", "Decimal": "decimal", "Id": "id", "Instant": "instant",
	"Integer": "integer", "Markdown": "markdown", "Oid": "oid", "PositiveInt": "positiveInt",
	"String": "string", "Time": "time", "UnsignedInt": "unsignedInt", "Uri": "uri", "Url": "url",
	"Uuid": "uuid", "Xhtml": "xhtml",
}

func typeOfSuffix(suffix string) string {
	if p, ok := primitives[suffix]; ok {
		return p
	}
	return suffix
}
