package consent

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Compiler turns Formulas into what stores and memory judge resources by.
type Compiler struct {
	// Search are the parameters that resources are indexed by.
	Search *search.Registry
	Codes  Codes
	// Refers gives what a resource refers to, for data.meaning related; ok is false
	// when that is not known.
	Refers func(key fhir.Key) (list []fhir.Key, ok bool)
	// Authors gives who counts as the author where data.meaning authoredby names a
	// resource: that itself, and who is known to be the same or to work for it (PractitionerRole).
	// For a permit these are those of whom there is no doubt. ok is false when it is
	// not known; a nil Authors knows of nobody else.
	Authors func(key fhir.Key, permits bool) (list []fhir.Key, ok bool)
}

// View is what of a resource type meets a Formula.
func (c *Compiler) View(f Formula, typ string) search.View {
	switch clause, is := c.clause(f, typ); is {
	case yes:
		return search.View{Whole: true}
	case perhaps:
		return search.View{Any: []search.Clause{clause}}
	case no:
	}
	return search.View{}
}

// truth is what is known of a condition before any resource is.
type truth uint8

const (
	no truth = iota
	yes
	perhaps
)

func truly(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (c *Compiler) clause(f Formula, typ string) (search.Clause, truth) {
	switch f.op {
	case always:
		return search.Clause{}, yes
	case holds:
		return c.constraint(f.about, typ)
	case every, either:
		list := make([]cond, len(f.of))
		for i, inner := range f.of {
			list[i].Clause, list[i].is = c.clause(inner, typ)
		}
		if f.op == every {
			return allOf(list...)
		}
		return anyOf(list...)
	case none:
		inner, is := c.clause(f.of[0], typ)
		return negated(inner, is)
	case nothing:
	}
	return search.Clause{}, no
}

// cond is a clause and what is known of it.
type cond struct {
	search.Clause
	is truth
}

func allOf(list ...cond) (search.Clause, truth) { return joined(search.All, yes, no, list) }

func anyOf(list ...cond) (search.Clause, truth) { return joined(search.Any, no, yes, list) }

func joined(by search.Op, neutral, decides truth, list []cond) (search.Clause, truth) {
	var clauses []search.Clause
	for _, one := range list {
		switch one.is {
		case decides:
			return search.Clause{}, decides
		case perhaps:
			clauses = append(clauses, one.Clause)
		}
	}
	switch len(clauses) {
	case 0:
		return search.Clause{}, neutral
	case 1:
		return clauses[0], perhaps
	}
	return search.Clause{Group: &search.Group{Op: by, Clauses: clauses}}, perhaps
}

func negated(c search.Clause, is truth) (search.Clause, truth) {
	switch is {
	case yes:
		return c, no
	case no:
		return c, yes
	}
	return search.Clause{Group: &search.Group{Op: search.None, Clauses: []search.Clause{c}}}, perhaps
}

// of wraps what a method gave.
func of(c search.Clause, is truth) cond { return cond{c, is} }

// constraint joins what a provision says of a resource: all of it must hold.
func (c *Compiler) constraint(k *Constraint, typ string) (search.Clause, truth) {
	list := []cond{{is: yes}}
	if k.Labels != nil {
		list = append(list, of(c.labels(k, typ)))
	}
	if k.Classes != nil {
		list = append(list, of(c.classes(k, typ)))
	}
	if k.Codes != nil {
		list = append(list, of(c.codes(k, typ)))
	}
	if k.Period != nil {
		list = append(list, of(c.period(k, typ)))
	}
	if k.Data != nil {
		list = append(list, of(c.data(k, typ)))
	}
	return allOf(list...)
}

// ranks are the codes of v3-Confidentiality from the least confidential.
var ranks = []string{"U", "L", "M", "N", "R", "V"}

const normal = 3

// labels reads security labels. Confidentiality is ordered: to permit N is to permit
// all up to N and nothing above, to deny R denies all from R. What has no such label
// is normal. Other labels stand for themselves and all they subsume.
//
// The labels that are computed count like the author's. A resource that was stored
// before they were may lack them: it is not permitted, and denied.
func (c *Compiler) labels(k *Constraint, typ string) (search.Clause, truth) {
	param, unlabelled := c.Search.Label(typ)
	if param == nil {
		param = c.Search.Lookup(typ, "_security")
	}
	found := of(c.labelled(k, param))
	if unlabelled == 0 {
		return found.Clause, found.is
	}
	sure := cond{search.Clause{Param: c.Search.Lookup(typ, "_lastUpdated"), Operands: []search.Operand{{Prefix: search.Sa, Low: unlabelled + 1, High: unlabelled + 1}}}, perhaps}
	if k.Permits {
		return allOf(found, sure)
	}
	return anyOf(found, of(negated(sure.Clause, sure.is)))
}

// labelled reads security labels as values of a parameter.
func (c *Compiler) labelled(k *Constraint, param *search.Param) (search.Clause, truth) {
	var list []cond
	for _, label := range k.Labels {
		rank := slices.Index(ranks, label.Code)
		switch {
		case label.Code == "":
			list = append(list, cond{is: truly(!k.Permits)})
		case label.System == Confidentiality && rank >= 0 && k.Permits:
			above := of(tokens(param, Confidentiality, ranks[rank+1:]))
			within := of(negated(above.Clause, above.is))
			if rank < normal {
				within = of(allOf(within, of(tokens(param, Confidentiality, ranks[:rank+1]))))
			}
			list = append(list, within)
		case label.System == Confidentiality && rank >= 0:
			list = append(list, of(tokens(param, Confidentiality, ranks[rank:])))
			if rank <= normal {
				list = append(list, of(negated(search.Clause{Param: param, Operands: []search.Operand{{System: text(Confidentiality)}}}, perhaps)))
			}
		default:
			below, _ := c.Codes.Below(label.System, label.Code)
			if label.System == ActCode {
				below = append(below, alsoBelow[label.Code]...)
			}
			list = append(list, of(tokens(param, label.System, below)))
		}
	}
	return anyOf(list...)
}

// alsoBelow are sensitivities that v3-ActCode defines as part of another without
// saying so in its hierarchy: substance abuse is about alcohol and opioids.
var alsoBelow = map[string][]string{"ETH": {"SUD", "ETHUD", "OPIOIDUD"}}

// tokens asks for any of some codes of a system.
func tokens(param *search.Param, system string, codes []string) (search.Clause, truth) {
	clause := search.Clause{Param: param}
	for _, code := range codes {
		clause.Operands = append(clause.Operands, search.Operand{System: text(system), Code: text(code)})
	}
	if param == nil || len(codes) == 0 {
		return clause, no
	}
	return clause, perhaps
}

func text(s string) *string { return &s }

// Systems that Consent.provision.class is taken from, besides profiles.
const resourceTypes = "http://hl7.org/fhir/resource-types"

// classes reads resource types, and profiles a resource must claim.
func (c *Compiler) classes(k *Constraint, typ string) (search.Clause, truth) {
	var list []cond
	for _, class := range k.Classes {
		switch {
		case class.System == resourceTypes || class.System == "" && fhir.IsResourceType(class.Code):
			list = append(list, cond{is: truly(class.Code == typ)})
		case strings.HasPrefix(class.Code, "http://") || strings.HasPrefix(class.Code, "https://"):
			profile := search.Clause{Param: c.Search.Lookup(typ, "_profile"), Match: search.Exact, Operands: []search.Operand{{Code: text(class.Code)}}}
			list = append(list, cond{profile, perhaps})
		default: // a CDA type, or what nobody knows
			list = append(list, cond{is: truly(!k.Permits)})
		}
	}
	return anyOf(list...)
}

// codes reads codes that a resource must hold in any of its coded elements.
func (c *Compiler) codes(k *Constraint, typ string) (search.Clause, truth) {
	param := c.union(typ, "_consent-code", search.Token, c.Search.Within(typ).Codes, (*search.Param).Coded)
	var list []cond
	for _, code := range k.Codes {
		switch {
		case code.Code == "":
			list = append(list, cond{is: truly(!k.Permits)})
		case param == nil: // nothing in it is coded
		case code.System == "" && !k.Permits: // of whatever system
			list = append(list, cond{search.Clause{Param: param, Operands: []search.Operand{{Code: text(code.Code)}}}, perhaps})
		default:
			below, _ := c.Codes.Below(code.System, code.Code)
			list = append(list, of(tokens(param, code.System, below)))
		}
	}
	return anyOf(list...)
}

// union is a parameter that stands for others of a type, and for an internal one that
// finds what they do not; nil when there are none.
func (c *Compiler) union(typ, code string, kind search.Type, within *search.Param, in func(*search.Param) bool) *search.Param {
	p := &search.Param{Resource: typ, Code: code, Type: kind, Bit: -1}
	if within != nil {
		p.Union = append(p.Union, within)
	}
	for _, one := range c.Search.Params(typ) {
		if one.Index == "" && one.Union == nil && in(one) {
			p.Union = append(p.Union, one)
		}
	}
	if p.Union == nil {
		return nil
	}
	return p
}

// period reads dataPeriod: the clinical time of a resource must overlap it. Where a
// type has such a time but the resource none, a permit does not hold and a deny does.
func (c *Compiler) period(k *Constraint, typ string) (search.Clause, truth) {
	if k.Period.strange() {
		return search.Clause{}, truly(!k.Permits)
	}
	param := clinical(c.Search, typ)
	var list []cond
	if from := k.Period.From; !from.IsZero() {
		list = append(list, cond{search.Clause{Param: param, Operands: []search.Operand{{Prefix: search.Gt, Low: from.UnixMicro(), High: from.UnixMicro()}}}, perhaps})
	}
	if to := k.Period.To; !to.IsZero() {
		list = append(list, cond{search.Clause{Param: param, Operands: []search.Operand{{Prefix: search.Lt, Low: to.UnixMicro(), High: to.UnixMicro()}}}, perhaps})
	}
	within := of(allOf(list...))
	if param.Type == search.LastUpdated {
		return within.Clause, within.is
	}
	if !k.Permits {
		missing := true
		return anyOf(within, cond{search.Clause{Param: param, Missing: &missing}, perhaps})
	}
	present := false
	return allOf(within, cond{search.Clause{Param: param, Missing: &present}, perhaps})
}

// data reads the resources that a provision names.
func (c *Compiler) data(k *Constraint, typ string) (search.Clause, truth) {
	var list []cond
	for _, d := range k.Data {
		if d.Key == (fhir.Key{}) {
			list = append(list, cond{is: truly(!k.Permits)})
			continue
		}
		both := !k.Permits || d.Key.Type == "Encounter" || d.Key.Type == "CarePlan" || d.Key.Type == "EpisodeOfCare"
		switch d.Meaning {
		case "instance":
			list = append(list, c.instance(typ, d.Key))
		case "related":
			if list = append(list, c.instance(typ, d.Key), c.referred(typ, d.Key, k.Permits)); both {
				list = append(list, c.referring(typ, d.Key))
			}
		case "dependents":
			list = append(list, c.instance(typ, d.Key), c.referring(typ, d.Key))
		case "authoredby":
			list = append(list, c.authored(typ, d.Key, k.Permits))
		default:
			list = append(list, cond{is: truly(!k.Permits)})
		}
	}
	return anyOf(list...)
}

func (c *Compiler) instance(typ string, key fhir.Key) cond {
	if key.Type != typ {
		return cond{is: no}
	}
	return cond{search.Clause{Param: c.Search.Lookup(typ, "_id"), Operands: []search.Operand{{Code: &key.ID}}}, perhaps}
}

// referred are the resources that a resource refers to.
func (c *Compiler) referred(typ string, key fhir.Key, permits bool) cond {
	var keys []fhir.Key
	ok := c.Refers != nil
	if ok {
		keys, ok = c.Refers(key)
	}
	if !ok {
		return cond{is: truly(!permits)}
	}
	clause := search.Clause{Param: c.Search.Lookup(typ, "_id")}
	for _, one := range keys {
		if one.Type == typ {
			clause.Operands = append(clause.Operands, search.Operand{Code: text(one.ID)})
		}
	}
	return cond{clause, map[bool]truth{true: perhaps, false: no}[clause.Operands != nil]}
}

// referring are the resources that refer to a resource.
func (c *Compiler) referring(typ string, key fhir.Key) cond {
	return c.pointing(typ, "_consent-reference", []fhir.Key{key}, c.Search.Within(typ).References, func(p *search.Param) bool { return p.Type == search.ReferenceType })
}

// authored are the resources whose author a resource is, or somebody who counts as that.
func (c *Compiler) authored(typ string, key fhir.Key, permits bool) cond {
	keys, ok := []fhir.Key{key}, true
	if c.Authors != nil {
		keys, ok = c.Authors(key, permits)
	}
	found := c.pointing(typ, "_consent-author", keys, c.Search.Within(typ).Authors, func(p *search.Param) bool {
		return p.Type == search.ReferenceType && slices.Contains(authors, p.Code)
	})
	if !ok && found.is != no {
		return cond{is: truly(!permits)}
	}
	return found
}

// pointing are the resources that refer to one of some others by some parameters.
func (c *Compiler) pointing(typ, code string, keys []fhir.Key, within *search.Param, in func(*search.Param) bool) cond {
	param := c.union(typ, code, search.ReferenceType, within, in)
	if param == nil {
		return cond{is: no}
	}
	clause := search.Clause{Param: param}
	for _, key := range keys {
		clause.Operands = append(clause.Operands, search.Operand{Target: search.Target{Type: key.Type, ID: key.ID}})
	}
	return cond{clause, perhaps}
}
