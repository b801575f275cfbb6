package search

import (
	"slices"
	"strings"

	"vitalwire/fhir"
)

// clause reads one parameter: a name with perhaps a modifier, a chain, or _has.
func (p *parse) clause(typ, name, value string, depth int) (Clause, *fhir.Error) {
	if p.clauses++; p.clauses > maxClauses {
		return Clause{}, fhir.TooCostly("a chain that may lead to so many types; name the type of each reference, as in subject:Patient.name")
	}
	if rest, ok := strings.CutPrefix(name, "_has:"); ok {
		return p.has(typ, rest, value, depth)
	}
	switch name {
	case "_filter":
		return p.filter(typ, value, depth)
	case "_list":
		return p.list(value)
	}
	head, rest, chained := strings.Cut(name, ".")
	code, modifier, _ := strings.Cut(head, ":")
	param := p.reg.Lookup(typ, code)
	if param == nil {
		return Clause{}, p.unknown(typ, code)
	}
	if chained {
		return p.chain(param, modifier, rest, value, depth)
	}
	clause := Clause{Param: param}
	modifier, err := clause.modify(modifier, value)
	switch {
	case err != nil || clause.Missing != nil:
		return clause, err
	case param.Type == TextType:
		return p.fullText(param, value)
	case clause.By == ByText:
		return labelled(param, value)
	case clause.Tree != NoTree:
		if err := p.hierarchical(param, modifier); err != nil {
			return clause, err
		}
		modifier = ""
	case param.Type == Token && byTerms[modifier]:
		return p.concepts(clause, modifier, value)
	}
	for _, value := range cutUnescaped(value, ',') {
		if value == "" {
			continue
		}
		if clause.Operands, err = p.operand(&clause, param, modifier, value); err != nil {
			return clause, err
		}
	}
	if len(clause.Operands) > maxOperands {
		return clause, fhir.TooCostly("more than %d values in %s", maxOperands, code)
	}
	if len(clause.Operands) == 0 {
		return clause, fhir.BadSearch("%s has no value", code)
	}
	return clause, nil
}

// modifiers are those of R4 search §3.1.1.4.4 that are served, by type.
func modifiers(t Type) []string {
	switch t {
	case Token:
		return []string{"missing", "not", "of-type", "text", "in", "not-in", "above", "below"}
	case ReferenceType:
		return []string{"missing", "identifier", "text", "above", "below", "a resource type"}
	case StringType:
		return []string{"missing", "exact", "contains", "text"}
	case URIType:
		return []string{"missing", "above", "below"}
	case ID, LastUpdated, TextType:
		return nil
	}
	return []string{"missing"}
}

// modify reads the modifier; what is left of it is a resource type or "above".
func (c *Clause) modify(modifier, value string) (rest string, err *fhir.Error) {
	served := modifiers(c.Param.Type)
	switch {
	case modifier == "":
		if c.Param.Type == URIType {
			c.Match = Exact
		}
		return "", nil
	case c.Param.Type == ReferenceType && fhir.ValidType(modifier) && modifier != "identifier":
		if !c.Param.refersTo(modifier) {
			return "", fhir.BadSearch("%s cannot refer to %s; it can to %s", c.Param.Code, modifier, strings.Join(c.Param.Targets, ", "))
		}
		return modifier, nil
	case !slices.Contains(served, modifier):
		if len(served) == 0 {
			return "", fhir.BadSearch("modifier :%s of %s is not supported; it takes none", modifier, c.Param.Code).WithCode(fhir.CodeNotSupported)
		}
		return "", fhir.BadSearch("modifier :%s of %s is not supported; supported are %s", modifier, c.Param.Code, strings.Join(served, ", ")).WithCode(fhir.CodeNotSupported)
	}
	switch kind := c.Param.Type; {
	case kind == StringType && modifier == "text": // anywhere in the text
		c.Match = Contains
		return "", nil
	case modifier == "text" && c.Param.Index != "":
		return "", fhir.BadSearch("modifier :text of %s is not supported: it is a custom parameter", c.Param.Code).WithCode(fhir.CodeNotSupported)
	case modifier == "text":
		c.By = ByText
		return "", nil
	case kind == ReferenceType && modifier == "below":
		c.Tree = Down
		return modifier, nil
	case kind == ReferenceType && modifier == "above":
		c.Tree = Up
		return modifier, nil
	case kind == Token && byTerms[modifier]:
		c.Not = modifier == "not-in"
		return modifier, nil
	}
	switch modifier {
	case "missing":
		if value != "true" && value != "false" {
			return "", fhir.BadSearch("%s:missing must be true or false", c.Param.Code)
		}
		missing := value == "true"
		c.Missing = &missing
	case "not":
		c.Not = true
	case "of-type":
		c.By = ByType
	case "identifier":
		c.By = ByIdentifier
	case "exact", "above":
		c.Match = Exact
	case "contains":
		c.Match = Contains
	case "below":
		c.Match = Below
	}
	return modifier, nil
}

