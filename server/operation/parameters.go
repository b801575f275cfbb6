package operation

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// parameters gives the in parameters as a Parameters resource, whether they came
// in the query, as Parameters or as a bare resource (R4 operations §3.2.0.1), and
// checks their names and numbers.
func (o *served) parameters(r Request) (*fhir.Resource, error) {
	in := fhir.NewResource("Parameters")
	list := fhir.NewArray()
	if err := o.fromQuery(r.Query, list); err != nil {
		return nil, err
	}
	switch body := r.Body; {
	case body == nil:
	case body.Get("resourceType").Text() == "Parameters":
		for _, p := range body.Get("parameter").Items() {
			list.Append(p)
		}
	case o.Raw != nil:
		for _, p := range o.Raw(body).Items() {
			list.Append(p)
		}
	case o.Body == "":
		return nil, fhir.Malformed("", "the body of $%s is a Parameters resource", o.code)
	default:
		list.Append(fhir.NewObject(fhir.S("name", o.Body), fhir.M("resource", body)))
	}
	if err := o.check(list); err != nil {
		return nil, err
	}
	if list.Len() > 0 {
		in.Root().Set("parameter", list)
	}
	return in, nil
}

// fromQuery reads the parameters of a URL; only those of simple types can be there.
func (o *served) fromQuery(query string, list *fhir.Element) error {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return fhir.BadSearch("the query has an invalid percent escape")
		}
		if name == "" || value == "" || name == "_format" || name == "_pretty" || name == cursorParameter {
			continue
		}
		p, ok := o.in[name]
		if !ok {
			if !o.Open {
				return o.unknownParameter(name)
			}
			p.typ = "string"
		}
		element, ok := simple(p.typ, value)
		if !ok {
			return fhir.BadSearch("parameter %s of $%s is a %s and cannot be given in the URL", name, o.code, p.typ)
		}
		list.Append(fhir.NewObject(fhir.S("name", name), fhir.M("value"+strings.ToUpper(p.typ[:1])+p.typ[1:], element)))
	}
	return nil
}

// cursorParameter carries the sealed cursor in next links, as in searches.
const cursorParameter = "_cursor"

func cursorIn(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if sealed, ok := strings.CutPrefix(pair, cursorParameter+"="); ok {
			return sealed
		}
	}
	return ""
}

// simple is a value of a primitive type from its text.
func simple(typ, text string) (*fhir.Element, bool) {
	switch typ {
	case "boolean":
		return fhir.NewBool(text == "true"), text == "true" || text == "false"
	case "integer", "positiveInt", "unsignedInt", "decimal":
		n, err := fhir.ParseElement([]byte(text))
		return n, err == nil && n.Is(fhir.Number)
	}
	// A type name in lower case is a primitive's; all others are written as strings.
	return fhir.NewString(text), typ != "" && typ[0] >= 'a' && typ[0] <= 'z'
}

func (o *served) check(list *fhir.Element) error {
	given := map[string]int{}
	for _, p := range list.Items() {
		name := p.Get("name").Text()
		known, ok := o.in[name]
		if !ok && o.Open {
			continue
		}
		if !ok {
			return o.unknownParameter(name)
		}
		if given[name]++; given[name] > 1 && !known.repeats {
			return fhir.Malformed("Parameters.parameter", "parameter %s of $%s is given twice", name, o.code).WithCode(fhir.CodeInvalid)
		}
	}
	for name, p := range o.in {
		if p.required && given[name] == 0 {
			return fhir.Malformed("Parameters.parameter", "parameter %s of $%s is missing", name, o.code).WithCode(fhir.CodeRequired)
		}
	}
	return nil
}

func (o *served) unknownParameter(name string) error {
	var known []string
	for n := range o.in {
		known = append(known, n)
	}
	slices.Sort(known)
	return fhir.BadSearch("unknown parameter %.64q of $%s; known are %s", name, o.code, strings.Join(known, ", ")).WithCode(fhir.CodeNotSupported)
}

// named is the value or resource of the in parameter of that name; nil when absent.
func (c Call) named(name string) *fhir.Element {
	for _, p := range c.In.Get("parameter").Items() {
		if p.Get("name").Text() == name {
			return valueOf(p)
		}
	}
	return nil
}

// texts are the values of the in parameters of that name, which may have several
// in one, parted by commas.
func (c Call) texts(name string) []string {
	var list []string
	for _, p := range c.In.Get("parameter").Items() {
		if p.Get("name").Text() != name {
			continue
		}
		for text := range strings.SplitSeq(valueOf(p).Text(), ",") {
			if text = strings.TrimSpace(text); text != "" {
				list = append(list, text)
			}
		}
	}
	return list
}

// number is the whole number in a parameter, otherwise when it is absent.
func (c Call) number(name string, otherwise, least int) (int, error) { //nolint:unparam // what is least belongs to the call
	given := c.named(name)
	if given == nil {
		return otherwise, nil
	}
	n, err := strconv.Atoi(given.Text())
	if err != nil || n < least {
		return 0, fhir.BadSearch("%s must be a whole number from %d", name, least).WithCode(fhir.CodeValue)
	}
	return n, nil
}

func valueOf(p *fhir.Element) *fhir.Element {
	for _, m := range p.Members() {
		if m.Name == "resource" || strings.HasPrefix(m.Name, "value") {
			return m.Value
		}
	}
	return nil
}
