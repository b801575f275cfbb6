package search

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// sort reads _sort (R4 search §3.1.1.5.1): keys in order, "-" for descending. A
// key may go through one reference: patient.name.
func (p *parse) sort(value string) *fhir.Error {
	var keys []Sort
	for code := range strings.SplitSeq(value, ",") {
		code, descending := strings.CutPrefix(code, "-")
		key, err := p.sortKey(code)
		if err != nil {
			return err
		}
		key.Descending = descending
		keys = append(keys, key)
	}
	if len(keys) > maxSorts {
		return fhir.BadSearch("_sort takes at most %d keys", maxSorts)
	}
	p.out.Query.Sort = keys
	return nil
}

func (p *parse) sortKey(code string) (Sort, *fhir.Error) {
	head, rest, chained := strings.Cut(code, ".")
	head, target, _ := strings.Cut(head, ":")
	param := p.reg.Lookup(p.typ, head)
	if param == nil {
		return Sort{}, p.unknown(p.typ, head).WithCode(fhir.CodeNotSupported)
	}
	if !chained && target == "" {
		return Sort{Param: param}, sortable(param)
	}
	if param.Type != ReferenceType || !chained || target != "" && !param.refersTo(target) {
		return Sort{}, fhir.BadSearch("_sort by %s must be reference.parameter or reference:Type.parameter", code)
	}
	key := Sort{Param: param}
	targets := param.Targets
	if target != "" {
		targets = []string{target}
	}
	for _, typ := range targets {
		if inner := p.reg.Lookup(typ, rest); inner != nil {
			if err := sortable(inner); err != nil {
				return key, err
			}
			key.Targets = append(key.Targets, inner)
		}
	}
	if len(key.Targets) == 0 {
		return key, fhir.BadSearch("_sort: nothing that %s refers to has a parameter %q", head, rest).WithCode(fhir.CodeNotSupported)
	}
	return key, nil
}

func sortable(param *Param) *fhir.Error {
	switch param.Type {
	case CompositeType, TextType, PlaceType:
		return fhir.BadSearch("%s cannot be sorted by; sort by another parameter than those of type %s", param.Code, param.Type).WithCode(fhir.CodeNotSupported)
	case Token, ReferenceType, Date, ID, LastUpdated, StringType, NumberType, QuantityType, URIType:
	}
	return nil
}

// include reads _include and _revinclude (R4 search §3.1.1.5.11).
func (p *parse) include(name, modifier, value string) *fhir.Error {
	in := Include{Reverse: name == "_revinclude"}
	switch modifier {
	case "":
	case "iterate", "recurse": // the name before R4
		in.Iterate = true
	default:
		return fhir.BadSearch("modifier :%s of %s is not supported; supported is :iterate", modifier, name).WithCode(fhir.CodeNotSupported)
	}
	if value == "*" && !in.Reverse {
		in.Source = p.typ
		return p.addInclude(in)
	}
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return fhir.BadSearch("%s must be Type:parameter or Type:parameter:TargetType", name)
	}
	in.Source = parts[0]
	if len(parts) == 3 {
		in.Type = parts[2]
	}
	if p.elsewhere(in) {
		return nil
	}
	if !in.Reverse && !in.Iterate && in.Source != p.typ {
		return fhir.BadSearch("_include begins at %s in a search for %s; _include:iterate may go on from another type", p.typ, p.typ)
	}
	if in.Reverse && !in.Iterate && in.Type != "" && in.Type != p.typ {
		return fhir.BadSearch("_revinclude leads to %s in a search for %s", p.typ, p.typ)
	}
	if parts[1] == "*" {
		if in.Reverse {
			return fhir.BadSearch("_revinclude %s must name the parameter", value).WithCode(fhir.CodeNotSupported)
		}
		return p.addInclude(in)
	}
	if in.Param = p.reg.Lookup(parts[0], parts[1]); in.Param == nil || in.Param.Type != ReferenceType {
		return fhir.BadSearch("%s %s is no reference parameter of %s", name, parts[1], parts[0]).WithCode(fhir.CodeNotSupported)
	}
	target := in.Type
	if in.Reverse && !in.Iterate {
		if target = p.typ; p.types != nil && !in.Param.refersTo(target) {
			return nil
		}
	}
	if target != "" && !in.Param.refersTo(target) {
		return fhir.BadSearch("%s:%s cannot refer to %s; it can to %s", parts[0], in.Param.Code, target, strings.Join(in.Param.Targets, ", "))
	}
	return p.addInclude(in)
}

// elsewhere reports whether an include of a search of several types begins at, or
// leads to, another of them.
func (p *parse) elsewhere(in Include) bool {
	switch {
	case p.types == nil || in.Iterate:
		return false
	case in.Reverse:
		return in.Type != "" && in.Type != p.typ && slices.Contains(p.types, in.Type)
	}
	return in.Source != p.typ && slices.Contains(p.types, in.Source)
}

func (p *parse) addInclude(in Include) *fhir.Error {
	if len(p.out.Query.Include) == maxIncludes {
		return fhir.TooCostly("more than %d _include and _revinclude", maxIncludes)
	}
	p.out.Query.Include = append(p.out.Query.Include, in)
	return nil
}

func (p *Param) refersTo(typ string) bool {
	return len(p.Targets) == 0 || slices.Contains(p.Targets, typ)
}

func (p *parse) unknown(typ, name string) *fhir.Error {
	if why := p.reg.refused(typ, name); why != "" {
		return fhir.BadSearch("search parameter %q of %s cannot be used: %s", name, typ, why).WithCode(fhir.CodeNotSupported)
	}
	var codes []string
	for _, param := range p.reg.Params(typ) {
		codes = append(codes, param.Code)
	}
	return fhir.BadSearch("unknown search parameter %q for %s; known are %s, and _count, _sort, _total, _include, _revinclude, _has, _filter, _list, _summary, _elements, _contained, _containedType",
		name, typ, strings.Join(codes, ", ")).WithCode(fhir.CodeNotSupported)
}