// hierarchical demands a reference whose type has a hierarchy
// (R4 search §3.1.1.5.7.1).
func (p *parse) hierarchical(param *Param, modifier string) *fhir.Error {
	for _, target := range param.Targets {
		if p.reg.Hierarchy(target) != nil {
			return nil
		}
	}
	return fhir.BadSearch("modifier :%s of %s is not supported: no resource it refers to is part of another of its type by a search parameter partof", modifier, param.Code).WithCode(fhir.CodeNotSupported)
}

// Hierarchy is the reference parameter by which resources of a type are parts of
// others of it, such as partof of Location; nil when there is none.
func (g *Registry) Hierarchy(typ string) *Param {
	for _, code := range []string{"partof", "part-of"} {
		if p := g.Lookup(typ, code); p != nil && p.Type == ReferenceType && slices.Contains(p.Targets, typ) {
			return p
		}
	}
	return nil
}

// list reads _list: members of List resources (R4 search §3.1.1.5.12).
func (p *parse) list(value string) (Clause, *fhir.Error) {
	of := Clause{Param: p.reg.Lookup("List", "_id")}
	item := p.reg.Lookup("List", "item")
	if item == nil {
		return of, p.unknown("List", "item")
	}
	for _, id := range cutUnescaped(value, ',') {
		id = strings.TrimPrefix(unescape(id), "List/")
		if strings.HasPrefix(id, "$") {
			return of, fhir.BadSearch("_list=%s: functional lists are not kept here; name the id of a List", id).WithCode(fhir.CodeNotSupported)
		}
		if !fhir.ValidID(id) {
			return of, fhir.BadSearch("_list must be the id of a List")
		}
		of.Operands = append(of.Operands, Operand{Code: &id})
	}
	if len(of.Operands) > maxOperands {
		return of, fhir.TooCostly("more than %d values in _list", maxOperands)
	}
	return Clause{Has: &Has{Type: "List", Param: item, Clause: of}}, nil
}

// chain reads what stands behind the dot on each type the reference may lead to
// (R4 search §3.1.1.4.14).
func (p *parse) chain(param *Param, modifier, rest, value string, depth int) (Clause, *fhir.Error) {
	clause := Clause{Param: param}
	if param.Type != ReferenceType {
		return clause, fhir.BadSearch("%s is no reference, so nothing can be chained to it with a dot", param.Code)
	}
	if depth++; depth > maxChain {
		return clause, fhir.TooCostly("more than %d references in one chain", maxChain)
	}
	targets := param.Targets
	if modifier != "" {
		if !fhir.IsResourceType(modifier) || !param.refersTo(modifier) {
			return clause, fhir.BadSearch("%s cannot refer to %s; it can to %s", param.Code, modifier, strings.Join(param.Targets, ", "))
		}
		targets = []string{modifier}
	}
	if len(targets) == 0 || len(targets) > 20 {
		return clause, fhir.BadSearch("%s may refer to very many types; name one, as in %s:Patient.%s", param.Code, param.Code, rest)
	}
	var first *fhir.Error
	for _, target := range targets {
		inner, err := p.clause(target, rest, value, depth)
		if err == nil {
			clause.Chain = append(clause.Chain, Chain{Type: target, Clause: inner})
		} else if first == nil || err.Situation == fhir.SituationTooCostly {
			first = err
		}
	}
	if len(clause.Chain) == 0 || first != nil && first.Situation == fhir.SituationTooCostly {
		return clause, first
	}
	return clause, nil
}

// has reads what stands behind "_has:" (R4 search §3.1.1.4.15).
func (p *parse) has(typ, rest, value string, depth int) (Clause, *fhir.Error) {
	if depth++; depth > maxChain {
		return Clause{}, fhir.TooCostly("more than %d references in one chain", maxChain)
	}
	parts := strings.SplitN(rest, ":", 3)
	if len(parts) < 3 || !fhir.IsResourceType(parts[0]) {
		return Clause{}, fhir.BadSearch("_has must be _has:Type:reference:parameter, such as _has:Observation:patient:code")
	}
	param := p.reg.Lookup(parts[0], parts[1])
	if param == nil {
		return Clause{}, p.unknown(parts[0], parts[1])
	}
	if param.Type != ReferenceType || !param.refersTo(typ) {
		return Clause{}, fhir.BadSearch("_has: %s of %s does not refer to %s", parts[1], parts[0], typ)
	}
	inner, err := p.clause(parts[0], parts[2], value, depth)
	return Clause{Has: &Has{Type: parts[0], Param: param, Clause: inner}}, err
}
