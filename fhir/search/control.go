package search

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// sort reads _sort (R4 search §3.1.1.5.1): keys in order, "-" for descending.
func (p *parse) sort(value string) *fhir.Error {
	var keys []Sort
	for code := range strings.SplitSeq(value, ",") {
		code, descending := strings.CutPrefix(code, "-")
		param := p.reg.Lookup(p.typ, code)
		if param == nil {
			return p.unknown(p.typ, code).WithCode(fhir.CodeNotSupported)
		}
		if !param.Sortable() {
			return fhir.BadSearch("%s cannot be sorted by; %s can sort by %s", code, p.typ, strings.Join(p.sortable(), ", ")).WithCode(fhir.CodeNotSupported)
		}
		keys = append(keys, Sort{Param: param, Descending: descending})
	}
	if len(keys) > maxSorts {
		return fhir.BadSearch("_sort takes at most %d keys", maxSorts)
	}
	p.out.Query.Sort = keys
	return nil
}

func (p *parse) sortable() []string {
	var codes []string
	for _, param := range p.reg.Params(p.typ) {
		if param.Sortable() {
			codes = append(codes, param.Code)
		}
	}
	return codes
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
		target = p.typ
	}
	if target != "" && !in.Param.refersTo(target) {
		return fhir.BadSearch("%s:%s cannot refer to %s; it can to %s", parts[0], in.Param.Code, target, strings.Join(in.Param.Targets, ", "))
	}
	return p.addInclude(in)
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
	if why := p.reg.table(typ).refused[name]; why != "" {
		return fhir.BadSearch("search parameter %q of %s cannot be used: %s", name, typ, why).WithCode(fhir.CodeNotSupported)
	}
	var codes []string
	for _, param := range p.reg.Params(typ) {
		codes = append(codes, param.Code)
	}
	return fhir.BadSearch("unknown search parameter %q for %s; known are %s, and _count, _sort, _total, _include, _revinclude, _has",
		name, typ, strings.Join(codes, ", ")).WithCode(fhir.CodeNotSupported)
}
